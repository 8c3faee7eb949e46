from legato.models.counting import estimate_tokens


def test_four_bytes_make_about_one_token() -> None:
    texts = ["", "a", "four", "five5", "ααα", "\ud800"]

    assert [estimate_tokens(text) for text in texts] == [0, 1, 1, 2, 2, 1]
