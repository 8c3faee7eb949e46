"""What servers send, one file a server and kind: whole, one byte at a time, and cut anywhere.

A file is the body of a response as it comes, and after `=== expected` what it says.
"""

from pathlib import Path

import msgspec
import pytest

from tests.support.models.reading import PREFIX, Answer, answer_of

FOLDER = Path(__file__).parent / "streams"
NAMES = sorted(file.stem for file in FOLDER.glob("*.txt"))


def stream(name: str) -> tuple[bytes, Answer]:
    wire, _, expected = (FOLDER / f"{name}.txt").read_bytes().partition(b"=== expected\n")
    return wire, msgspec.json.decode(expected.replace(b"ours ", b"call_ours_"), type=Answer)


def test_the_corpus_is_there() -> None:
    assert len(NAMES) > 40
    assert PREFIX == "ours"


@pytest.mark.parametrize("name", NAMES)
def test_what_a_server_sends_is_read(name: str) -> None:
    wire, expected = stream(name)

    assert answer_of([wire]) == expected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_it_reads_the_same_cut_at_every_byte(name: str, end: bytes) -> None:
    wire, expected = stream(name)
    wire = b"\xef\xbb\xbf" + wire.replace(b"\n", end)

    assert answer_of([wire[at : at + 1] for at in range(len(wire))]) == expected
    for cut in range(len(wire) + 1):
        assert answer_of([wire[:cut], wire[cut:]]) == expected, wire[:cut]


@pytest.mark.parametrize("name", NAMES)
def test_a_connection_that_breaks_never_finishes_what_was_not_said_to_be_finished(
    name: str,
) -> None:
    """Nor does it say more than the whole."""
    wire, expected = stream(name)
    for cut in range(len(wire)):
        found = answer_of([wire[:cut]], is_broken=True)

        assert expected.text.startswith(found.text)
        assert expected.thought.startswith(found.thought)
        assert expected.refusal.startswith(found.refusal)
        assert (found.finish is None) != (found.failure is None)
        assert found.failure != "provider_error" or expected.failure or found.unreadable
        if found.finish is not None:
            assert (found.text, found.refusal) == (expected.text, expected.refusal)
