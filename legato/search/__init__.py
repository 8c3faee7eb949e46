"""Search over texts: pure, and the same for every storage.

- `excerpts`: the part of a text around the words that were looked for, with these words marked
- `plain_words`: a part of a markdown text without the marks
- `words`: the words of a text and of a query
"""
