"""A turn's place in a conversation, the messages for the model, and the storage of the turn.

- `conversation_store`: stores turns as messages of a conversation
- `history`: the messages for the model: the thread above a message, as far as it fits
- `openings`: makes the opening of a conversation's turn: the place, and the messages for the model
- `plan`: a turn's place among the messages of its conversation
- `response_store`: stores turns as the responses of an API
- `stores`: chooses where a turn is stored: among a conversation's messages, or the responses of an
  API
- `titles`: names a conversation after its first answer
- `turn`: a turn of a conversation: what was requested, and what follows from the request
- `turn_store`: the storage of turns, as a turn of either kind sees the storage
"""
