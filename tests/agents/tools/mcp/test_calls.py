"""Calls of real MCP servers, by both transports."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trio
from msgspec.structs import replace

from legato.agents.tools.bounds import MOST_TEXT
from legato.agents.tools.contract import InputRequired, ToolOutput
from legato.agents.tools.mcp.toolbox import open_mcp
from legato.config.tools import McpSettings
from tests.support.http.live_server import until
from tests.support.mcp.running import Counts, by_http, said, through_forked_pipes, tools_of
from tests.support.storage.redis_servers import free_port

WAYS = ("through pipes", "by HTTP in JSON", "by HTTP in events")


@pytest.fixture
def counts(tmp_path: Path) -> Counts:
    return Counts(tmp_path)


@contextmanager
def running(way: str, counts: Counts) -> Iterator[McpSettings]:
    if way == "through pipes":
        yield through_forked_pipes(counts)
    else:
        with by_http(counts, *(["--json"] if way == "by HTTP in JSON" else [])) as settings:
            yield settings


@pytest.mark.parametrize("way", WAYS)
async def test_what_a_tool_does_is_a_result_that_the_model_reads(way: str, counts: Counts) -> None:
    with running(way, counts) as settings:
        async with tools_of(settings) as (_, tools):
            assert await said(tools["echo"], text="hello") == "hello"
            assert await said(tools["constructor"]) == "built"
            assert await said(tools["__proto__"]) == "built"
            assert await tools["fail"].call({}, "c") == ToolOutput("no such file", is_error=True)
            assert await said(tools["picture"]) == "[image, image/png, 3 bytes, not shown]"
            long = await said(tools["long"])
            assert len(long.encode()) < MOST_TEXT + 40
            assert long.endswith("\n[cut: 134464 bytes more]")


@pytest.mark.parametrize("way", WAYS)
async def test_ten_megabytes_are_refused_once_and_the_server_goes_on(
    way: str, counts: Counts
) -> None:
    with running(way, counts) as settings:
        async with tools_of(settings) as (_, tools):
            assert "more than 1048576" in await said(tools["flood"])
            assert await said(tools["echo"], text="still here") == "still here"

    assert counts.of("flood") == 1


# The `mcp` package's own server does not see a client leave while it makes up a JSON answer.
@pytest.mark.parametrize("way", [way for way in WAYS if way != "by HTTP in JSON"])
async def test_a_stop_reaches_the_call_and_no_other(way: str, counts: Counts) -> None:
    with running(way, counts) as settings:
        async with tools_of(settings) as (_, tools):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(tools["hang"].call, {}, "call_1")
                await until(lambda: counts.of("hang") == 1)
                nursery.cancel_scope.cancel()
            assert await said(tools["echo"], text="goes on") == "goes on"
            await until(lambda: counts.of("cancelled hang") == 1)


@pytest.mark.parametrize("way", WAYS)
async def test_a_call_that_asks_is_made_again_with_the_answer(way: str, counts: Counts) -> None:
    with running(way, counts) as settings:
        async with tools_of(settings) as (_, tools):
            asked = await tools["ask"].call({}, "c")
            assert isinstance(asked, InputRequired)
            assert asked.requests["name"]["params"]["message"] == "Your name?"  # type: ignore[index, call-overload]
            answers = {"name": {"action": "accept", "content": {"name": "Ada"}}}
            found = await tools["ask"].call({}, "c", answers=answers, state=asked.state)  # type: ignore[arg-type]

    assert found == ToolOutput("Hello Ada, state")


@pytest.mark.parametrize("way", WAYS)
async def test_a_list_that_has_changed_is_read_again(way: str, counts: Counts) -> None:
    with running(way, counts) as settings:
        async with tools_of(settings) as (toolbox, tools):
            assert (await toolbox.offer(["late_mcp_odd"], "ada")).tools == []
            await said(tools["more"])
            # By HTTP the news comes by another way than the result.
            with trio.fail_after(30):
                while not (await toolbox.offer(["late_mcp_odd"], "ada")).tools:  # noqa: ASYNC110
                    await trio.sleep(0.05)


async def test_a_call_with_an_unknown_outcome_is_not_made_again(counts: Counts) -> None:
    async with tools_of(through_forked_pipes(counts)) as (_, tools):
        text = await said(tools["die"])
        assert "may or may not have happened" in text
        assert await said(tools["echo"], text="begun again") == "begun again"

    assert counts.of("die") == 1


async def test_a_reading_call_whose_server_died_is_made_once_more(counts: Counts) -> None:
    async with tools_of(through_forked_pipes(counts)) as (_, tools):
        assert await said(tools["die_once"]) == "alive"

    assert counts.of("die_once") == 2


@pytest.mark.parametrize("way", ["through pipes", "by HTTP in events"])
async def test_a_call_that_hangs_ends_at_its_deadline(way: str, counts: Counts) -> None:
    with running(way, counts) as settings:
        async with tools_of(replace(settings, timeout=0.5)) as (_, tools):
            found = await tools["hang"].call({}, "c")
            assert found == ToolOutput(
                "The tool did not answer within 0.5 seconds; it was told to stop.", is_error=True
            )
            await until(lambda: counts.of("cancelled hang") == 1)


async def test_a_run_waits_for_a_server_that_begins_slowly(counts: Counts) -> None:
    async with open_mcp({"odd": through_forked_pipes(counts, "--slow")}) as toolbox:
        offer = await toolbox.offer(["echo_mcp_odd"], "ada")

    assert [tool.definition.name for tool in offer.tools] == ["echo_mcp_odd"]


async def test_a_server_that_cannot_be_reached_is_there_once_it_can(counts: Counts) -> None:
    port = free_port()
    away = McpSettings(url=f"http://127.0.0.1:{port}/mcp")
    async with open_mcp({"odd": away}) as toolbox:
        offer = await toolbox.offer(["echo_mcp_odd"], "ada")
        assert offer.tools == []
        assert "cannot be reached" in offer.missing["echo_mcp_odd"]
        with by_http(counts, port=port), trio.fail_after(40):
            while not (await toolbox.offer(["echo_mcp_odd"], "ada")).tools:  # noqa: ASYNC110
                await trio.sleep(0.1)


async def test_a_server_that_is_gone_is_said_to_be(counts: Counts) -> None:
    with by_http(counts) as settings:
        async with tools_of(settings) as (_, tools):
            assert "may or may not have happened" in await said(tools["die"])
            await until(lambda: is_refused(settings))  # a dying process takes its time
            text = await said(tools["echo"], text="hello")

    assert text.startswith("The MCP server 'odd' failed: the server cannot be reached: ")
    assert text.endswith("The call was not made.")


def is_refused(settings: McpSettings) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(settings.url or "").port)) != 0


async def test_tools_that_no_model_can_use_are_named_with_the_reason(counts: Counts) -> None:
    names = ["a.b_mcp_odd", "far_mcp_odd", "nope_mcp_odd", "x_mcp_nowhere", "echo_mcp_odd"]
    with by_http(counts) as settings:
        async with tools_of(settings) as (toolbox, _):
            offer = await toolbox.offer(names, "ada")

    assert [tool.definition.name for tool in offer.tools] == ["echo_mcp_odd"]
    assert offer.missing == {
        "a.b_mcp_odd": "no model takes the name; allowed: 1 to 64 letters, digits, hyphens and "
        "underscores",
        "far_mcp_odd": "its schema: $ref: found 'http://192.0.2.1/x'; allowed: a place in the "
        "schema, such as #/$defs/x",
        "nope_mcp_odd": "the MCP server 'odd' lists no tool 'nope'",
        "x_mcp_nowhere": "there is no MCP server 'nowhere'; there are: odd",
    }
