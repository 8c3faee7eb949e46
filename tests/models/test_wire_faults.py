"""A model server's connection goes wrong at every byte, on real sockets."""

import socket
import struct
from collections.abc import Callable, Iterator

import httpx
import pytest
import trio

from legato.models.contract import FinishReport, ModelError, ModelEvent, TextChunk
from legato.models.openai import OpenAIModel
from tests.support.models.asking import ask_flat, collect, request, text_of
from tests.support.models.played import (
    DONE,
    END,
    HEAD,
    PATIENCE,
    Play,
    PlayedProvider,
    answers,
    chunk,
    delta,
    finish,
    sends,
)

ANSWER = [delta(content="Hel"), delta(content="lo"), finish("stop"), DONE]
WIRE = HEAD + b"".join(map(chunk, ANSWER)) + END
BARE = len(b"\n\n\r\n")  # an event is taken without its blank line, and a chunk's end says nothing
SAID = {  # how much of the wire brings which text
    len(HEAD): "",
    len(HEAD + chunk(ANSWER[0])) - BARE: "Hel",
    len(HEAD + chunk(ANSWER[0]) + chunk(ANSWER[1])) - BARE: "Hello",
}
FINISHED = len(HEAD + b"".join(map(chunk, ANSWER[:3]))) - BARE
RESET = struct.pack("ii", 1, 0)  # closed without a goodbye: what was not read yet may be lost


def closes(wire: bytes) -> Play:
    async def play(stream: trio.SocketStream) -> None:
        await stream.send_all(wire)
        await stream.aclose()

    return play


def resets(wire: bytes) -> Play:
    async def play(stream: trio.SocketStream) -> None:
        await stream.send_all(wire)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        await stream.aclose()

    return play


def half_closes(wire: bytes) -> Play:
    """It says no more, and goes on listening."""

    async def play(stream: trio.SocketStream) -> None:
        await stream.send_all(wire)
        await stream.send_eof()

    return play


def dribbles(wire: bytes) -> Play:
    async def play(stream: trio.SocketStream) -> None:
        for at in range(len(wire)):
            await stream.send_all(wire[at : at + 1])

    return play


async def outcome(model: OpenAIModel) -> tuple[list[ModelEvent], ModelError | None]:
    """Return all that came, and the way in which the stream went wrong, if there was one."""
    seen: list[ModelEvent] = []
    with trio.fail_after(PATIENCE):
        try:
            await collect(model, request(), seen)
        except ModelError as error:
            return seen, error
    return seen, None


def text_by(length: int) -> str:
    """What an answer has said by so many bytes of the wire."""
    return [text for end, text in SAID.items() if end <= length][-1] if length >= len(HEAD) else ""


def lengths(step: int) -> Iterator[int]:
    return iter(range(0, len(WIRE), step))


@pytest.mark.parametrize("ends", [closes, half_closes], ids=["closed", "half closed"])
async def test_what_was_sent_whole_before_an_end_comes_out_and_no_end_is_made_up(
    provider: PlayedProvider, model: OpenAIModel, ends: Callable[[bytes], Play]
) -> None:
    for length in lengths(1 if ends is closes else 7):
        is_answered = length >= len(HEAD) - 2  # a head without its end is no answer yet
        provider.plays = [ends(WIRE[:length])] * 9
        seen, error = await outcome(model)

        assert text_of(seen) == text_by(length), length
        if length >= FINISHED:
            assert (error, seen[-1]) == (None, FinishReport("stop"))
        else:
            assert error is not None
            assert not any(isinstance(event, FinishReport) for event in seen)
            if not is_answered:
                assert error.reason == "provider_unreachable", length
            elif length >= len(HEAD):
                assert error.reason == "provider_cut", length


async def test_a_reset_at_any_byte_makes_up_neither_text_nor_an_end(
    provider: PlayedProvider, model: OpenAIModel
) -> None:
    for length in lengths(3):
        provider.plays = [resets(WIRE[:length])] * 9
        seen, error = await outcome(model)

        assert text_by(length).startswith(text_of(seen)), length
        if error is None:
            assert length >= FINISHED
        else:
            assert error.reason in ("provider_cut", "provider_unreachable")


async def test_an_answer_may_come_by_single_bytes(
    provider: PlayedProvider, model: OpenAIModel
) -> None:
    provider.plays = [dribbles(WIRE)] * 2
    for _ in range(2):
        events = await ask_flat(model, request())
        assert events == [TextChunk("Hel"), TextChunk("lo"), FinishReport("stop")]

    assert provider.connections == 1


async def test_a_connection_that_was_half_closed_is_not_used_again(
    provider: PlayedProvider, model: OpenAIModel
) -> None:
    has_closed = trio.Event()

    async def play(stream: trio.SocketStream) -> None:
        await half_closes(WIRE)(stream)
        has_closed.set()

    provider.plays = [play, sends(WIRE)]
    assert text_of(await ask_flat(model, request())) == "Hello"
    await has_closed.wait()

    assert text_of(await ask_flat(model, request())) == "Hello"
    assert provider.connections == 2


async def test_twenty_requests_use_one_connection(
    provider: PlayedProvider, model: OpenAIModel
) -> None:
    provider.plays = [sends(WIRE)] * 20
    for _ in range(20):
        assert text_of(await ask_flat(model, request())) == "Hello"

    assert provider.connections == 1


async def test_a_redirect_is_followed_on_the_connection_that_brought_it(
    provider: PlayedProvider, model: OpenAIModel
) -> None:
    there = answers("307 Temporary Redirect", b"over there", b"location: /v2/chat/completions")
    provider.plays = [there, sends(WIRE)]

    assert text_of(await ask_flat(model, request())) == "Hello"
    assert [head.split()[1] for head in provider.heads] == [
        *(b"/v1/chat/completions", b"/v2/chat/completions")
    ]
    assert provider.bodies[0] == provider.bodies[1]
    assert provider.connections == 1


@pytest.mark.parametrize("where", ["http://localhost:9/v1/x", "//127.0.0.2/x"])
async def test_a_redirect_to_another_host_takes_no_key_there(
    provider: PlayedProvider, model: OpenAIModel, where: str
) -> None:
    provider.plays = [answers("307 Temporary Redirect", b"", b"location: " + where.encode())] * 9
    _, error = await outcome(model)

    assert error is not None
    assert error.status == httpx.codes.TEMPORARY_REDIRECT
    assert len(provider.heads) == 1


async def test_a_compressed_answer_is_refused_and_its_connection_left(
    provider: PlayedProvider, model: OpenAIModel
) -> None:
    head = HEAD.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n")
    provider.plays = [sends(head, chunk(b"\x1f\x8b\x08"), END), sends(WIRE)]
    _, error = await outcome(model)

    assert error is not None
    assert "compressed by gzip" in str(error)
    assert text_of(await ask_flat(model, request())) == "Hello"
