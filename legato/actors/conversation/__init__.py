"""A turn's place in a conversation, the messages for the model, and the storage of the turn.

- `agent_prompt`: makes an agent's prompt and parameters for the model of a turn
- `history`: the messages for the model: the thread above a message, as far as it fits
- `titles`: names a conversation after its first answer
- `turn`: a turn of a conversation: the request, and its place among the messages
- `turn_store`: stores turns: as a conversation's messages, or as the responses of an API
"""
