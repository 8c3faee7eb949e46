"""Operations of a document, called at a real HTTP service."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import trio

from legato.agents.tools.actions import tool as module
from legato.agents.tools.actions.tool import ActionTool
from legato.agents.tools.actions.toolbox import load_actions
from legato.agents.tools.contract import ToolOutput
from legato.agents.tools.named import NamedToolbox
from legato.config import ActionSettings, ConfigError
from tests.support.openapi import Service, open_service

KEY = {"PETS_KEY": "secret:key"}


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with open_service() as service:
        yield service


async def loaded(service: Service, folder: Path, **fields: Any) -> NamedToolbox[ActionTool]:
    document = folder / "pets.json"
    document.write_text(service.document())
    values = {"allow_private": True, "domain": f"localhost:{service.port}", **fields}
    return await load_actions({"pets": ActionSettings(document=str(document), **values)}, KEY)


async def called(
    toolbox: NamedToolbox[ActionTool], name: str, arguments: Mapping[str, Any]
) -> ToolOutput:
    (found,) = [tool for each, tool in toolbox.tools.items() if each.startswith(f"{name}_action_")]
    return await found.call(arguments, "call_1")


async def test_arguments_go_where_the_document_says(service: Service, tmp_path: Path) -> None:
    pets = await loaded(service, tmp_path)
    arguments = {"id": "a/b?", "fields": ["x", "y z"], "X-Trace": "t1"}

    assert await called(pets, "getPet", arguments) == ToolOutput('{"name":"Rex"}')
    await called(pets, "addPet", {"name": "Rex", "tag": None})
    await called(pets, "replaceAll", {"body": [1]})
    await called(pets, "fill", {"a": 1, "b": ["x", "y"]})

    (got, added, replaced, filled) = service.requests
    assert got[:2] == ("GET", "/v1/pets/a%2Fb%3F?fields=x&fields=y+z")
    assert got[2]["host"] == f"localhost:{service.port}"
    assert got[2]["x-trace"] == "t1"
    assert "authorization" not in got[2]
    assert (added[0], json.loads(added[3])) == ("POST", {"name": "Rex", "tag": None})
    assert json.loads(replaced[3]) == [1]
    assert filled[3] == "a=1&b=x&b=y"


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ("basic", "authorization", "Basic c2VjcmV0OmtleQ=="),
        ("bearer", "authorization", "Bearer secret:key"),
        ("header", "x-api-key", "secret:key"),
    ],
)
async def test_credentials_go_into_a_header(
    auth: str, header: str, value: str, service: Service, tmp_path: Path
) -> None:
    pets = await loaded(service, tmp_path, auth=auth, key_env="PETS_KEY")
    await called(pets, "getPet", {"id": 1})

    assert service.requests[0][2][header] == value


@pytest.mark.parametrize("auth", ["basic", "bearer", "header"])
async def test_a_key_that_a_service_sends_back_is_no_result(
    auth: str, service: Service, tmp_path: Path
) -> None:
    pets = await loaded(service, tmp_path, auth=auth, key_env="PETS_KEY")
    told = b"secret:key, c2VjcmV0OmtleQ==, Bearer secret:key. " + b"x" * 65_480 + b"secret:key"
    service.body = told
    answered = await called(pets, "getPet", {"id": 1})
    service.status = 401
    refused = await called(pets, "getPet", {"id": 1})

    for each in (answered, refused):
        assert "[secret], " in each.text
        assert "secret:" not in each.text
    if auth == "basic":
        assert "c2VjcmV0" not in answered.text


async def test_no_argument_stands_beside_the_key(service: Service, tmp_path: Path) -> None:
    pets = await loaded(service, tmp_path, auth="header", key_env="PETS_KEY", header="x-TRACE")
    await called(pets, "getPet", {"id": 1, "X-Trace": "forged"})

    assert service.requests[0][2]["x-trace"] == "secret:key"


async def test_a_proxy_of_the_environment_is_not_asked(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    found = await called(await loaded(service, tmp_path), "getPet", {"id": 1})
    assert found == ToolOutput('{"name":"Rex"}')


async def test_a_private_address_is_not_connected_to(service: Service, tmp_path: Path) -> None:
    document = tmp_path / "pets.json"
    document.write_text(service.document().replace("http://", "https://"))
    table = ActionSettings(document=str(document), domain=f"localhost:{service.port}")
    found = await called(await load_actions({"pets": table}, {}), "getPet", {"id": 1})

    assert found == ToolOutput(
        "The action failed: localhost is at an address inside a network, where no action may "
        "connect.  The call was not made.",
        is_error=True,
    )
    assert service.requests == []


async def test_a_redirect_is_not_followed(service: Service, tmp_path: Path) -> None:
    service.status, service.headers = 302, {"Location": "http://127.0.0.1/inside"}
    found = await called(await loaded(service, tmp_path), "getPet", {"id": 1})

    assert found.text == "The action failed: status 302: redirects are not followed."
    assert len(service.requests) == 1


async def test_what_comes_back_is_bounded(service: Service, tmp_path: Path) -> None:
    pets = await loaded(service, tmp_path)
    service.body = b"x" * 3_000_000
    assert (await called(pets, "getPet", {"id": 1})).text.startswith(
        "The action failed: the answer has more than 1048576 bytes"
    )
    service.body, service.status = b"no such pet", 404
    assert (await called(pets, "getPet", {"id": 1})).text == (
        "The action failed: status 404: no such pet"
    )


async def test_a_service_that_is_away_breaks_or_hangs_is_said_to(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pets = await loaded(service, tmp_path)
    service.is_cut = True
    assert "The call may have happened." in (await called(pets, "getPet", {"id": 1})).text
    away = await loaded(Service(1), tmp_path)
    assert (await called(away, "getPet", {"id": 1})).text == (
        "The action failed: localhost cannot be reached.  The call was not made."
    )

    async def never(*_: object, **__: object) -> str:
        await trio.sleep_forever()
        return ""

    monkeypatch.setattr(module, "resolved", never)
    slow = await loaded(service, tmp_path, timeout=0.01)
    assert (await called(slow, "getPet", {"id": 1})).text == (
        "The action failed: localhost did not answer within 0.01 seconds."
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"id": ".."}, "id: found '..', which would be another path"),
        ({"id": 1, "X-Trace": "a\r\nb"}, "X-Trace: found what no header can carry"),
        ({"id": "x" * 70_000}, "the arguments make no address: URL too long"),
        ({"id": 1, "fields": ["\ud800"]}, "found half of a character"),
    ],
)
async def test_an_argument_stays_in_its_place(
    arguments: Mapping[str, Any], reason: str, service: Service, tmp_path: Path
) -> None:
    found = await called(await loaded(service, tmp_path), "getPet", arguments)

    assert found.text.startswith(f"The action failed: {reason}")
    assert service.requests == []


async def test_operations_are_offered_by_name(service: Service, tmp_path: Path) -> None:
    pets = await loaded(service, tmp_path)
    names = [*pets.tools]
    offer = await pets.offer([names[0], "gone_action_x"], "ada")

    assert [tool.definition.name for tool in offer.tools] == names[:1]
    assert offer.missing["gone_action_x"].startswith("there is no such action; there are: getPet_")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"domain": "other.example"}, "actions.pets.document: "),
        ({"auth": "bearer", "key_env": "GONE"}, "actions.pets.key_env: names no environment"),
        (
            {"auth": "header", "key_env": "PETS_KEY", "header": "Content-Length"},
            "actions.pets.header: allowed: a header such as X-Api-Key",
        ),
    ],
)
async def test_a_table_that_cannot_be_used_is_refused(
    fields: Mapping[str, Any], reason: str, service: Service, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        await loaded(service, tmp_path, **fields)

    assert str(caught.value).startswith(reason)


async def test_a_document_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "odd").write_bytes(b"\xff")
    for file, reason in (("gone", "No such file or directory"), ("odd", "allowed: UTF-8")):
        table = ActionSettings(document=str(tmp_path / file), domain="x")
        with pytest.raises(ConfigError, match=reason):
            await load_actions({"pets": table}, {})


async def test_two_operations_of_one_name_are_refused(service: Service, tmp_path: Path) -> None:
    document = tmp_path / "pets.json"
    document.write_text(service.document())
    domain = f"localhost:{service.port}"
    table = ActionSettings(document=str(document), domain=domain, allow_private=True)
    with pytest.raises(ConfigError, match=r"actions\.b: getPet_action_.* is there already"):
        await load_actions({"a": table, "b": table}, {})
