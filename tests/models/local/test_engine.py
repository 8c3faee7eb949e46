import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import trio

from legato.models.contract import FinishReport, ModelError, TextChunk, UsageReport
from legato.models.local.engine import ENGINE_PARAMETERS, Engine, EngineUnavailable
from legato.models.openai import OpenAIModel, provider_client
from tests.support.models.asking import ask, ask_flat, request, text_of


@pytest.fixture
async def client(engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    async with provider_client(engine.endpoint, trust_env=False) as client:
        yield client


@pytest.fixture
def model(client: httpx.AsyncClient) -> OpenAIModel:
    return OpenAIModel(
        "smollm2",
        client,
        provider_name="smollm2",
        max_context_tokens=1024,
        parameters={**ENGINE_PARAMETERS, "temperature": 0, "max_tokens": 24},
    )


async def test_a_real_model_answers_with_usage_and_a_reason(model: OpenAIModel) -> None:
    *events, report, finish = await ask_flat(model, request("What is the capital of France?"))

    assert text_of(events).isprintable()
    assert isinstance(report, UsageReport)
    assert report.usage.prompt_tokens > 10
    assert 0 < len(events) <= report.usage.completion_tokens <= 24
    assert isinstance(finish, FinishReport)
    assert finish.reason in ("stop", "length")


async def test_a_real_answer_ends_at_the_callers_limit(model: OpenAIModel) -> None:
    events = await ask_flat(model, request("Count to a thousand.", max_tokens=5, ignore_eos=True))

    last = events[-1]
    assert isinstance(last, FinishReport)
    assert last.reason == "length"


async def test_answers_run_side_by_side_and_are_the_same(model: OpenAIModel) -> None:
    texts = []

    async def answer() -> None:
        texts.append(text_of(await ask_flat(model, request("Say hello."))))

    async with trio.open_nursery() as nursery:
        for _ in range(6):
            nursery.start_soon(answer)

    assert len(texts) == 6
    assert all(texts)


async def busy(client: httpx.AsyncClient) -> bool:
    slots = (await client.get("/../slots")).json()
    return any(slot["is_processing"] for slot in slots)


async def becomes_idle(client: httpx.AsyncClient) -> None:
    """Each look is a request to the engine, so this waits on it and not on a clock."""
    while await busy(client):
        pass


async def test_leaving_cancels_the_generation_inside_the_engine(
    model: OpenAIModel, client: httpx.AsyncClient
) -> None:
    endless = request("Tell me a story.", max_tokens=1500, ignore_eos=True)
    async with model.stream(endless) as batches:
        while not (first := await anext(batches)):
            pass  # of a prompt that is being read it only says that it is
        assert await busy(client)
    with trio.fail_after(2):
        await becomes_idle(client)

    assert isinstance(first[0], TextChunk)


async def test_leaving_while_the_prompt_is_read_cancels_it_too(
    model: OpenAIModel, client: httpx.AsyncClient
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, model, request("whale " * 1200))
        while not await busy(client):
            pass
        nursery.cancel_scope.cancel()
    with trio.fail_after(20):  # the whole prompt takes twice as long on a busy machine
        await becomes_idle(client)


async def test_too_long_a_prompt_is_rejected_with_the_engines_words(model: OpenAIModel) -> None:
    with pytest.raises(ModelError, match=r"400: .*context size") as caught:
        await ask(model, request("whale " * 10_000))

    assert caught.value.reason == "context_length_exceeded"


async def test_the_engine_wants_its_key(engine: Engine) -> None:
    async with httpx.AsyncClient(base_url=engine.endpoint.base_url, trust_env=False) as client:
        answer = await client.post("chat/completions", json={"messages": []})

    assert answer.status_code == 401


async def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(EngineUnavailable, match=r"there is no file nowhere\.gguf"):
        Engine(Path("nowhere.gguf"), 512)


async def test_a_file_that_holds_no_model_is_said(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF but not really")
    with pytest.raises(EngineUnavailable, match=r"cannot load .*broken\.gguf"):
        Engine(tmp_path / "broken.gguf", 512)


async def test_without_the_package_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(EngineUnavailable, match=r"pip install ..\[local\]"):
        Engine(tmp_path, 512)


QUIET_LIFE = """
import sys, trio
from contextlib import closing
from pathlib import Path
from legato.models.local.engine import Engine
from legato.models.openai import OpenAIModel, provider_client
from legato.models.contract import ChatMessage, ModelRequest

async def main(engine):
    async with provider_client(engine.endpoint, trust_env=False) as client:
        model = OpenAIModel("m", client, provider_name="m", max_context_tokens=99)
        asked = ModelRequest((ChatMessage("user", "Hi"),), {"ignore_eos": True})
        async with model.stream(asked) as batches:
            await anext(batches)

engine = Engine(Path(sys.argv[1]), 512)
trio.run(main, engine)
if sys.argv[2] == "close":
    engine.close()
"""


@pytest.mark.parametrize("end", ["close", "leave open"])
def test_the_engine_is_silent_and_lets_the_process_end(weights: Path, end: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", QUIET_LIFE, str(weights), end],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


INTERRUPTED = """
import signal, sys, time
from pathlib import Path
from legato.models.local.engine import Engine

# What a shell starts in the background is born ignoring it.
signal.signal(signal.SIGINT, signal.default_int_handler)
engine = Engine(Path(sys.argv[1]), 512)
try:
    print("loaded", flush=True)
    while True:
        time.sleep(0.05)
except KeyboardInterrupt:
    engine.close()
    print("python heard it", flush=True)
"""


def test_an_interrupt_still_reaches_python(weights: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTED, str(weights)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "loaded\n"
        os.kill(process.pid, signal.SIGINT)
        assert process.stdout.read() == "python heard it\n"


async def test_an_engine_closed_at_once_ends_and_answers_nobody(weights: Path) -> None:
    with closing(Engine(weights, 512)) as engine:
        engine.close()
        async with provider_client(engine.endpoint, trust_env=False) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get("models")
