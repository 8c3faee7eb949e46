"""What a turn asks, what the model gets to read, and where the turn is kept.

- `agent_prompt`: makes an agent's prompt and parameters for the model of a turn
- `history`: what the model gets to read: the thread above a message, as much of it as fits
- `titles`: names a conversation after its first answer
- `turn`: a turn of a conversation: what was asked for, and what that means given its messages
- `turn_store`: stores turns: as a conversation's messages, or as the responses of an API
"""
