"""The engine's process dies, and nothing else does."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from legato.models.contract import FinishReport, ModelError
from legato.models.local import process
from legato.models.local.engine import ENGINE_PARAMETERS, EngineUnavailable
from legato.models.local.process import EngineProcess, open_engine
from legato.models.local.requests import EngineModel
from tests.support.models.asking import ask_flat, request, text_of

ENDLESS = request("Tell me a story.", max_tokens=1500)


@pytest.fixture
async def engine(weights: Path) -> AsyncIterator[EngineProcess]:
    async with open_engine(weights, 2048) as engine:
        yield engine


def model_of(engine: EngineProcess) -> EngineModel:
    return EngineModel(
        "m",
        engine.client,
        provider_name="m",
        max_context_tokens=1024,
        parameters={**ENGINE_PARAMETERS, "ignore_eos": True},
    )


async def read_on(batches: AsyncIterator[object]) -> None:
    async for _ in batches:
        pass


async def answers(engine: EngineProcess) -> bool:
    *events, last = await ask_flat(model_of(engine), request("Say hello.", max_tokens=4))
    return bool(text_of(events)) and isinstance(last, FinishReport) and last.reason == "length"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
async def test_an_engine_that_dies_cuts_its_answer_and_serves_the_next_request(
    engine: EngineProcess, number: signal.Signals
) -> None:
    killed = engine.pid
    async with model_of(engine).stream(ENDLESS) as batches:
        while not await anext(batches):
            pass  # the prompt is being read
        os.kill(killed, number)
        with pytest.raises(ModelError, match="broke off"):
            await read_on(batches)

    with trio.fail_after(30):
        assert await answers(engine)
    assert engine.pid != killed


async def test_the_answers_of_another_engine_go_on(engine: EngineProcess, weights: Path) -> None:
    async with open_engine(weights, 512) as other:
        async with model_of(engine).stream(request("Count.", max_tokens=60)) as batches:
            await anext(batches)
            os.kill(other.pid, signal.SIGKILL)
            events = [event async for batch in batches for event in batch]

        assert isinstance(events[-1], FinishReport)
        assert await answers(other)


async def test_an_engine_that_dies_again_and_again_comes_back(engine: EngineProcess) -> None:
    for _ in range(2):
        os.kill(engine.pid, signal.SIGKILL)
        with trio.fail_after(30):
            assert await answers(engine)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signals_that_ask_for_an_end_are_for_the_parent_alone(
    engine: EngineProcess, number: signal.Signals
) -> None:
    pid = engine.pid
    os.kill(pid, number)

    assert await answers(engine)
    assert engine.pid == pid


async def test_an_engine_that_cannot_start_again_is_said_and_tried_again(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "PATIENCE", 1.0)
    monkeypatch.setattr(process, "PAUSES", (0.0, 0.2))
    file = tmp_path / "weights.gguf"
    file.symlink_to(weights)
    async with open_engine(file, 512) as engine:
        file.unlink()
        os.kill(engine.pid, signal.SIGKILL)
        with trio.fail_after(30):
            while "the engine died and does not start" not in await complaint(engine):
                pass  # its death is not noticed yet

        file.symlink_to(weights)
        monkeypatch.setattr(process, "PATIENCE", 30.0)
        assert await answers(engine)


async def complaint(engine: EngineProcess) -> str:
    try:
        await ask_flat(model_of(engine), request("Hi", max_tokens=1))
    except ModelError as error:
        return str(error)
    return ""


async def test_leaving_ends_the_process(weights: Path) -> None:
    async with open_engine(weights, 512) as engine:
        os.kill(engine.pid, 0)

    with pytest.raises(ProcessLookupError):
        os.kill(engine.pid, 0)


PARENT = """
import sys, trio
from pathlib import Path
from legato.models.local.process import open_engine

async def main():
    async with open_engine(Path(sys.argv[1]), 512) as engine:
        print(engine.pid, flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


async def test_a_parent_that_is_killed_leaves_no_engine_behind(weights: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(weights)]
    parent = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    async with parent.stdout:
        descriptor = os.pidfd_open(int(await parent.stdout.receive_some()))
        parent.kill()
        with trio.fail_after(20):
            await parent.wait()
            await trio.lowlevel.wait_readable(descriptor)  # it has ended
    os.close(descriptor)


async def test_weights_that_hold_no_model_are_said(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF but not really")
    with pytest.raises(EngineUnavailable, match=r"cannot load .*broken\.gguf"):
        async with open_engine(tmp_path / "broken.gguf", 512):
            pass


async def test_a_process_that_dies_as_it_starts_is_said(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    monkeypatch.setattr(process, "COMMAND", (sys.executable, "-c", dies))
    with pytest.raises(EngineUnavailable, match=r"ended with status -11 as it started"):
        async with open_engine(weights, 512):
            pass


async def test_without_the_package_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(EngineUnavailable, match=r"pip install ..\[local\]"):
        async with open_engine(tmp_path, 512):
            pass
