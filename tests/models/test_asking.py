import ssl

import httpx
import pytest
from trio.testing import MockClock

from legato.models.contract import ChatMessage, FinishReport, ModelError, ModelRequest, TextChunk
from tests.support.models.asking import ask, ask_flat, request
from tests.support.models.paced import PacedProvider, model_of, refuses, streams
from tests.support.models.played import DONE, delta

TEXT = delta(content="Hi")
ANSWER = [TextChunk("Hi"), FinishReport("stop")]
NOT_THAT = {"error": {"message": "Unsupported parameter: 'max_tokens'. Use another instead."}}


def answers() -> httpx.Response:
    return streams(TEXT, DONE)


async def test_what_a_provider_calls_a_limit_is_learned_and_remembered(
    autojump_clock: MockClock,
) -> None:
    provider = PacedProvider(refuses(400, NOT_THAT), answers(), answers())
    model = model_of(provider)

    for _ in range(2):
        assert await ask_flat(model, request(max_tokens=7)) == ANSWER
    found = [
        (body.get("max_tokens"), body.get("max_completion_tokens")) for body in provider.bodies
    ]
    assert found == [(7, None), (None, 7), (None, 7)]


async def test_what_did_not_help_is_not_remembered(autojump_clock: MockClock) -> None:
    again = {"error": {"message": "max_completion_tokens is not supported either"}}
    provider = PacedProvider(refuses(400, NOT_THAT), refuses(400, again), refuses(400, NOT_THAT))
    model = model_of(provider)
    with pytest.raises(ModelError, match="400"):
        await ask(model, request(max_tokens=7))

    assert len(provider.bodies) == 3
    assert model._lessons.learned == frozenset()


@pytest.mark.parametrize("status", [400, 422])
async def test_stream_options_are_left_out_from_the_second_request_on(
    autojump_clock: MockClock, status: int
) -> None:
    refusal = refuses(status, {"detail": [{"loc": ["body", "stream_options"]}]})
    provider = PacedProvider(refusal, answers(), answers())
    model = model_of(provider)
    await ask(model, request())
    await ask(model, request())

    assert ["stream_options" in body for body in provider.bodies] == [True, False, False]


async def test_roles_that_must_alternate_do(autojump_clock: MockClock) -> None:
    refusal = refuses(400, {"error": "Conversation roles must alternate user/assistant"})
    provider = PacedProvider(refusal, answers())
    asked = ModelRequest((ChatMessage("user", "first"), ChatMessage("user", "second")))

    assert await ask_flat(model_of(provider), asked) == ANSWER
    assert provider.bodies[1]["messages"] == [{"role": "user", "content": "first\n\nsecond"}]


@pytest.mark.parametrize(
    ("returns_thoughts", "more", "expected"),
    [
        (True, {"tool_calls": [{}]}, "Hm"),
        (True, {}, None),
        (True, {"tool_calls": [{}], "reasoning_content": "the caller's"}, "the caller's"),
        (False, {"tool_calls": [{}]}, None),
    ],
)
async def test_thoughts_go_back_beside_calls_to_who_wants_them(
    autojump_clock: MockClock, returns_thoughts: bool, more: dict[str, object], expected: str | None
) -> None:
    provider = PacedProvider(answers())
    model = model_of(provider, returns_thoughts=returns_thoughts)
    asked = ModelRequest((ChatMessage("assistant", None, more, "Hm"),))
    await ask_flat(model, asked)

    assert provider.bodies[0]["messages"][0].get("reasoning_content") == expected


@pytest.mark.parametrize("default", ["max_tokens", "max_completion_tokens"])
async def test_a_callers_limit_takes_the_place_of_the_tables_by_either_name(
    autojump_clock: MockClock, default: str
) -> None:
    provider = PacedProvider(answers(), answers())
    model = model_of(provider, parameters={default: 9, "seed": 1})
    await ask_flat(model, request(max_tokens=5))
    await ask_flat(model, request())
    limits = [
        {name: value for name, value in body.items() if name.startswith("max_")}
        for body in provider.bodies
    ]

    assert limits == [{"max_tokens": 5}, {default: 9}]


