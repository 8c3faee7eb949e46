"""OpenAI's Conversations, in which responses of the Responses API may follow each other.

- `bodies`: bodies of requests and replies of the Conversations API
- `conversations`: conversations of the Responses API: create, read, change, delete
- `entries`: stored entries of a conversation other than responses, and all items of a conversation
- `items`: the items of a conversation: list, read, add, remove
"""
