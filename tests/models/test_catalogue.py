import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from legato.config import ConfigError, ModelSettings
from legato.models.catalogue import open_models
from legato.models.contract import FinishReport, ModelError
from tests.support.models.asking import ask_flat, request, text_of
from tests.support.models.played import DONE, PlayedProvider, delta, finish, streams


async def test_scripted_is_there_without_configuration() -> None:
    async with open_models({}, {}) as models:
        assert list(models) == ["scripted"]
        assert text_of(await ask_flat(models["scripted"], request(tokens=2, rate=0))) == "w0 w1 "


async def test_a_table_may_script_another(tmp_path: Path) -> None:
    tables = {"fast": ModelSettings(provider="scripted", parameters={"rate": 0, "tokens": 1})}
    async with open_models(tables, {}) as models:
        assert text_of(await ask_flat(models["fast"], request())) == "w0 "
        assert models["fast"].name == "fast"


async def test_a_provider_is_asked_with_the_key_of_the_environment(
    provider: PlayedProvider,
) -> None:
    provider.plays = [streams(delta(content="Hi"), finish("stop"), DONE)] * 2
    tables = {
        "open": ModelSettings(provider="openai", base_url=provider.base_url),
        "keyed": ModelSettings(
            provider="openai",
            base_url=provider.base_url + "/",
            api_key_env="THE_KEY",
            model="gpt-large",
            max_context_tokens=77,
        ),
    }
    async with open_models(tables, {"THE_KEY": " sk-secret\n"}) as models:
        assert models["keyed"].max_context_tokens == 77
        for name in ("open", "keyed"):
            assert text_of(await ask_flat(models[name], request())) == "Hi"

    assert b"authorization" not in provider.heads[0].lower()
    assert b"Bearer sk-secret" in provider.heads[1]
    assert [body["model"] for body in provider.bodies] == ["open", "gpt-large"]
    assert all(head.startswith(b"POST /v1/chat/completions ") for head in provider.heads)


@pytest.mark.parametrize(
    ("environment", "message"),
    [({}, "is not set"), ({"THE_KEY": " "}, "is not set"), ({"THE_KEY": "schlüssel"}, "ASCII")],
)
async def test_a_missing_key_is_said_without_showing_anything(
    environment: Mapping[str, str], message: str
) -> None:
    tables = {"gpt": ModelSettings(provider="openai", api_key_env="THE_KEY")}
    with pytest.raises(ConfigError, match=rf"^models\.gpt\.api_key_env: .*{message}") as caught:
        async with open_models(tables, environment):
            pass

    assert "schl" not in str(caught.value)
    assert "THE_KEY" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            ModelSettings(provider="scripted", parameters={"rate": -1}),
            r"^models\.x\.parameters: rate is -1; allowed",
        ),
        (
            ModelSettings(provider="openai", parameters={"stream": False}),
            r"^models\.x\.parameters: stream is set by the server",
        ),
        (
            ModelSettings(provider="local", model="no.gguf"),
            r"^models\.x: there is no file no\.gguf",
        ),
    ],
)
async def test_a_table_that_cannot_be_used_is_named(table: ModelSettings, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        async with open_models({"x": table}, {}):
            pass


async def test_without_the_engines_package_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, weights: Path
) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ConfigError, match=r"^models\.x: .*pip install ..\[local\]"):
        async with open_models({"x": ModelSettings(provider="local")}, {}, weights.parent):
            pass


async def test_weights_that_cannot_be_kept_are_a_setting_that_cannot_be_used(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"^models\.x: .* cannot hold the weights"):
        async with open_models({"x": ModelSettings(provider="local")}, {}, tmp_path / "file"):
            pass


async def test_a_local_model_runs_while_the_block_does(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # loopback goes by no proxy
    endless = {"ignore_eos": True}
    tables = {
        "smollm2": ModelSettings(provider="local", max_context_tokens=1024, parameters=endless)
    }
    async with open_models(tables, {}, weights.parent) as models:
        model = models["smollm2"]
        asked = request("Say hello.", max_tokens=4)
        last = (await ask_flat(model, asked))[-1]
        assert isinstance(last, FinishReport)
        assert last.reason == "length"
        assert model.max_context_tokens == 768

    with pytest.raises(RuntimeError, match="closed"):
        await ask_flat(model, asked)


async def test_two_local_models_end_in_any_order(weights: Path) -> None:
    table = ModelSettings(provider="local", model=str(weights), max_context_tokens=256)
    asked = request("Hi", max_tokens=2)
    async with open_models({"a": table}, {}) as outer:
        async with open_models({"b": table}, {}) as inner:
            await ask_flat(inner["b"], asked)
        assert await ask_flat(outer["a"], asked)


async def test_the_built_in_model_may_be_switched_off() -> None:
    tables = {"fast": ModelSettings(provider="scripted")}
    async with open_models(tables, {}, built_in=False) as models:
        assert list(models) == ["fast"]


async def test_whatever_is_scripted_says_so_many_tokens_a_second_and_no_more(
    autojump_clock: MockClock,
) -> None:
    tables = {"mine": ModelSettings(provider="scripted", parameters={"rate": 0})}
    async with open_models(tables, {}, scripted_rate=100) as models:
        for model in models.values():
            began = trio.current_time()
            await ask_flat(model, request(tokens=1000, rate=0))
            assert trio.current_time() - began == pytest.approx(9.99, abs=0.1)
            model.check({"rate": 100})
            with pytest.raises(ModelError, match=r"^rate is 101; allowed: .* to 100$"):
                model.check({"rate": 101})
