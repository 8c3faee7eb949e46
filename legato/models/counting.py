"""The length of a text in tokens, estimated."""


def estimate_tokens(text: str) -> int:
    """An estimate: four bytes of UTF-8 to a token, rounded up; 0 for an empty text.

    Today's large vocabularies need about as many for English, code and, thanks to UTF-8's longer
    characters, most other scripts.  Only the provider knows the true number.
    """
    return -(-len(text.encode(errors="replace")) // 4)
