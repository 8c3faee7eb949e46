"""Approvals, steers and lanes through OpenAI's own client for Python, on a real server."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import ConflictError, OpenAI
from openai.types.beta import BetaResponseSteerAcceptedEvent
from openai.types.responses.response_output_item import McpApprovalRequest, McpCall

from tests.http.openai.test_approvals import HI
from tests.http.openai.test_runs_python_client import connected
from tests.support.http.live_server import LiveServer
from tests.support.openai.runs import agents_served
from tests.support.openai.sdk import served, with_client

DIRECTLY: Any = {"proxy": None}  # none of this machine's


@pytest.fixture
async def agents(tmp_path: Path) -> AsyncIterator[LiveServer]:
    async with agents_served(tmp_path, with_mcp=True) as server:
        await connected(server)
        yield server


def request_in(response: Any) -> McpApprovalRequest:
    [request] = [item for item in response.output if item.type == "mcp_approval_request"]
    assert isinstance(request, McpApprovalRequest)
    return request


def approving(request: McpApprovalRequest) -> Any:
    return {
        "type": "mcp_approval_response",
        "approval_request_id": request.id,
        "approve": True,
    }


def check_made(response: Any, request: McpApprovalRequest) -> None:
    call = response.output[0]
    assert isinstance(call, McpCall)
    assert call.approval_request_id == request.id
    assert (call.server_label, call.name, call.error) == ("odd", "echo", None)
    assert response.output_text == "It said hello."


async def test_a_response_is_gone_on_from_with_an_approval(agents: LiveServer) -> None:
    def use(client: OpenAI) -> None:
        first = client.responses.create(model="careful", input="Hi")
        request = request_in(first)
        assert (request.server_label, request.name) == ("odd", "echo")
        said: Any = {"input": [approving(request)], "previous_response_id": first.id}
        with client.responses.stream(model="careful", **said) as stream:
            second = stream.get_final_response()
        check_made(second, request)
        with pytest.raises(ConflictError):
            client.responses.create(model="careful", **said)

    await with_client(agents, use)


async def test_a_history_without_storage_is_gone_on_from(agents: LiveServer) -> None:
    def use(client: OpenAI) -> None:
        with client.responses.stream(model="careful", input="Hi", store=False) as stream:
            first = stream.get_final_response()
        history: Any = [{"role": "user", "content": "Hi"}]
        history += [item.model_dump(exclude_none=True) for item in first.output]
        request = request_in(first)
        second = client.responses.create(
            model="careful", input=[*history, approving(request)], store=False
        )
        check_made(second, request)

    await with_client(agents, use)


async def test_a_completion_is_gone_on_from_with_decisions(agents: LiveServer) -> None:
    def use(client: OpenAI) -> None:
        messages: Any = HI["messages"]
        with client.chat.completions.stream(model="careful", messages=messages) as stream:
            message: Any = stream.get_final_completion().choices[0].message
        [call] = message.legato["pending"]
        sent_back = message.model_dump(exclude_none=True)
        decisions = {"legato": {"decisions": [{"id": call["id"], "approve": True}]}}
        whole = client.chat.completions.create(
            model="careful", messages=[*messages, sent_back], extra_body=decisions
        )
        after: Any = whole.choices[0].message
        assert after.content == "It said hello."
        assert after.legato["tool_calls"][0]["name"] == "echo_mcp_odd"

    await with_client(agents, use)


async def test_an_approval_is_given_over_the_websocket(agents: LiveServer) -> None:
    def use(client: OpenAI) -> None:
        with client.responses.connect(websocket_connection_options=DIRECTLY) as connection:
            connection.response.create(model="careful", input="Hi", store=False)
            first = completed(connection)
            request = request_in(first)
            connection.response.create(
                model="careful",
                input=[approving(request)],
                previous_response_id=first.id,
                store=False,
            )
            check_made(completed(connection), request)

    await with_client(agents, use)


def completed(connection: Any) -> Any:
    return next(event for event in connection if event.type == "response.completed").response


async def test_a_steer_of_the_client_is_read_by_a_successor() -> None:
    def use(client: OpenAI) -> None:
        beta = client.beta.responses.connect(websocket_connection_options=DIRECTLY)
        with beta as connection:
            connection.response.create(model="still", input="Hi", stream_id="lane")
            events = iter(connection)
            first: Any = until(events, "response.created")
            until(events, "response.output_text.delta")
            connection.response.steer(input="Shorter.", previous_response_id=first.response.id)
            accepted = until(events, "response.steer.accepted")
            assert isinstance(accepted, BetaResponseSteerAcceptedEvent)
            assert accepted.stream_id == "lane"
            ended: Any = until(events, "response.incomplete")
            assert ended.response.incomplete_details.reason == "steered"
            successor: Any = until(events, "response.created")
            assert successor.response.previous_response_id == first.response.id

    async with served() as (server, _):
        await with_client(server, use)


def until(events: Iterator[Any], kind: str) -> Any:
    return next(event for event in events if event.type == kind)
