"""Witnesses compare the replies to clients about a thing with the history of the thing.

- `asks`: compares the receipts of answers to asks with the journal and with the calls
- `next_turns`: turns that steers become, compared with the journal, the provider's requests and the
  records
- `queue`: compares the replies about waiting turns with the provider's requests
- `steers`: compares the receipts of steers with the journal and with the words that models read
"""
