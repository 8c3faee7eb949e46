"""Actions: the operations of an OpenAPI document as tools.

- `addresses`: which addresses an action may connect to
- `compiled`: a document made ready for runs: the server and the operations, as kept in the storage
- `credentials`: the credential of an action: the header that carries a key, and the key hidden
- `document`: reads OpenAPI documents, in JSON or YAML, within bounds
- `hosts`: the hosts that users' actions may lead to, as operators allow them
- `operations`: the operations of a document, each with one schema for all that it takes
- `requests`: the HTTP request of a call
- `stored`: an action of the storage as tools
- `toolbox`: the tools of all documents that are configured
- `tool`: one operation as a tool: the call, and what comes back
- `yaml_text`: reads YAML as the tree of JSON's types that the text stands for, within bounds
"""
