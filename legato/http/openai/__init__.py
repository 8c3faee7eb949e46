"""OpenAI's two APIs: each generation is a job, as in every API.

- `building`: builds the turn of a large request in a worker thread
- `callers`: headers of a caller of OpenAI's APIs: our own headers, and the SDKs'
- `images`: refuses images for a model that reads no images
- `item_pages`: items of a response or a conversation, page by page
- `leave`: requests for leave in earlier answers, and the decisions of a request on them
- `leave_lookup`: finds the calls that wait for leave in a user's earlier answers
- `models`: the list of models and agents in the form of OpenAI's APIs
- `outcomes`: the outcome of an API's generation: the object, or the failure as an HTTP error
- `paths`: the paths of OpenAI's APIs
- `replies`: bodies of replies for the lists of models
- `unknown_tools`: tools of types that only OpenAI's own servers run: left out and named, or refused
"""
