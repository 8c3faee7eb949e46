from msgspec import UNSET, json

from legato.content import Usage, total


def test_a_sum_of_counts_makes_up_none() -> None:
    assert total([Usage(1, 2), Usage(3, 4)]) == Usage(4, 6, UNSET, UNSET)
    assert total([Usage(1, 2), Usage(3, 4, 0), Usage(5, 6, 1, 2)]) == Usage(9, 12, 1, 2)


def test_a_usage_of_a_former_version_keeps_its_counts() -> None:
    written = b'{"promptTokens":1,"completionTokens":2,"reasoningTokens":0}'

    assert json.decode(written, type=Usage) == Usage(1, 2, 0)
    assert json.encode(Usage(1, 2)) == b'{"promptTokens":1,"completionTokens":2}'
