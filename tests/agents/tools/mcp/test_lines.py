import pytest
from hypothesis import given
from hypothesis import strategies as st

from legato.agents.tools.mcp.lines import LineSplitter, TooLong


def fed(data: bytes, size: int, most: int = 100) -> list[bytes | TooLong]:
    lines = LineSplitter(most)
    return [line for at in range(0, len(data), size) for line in lines.feed(data[at : at + size])]


@given(st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line)), st.integers(1, 50))
def test_lines_are_the_same_however_they_arrive(lines: list[bytes], size: int) -> None:
    data = b"".join(line + b"\n" for line in lines)

    assert fed(data, size) == [line for line in lines if line.strip()]


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    ("line", "request_id"),
    [
        (b'{"jsonrpc":"2.0","id":7,"result":{"text":"%s"}}' % (b"x" * 400), 7),
        (b'{"result":{"text":"%s"},"jsonrpc":"2.0","id":8}' % (b"x" * 400), 8),
        (b'{"result":{"text":"\\"jsonrpc\\":\\"2.0\\",\\"id\\":9,%s"}}' % (b"x" * 400), None),
        (b"x" * 400, None),
    ],
)
def test_a_line_that_is_too_long_is_dropped_and_the_request_is_found(
    line: bytes, request_id: int | None, size: int
) -> None:
    found, after = fed(line + b"\nnext\n", size)

    assert isinstance(found, TooLong)
    assert found.request_id == request_id
    assert after == b"next"
