"""OpenAI's Conversations, which the Responses API goes on in.

- `bodies`: what clients of the Conversations API send and get
- `conversations`: conversations of the Responses API: create, read, change, delete
- `entries`: what changes a conversation and is no response, as it is stored
- `items`: the items of a conversation: list, read, add, remove
"""
