"""`legato agents rotate-secrets`: which secrets are sealed anew, and what is said."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import trio

from legato.agents.state import AgentState
from legato.agents.tools.secret_keys import SecretKeys
from legato.cli import main
from legato.storage.contracts.actions import Action
from legato.storage.open import open_records

DATABASE = "sqlite:///.legato/legato.db"
OLD, NEW, LOST = "o" * 32, "n" * 32, "l" * 32


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def keep(secrets: Mapping[str, str]) -> None:
    """Keep an action for each key, with a secret sealed with the key."""

    async def write() -> None:
        async with open_records(DATABASE) as records:
            await records.agents.add("agent_1", "ann", AgentState(model="scripted"))
            for action_id, key in secrets.items():
                sealed = SecretKeys(key).seal(f"secret of {action_id}", action_id)
                values = {"code": "x", "document": "{}", "compiled": "[]", "metadata": {}}
                action = Action(
                    id=action_id,
                    agent_id="agent_1",
                    tools=(action_id,),
                    secret=sealed,
                    **values,  # type: ignore[arg-type]
                )
                await records.actions.put(action, "ann")

    trio.run(write)


def opened(key: str) -> dict[str, str]:
    """The secrets that are sealed with the key, by action."""

    async def read() -> dict[str, str]:
        keys = SecretKeys(key)
        async with open_records(DATABASE) as records:
            found = await records.actions.of_agent("agent_1")
        sealed = {each.id: each.secret for each in found if each.secret}
        ours = {name: each for name, each in sealed.items() if each.key_id == keys.current_id}
        return {name: keys.open(each, name) for name, each in ours.items()}

    return trio.run(read)


def rotate() -> int:
    return main(["agents", "rotate-secrets"])


def test_secrets_of_the_former_key_are_sealed_with_the_new(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keep({"a1": OLD, "a2": NEW, "a3": OLD})
    monkeypatch.setattr("legato.cli.rotating._STEP", 1)
    monkeypatch.setenv("LEGATO_ENCRYPTION_KEY", NEW)
    monkeypatch.setenv("LEGATO_FORMER_ENCRYPTION_KEY", OLD)

    for number in (2, 0):
        assert rotate() == 0
        said = f"{number} secrets sealed anew; all are sealed with the encryption_key\n"
        assert capsys.readouterr().out == said
    assert opened(NEW) == {name: f"secret of {name}" for name in ("a1", "a2", "a3")}


def test_a_secret_that_no_key_opens_stays_and_is_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keep({"a1": LOST, "a2": OLD})
    monkeypatch.setenv("LEGATO_ENCRYPTION_KEY", NEW)
    monkeypatch.setenv("LEGATO_FORMER_ENCRYPTION_KEY", OLD)

    assert rotate() == 2
    assert capsys.readouterr().err == (
        "legato: former_encryption_key: 1 secrets sealed anew; 1 were sealed with neither key; "
        "allowed: the key of these\n"
    )
    assert (opened(LOST), opened(NEW)) == ({"a1": "secret of a1"}, {"a2": "secret of a2"})


def test_without_a_key_and_without_a_database_nothing_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rotate() == 2
    assert "encryption_key: missing" in capsys.readouterr().err
    monkeypatch.setenv("LEGATO_ENCRYPTION_KEY", NEW)
    monkeypatch.setenv("LEGATO_DATABASE_URL", "memory://")
    assert rotate() == 2
    assert "LEGATO_DATABASE_URL: found one in memory" in capsys.readouterr().err
