"""Actions of the storage as tools: which are offered, and why others are not."""

from msgspec import json, structs

from legato.agents.state import AgentState
from legato.agents.tools.actions.compiled import compiled, kept
from legato.agents.tools.secret_keys import SecretKeys
from legato.agents.tools.stored_actions import StoredActions
from legato.config import Settings
from legato.storage.contracts.actions import Action
from legato.storage.memory.records import MemoryRecords
from tests.support.openapi import PETS

OLD, NEW = "o" * 32, "n" * 32
GET, ADD = "getPet_action_x", "addPet_action_x"
AUTH = {"type": "service_http", "authorization_type": "bearer"}


async def records_with(**fields: object) -> MemoryRecords:
    records = MemoryRecords()
    document = json.encode({**PETS, "servers": [{"url": "https://x/v1"}]}).decode()
    action = Action(
        id="a1",
        agent_id="agent_1",
        code="x",
        document=document,
        compiled=kept(compiled(document, "x", allow_http=False)),
        metadata={"auth": AUTH},
        tools=(GET, ADD),
        secret=SecretKeys(OLD).seal("hunter2", "a1"),
    )
    await records.agents.add("agent_1", "ann", AgentState(model="m"))
    await records.actions.put(structs.replace(action, **fields), "ann")
    return records


async def offered(
    records: MemoryRecords, settings: Settings, *names: str, agent_id: str = "agent_1"
) -> tuple[list[str], dict[str, str]]:
    offer = await StoredActions(records.actions, settings).offer(names, "ann", agent_id)
    return [tool.definition.name for tool in offer.tools], dict(offer.missing)


async def test_the_named_operations_are_offered_and_no_others() -> None:
    records = await records_with()
    found, missing = await offered(records, Settings(encryption_key=OLD), ADD, "b_action_x")

    assert found == [ADD]
    assert missing == {"b_action_x": "the agent has no such action"}
    for agent_id in ("agent_2", "helper", ""):
        found, missing = await offered(
            records, Settings(encryption_key=OLD), ADD, agent_id=agent_id
        )
        assert (found, missing) == ([], {ADD: "the agent has no such action"})


async def test_a_key_of_before_is_good_and_a_foreign_key_is_said_to_be() -> None:
    records = await records_with()
    both = Settings(encryption_key=NEW, former_encryption_key=OLD)

    assert await offered(records, both, GET) == ([GET], {})
    for settings in (Settings(encryption_key=NEW), Settings()):
        reason = "the secret was not sealed with the encryption_key or the former_encryption_key"
        assert await offered(records, settings, GET) == ([], {GET: reason})


async def test_hosts_are_asked_for_again_at_each_run() -> None:
    records = await records_with()
    narrow = Settings(encryption_key=OLD, action_hosts=("y",))

    assert await offered(records, narrow, GET) == (
        [],
        {GET: "the server's operator allows no actions of users at x"},
    )
    for hosts in (("x",), ("x:443",)):
        wide = Settings(encryption_key=OLD, action_hosts=hosts)
        assert await offered(records, wide, GET) == ([GET], {})


async def test_http_is_for_hosts_that_the_operator_names() -> None:
    document = json.encode({**PETS, "servers": [{"url": "http://x/v1"}]}).decode()
    made = kept(compiled(document, "x", allow_http=True))
    records = await records_with(compiled=made, secret=None, metadata={})

    assert await offered(records, Settings(), GET) == (
        [],
        {GET: "the server's operator allows no http:// at x"},
    )
    assert await offered(records, Settings(private_action_hosts=("x",)), GET) == ([GET], {})


async def test_what_another_version_has_kept_is_said_to_be() -> None:
    records = await records_with(compiled="{}")
    found, missing = await offered(records, Settings(encryption_key=OLD), GET)

    assert found == []
    assert missing[GET].startswith("another version of Legato has saved the action")


async def test_a_storage_that_is_away_leaves_the_run_without_the_tools() -> None:
    records = await records_with()
    await records.aclose()
    found, missing = await offered(records, Settings(encryption_key=OLD), GET)

    assert found == []
    assert missing[GET].startswith("actions cannot be read: ")
