"""The stream of a user's notices.

- `routes`: the route that tells a user's tabs and devices what happens in the conversations
- `streaming`: notices as the body of a response
"""
