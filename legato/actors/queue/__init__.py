"""The turns of a conversation that wait for the turns before, and the changes asked of them.

- `changes`: the changes asked of a waiting turn, as the turn's recorder makes the changes
- `questions`: the questions about a waiting turn, and the answers
- `turn_queue`: the order in which waiting turns begin, as a waiting turn sees the order
- `waiting_turn`: one job's questions about the waiting turn, answered by the job and the recorder
"""