async def test_a_refusal_that_a_lesson_does_not_mend_is_said(autojump_clock: MockClock) -> None:
    refusal = {"error": "Conversation roles must alternate user/assistant"}
    provider = PacedProvider(refuses(400, refusal))
    with pytest.raises(ModelError, match="must alternate"):
        await ask(model_of(provider), request())

    assert len(provider.bodies) == 1


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/v2/chat/completions", "http://host/v2/chat/completions"),
        ("https://host/v1/x", "https://host/v1/x"),
        ("http://host:8080/y", "http://host:8080/y"),
        ("completions/", "http://host/v1/chat/completions/"),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_on_the_same_host_is_followed_as_the_same_request(
    autojump_clock: MockClock, location: str, target: str, status: int
) -> None:
    provider = PacedProvider(refuses(status, location=location), answers())

    assert await ask_flat(model_of(provider), request()) == ANSWER
    assert provider.urls[1] == target
    assert provider.bodies[0] == provider.bodies[1]


@pytest.mark.parametrize(
    "location", ["http://elsewhere/v1", "//elsewhere", "ftp://host/", "http://[", ""]
)
async def test_the_key_is_carried_to_no_other_host(
    autojump_clock: MockClock, location: str
) -> None:
    provider = PacedProvider(refuses(307, location=location))
    with pytest.raises(ModelError, match="answered 307") as caught:
        await ask(model_of(provider), request())

    assert caught.value.reason == "provider_rejected"
    assert len(provider.urls) == 1


async def test_a_circle_of_redirects_ends(autojump_clock: MockClock) -> None:
    provider = PacedProvider(*(refuses(307, location="/again") for _ in range(9)))
    with pytest.raises(ModelError, match="answered 307"):
        await ask(model_of(provider), request())

    assert len(provider.urls) == 6


@pytest.mark.parametrize(
    ("status", "headers", "askings", "waited"),
    [
        (429, {"retry_after": "7"}, 2, 7.0),
        (429, {"retry_after": "0.5"}, 2, 0.5),
        (429, {"retry_after_ms": "1500", "retry_after": "9"}, 2, 1.5),
        (503, {"x_should_retry": "false"}, 1, 0.0),
        (400, {"x_should_retry": "true"}, 2, 0.0),
        (408, {}, 2, 0.0),
        (529, {}, 2, 0.0),
        (501, {}, 1, 0.0),
        (404, {}, 1, 0.0),
    ],
)
async def test_a_refusal_is_repeated_when_and_where_that_may_help(
    autojump_clock: MockClock, status: int, headers: dict[str, str], askings: int, waited: float
) -> None:
    provider = PacedProvider(refuses(status, **headers), answers())
    if askings == 1:
        with pytest.raises(ModelError, match=f"answered {status}"):
            await ask(model_of(provider), request())
    else:
        assert await ask_flat(model_of(provider), request()) == ANSWER

    assert len(provider.times) == askings
    assert provider.times[-1] - provider.times[0] == pytest.approx(waited)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (429, {"error": {"message": "slow", "code": "rate_limit"}}, "provider_rate_limited"),
        (429, {"error": {"message": "pay", "code": "insufficient_quota"}}, "insufficient_quota"),
    ],
)
async def test_a_refusal_says_after_how_long_to_ask_again(
    autojump_clock: MockClock, status: int, body: object, reason: str
) -> None:
    provider = PacedProvider(refuses(status, body, retry_after="3600"))
    with pytest.raises(ModelError) as caught:
        await ask(model_of(provider), request())

    error = caught.value
    assert (error.reason, error.status, error.retry_after) == (reason, 429, 3600.0)
    assert len(provider.times) == 1


def untrusted() -> Exception:
    error = httpx.ConnectError("certificate verify failed")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed")
    return error


@pytest.mark.parametrize(
    ("error", "askings"),
    [
        (httpx.ConnectError("refused"), 3),
        (httpx.RemoteProtocolError("hung up"), 3),
        (httpx.ConnectTimeout("late"), 3),
        (untrusted(), 1),
        (httpx.LocalProtocolError("bad header"), 1),
        (httpx.UnsupportedProtocol("gopher"), 1),
    ],
    ids=lambda found: type(found).__name__,
)
async def test_an_error_on_the_way_is_repeated_where_that_may_help(
    autojump_clock: MockClock, error: Exception, askings: int
) -> None:
    provider = PacedProvider(error, error, error)
    with pytest.raises(ModelError, match="cannot be reached") as caught:
        await ask(model_of(provider), request())

    assert caught.value.reason == "provider_unreachable"
    assert len(provider.times) == askings
