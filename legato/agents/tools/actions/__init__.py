"""Actions: the operations of an OpenAPI document as tools.

- `addresses`: which addresses an action may connect to
- `document`: reads OpenAPI documents, in JSON or YAML, within bounds
- `operations`: the operations of a document, each with one schema for all that it takes
- `requests`: the HTTP request of a call
- `toolbox`: the tools of all documents that are configured
- `tool`: one operation as a tool: the call, and what comes back
"""
