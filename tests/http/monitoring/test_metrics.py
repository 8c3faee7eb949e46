"""The measurements of a process, and the clients that may read the measurements."""

import re
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest
import trio
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families
from trio.testing import MockClock

from legato.config import ConfigError, Guards
from legato.http.app import create_app
from legato.http.monitoring.loop_delay import INTERVAL, LoopDelay
from legato.http.server.server import run_on
from legato.http.server.signals import Shutdown
from tests.support.http.client import STILL, Client, bearer, everything
from tests.support.http.raw_client import Server
from tests.support.http.runtime import open_client, open_house, settings_with

TOKEN = "a token of the one who measures it all"
Samples = Mapping[str, float]


def samples(text: str) -> Samples:
    """By name and labels, without the process's own."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = dict(sample.labels)
            assert labels.pop("replica")
            given = ",".join(labels[name] for name in sorted(labels))
            found[f"{sample.name}{{{given}}}"] = sample.value
    return found


async def text_at(
    client: Client, address: str, headers: Mapping[str, str] | None = None
) -> tuple[int | None, str]:
    """Status and text of the metrics for a client with the address `address`."""
    connection = client.connect("GET", "/metrics", dict(headers or {}))
    connection.scope["client"] = (address, 1)
    async with connection:
        await connection.send_complete()
        text = await everything(connection)
    return connection.status_code, text.decode()


async def measured(client: Client) -> Samples:
    status, text = await text_at(client, "127.0.0.1")

    assert status == 200, text
    return samples(text)


async def test_jobs_are_measured_from_their_start_to_their_ending(ann: Client) -> None:
    before = await measured(ann)
    await ann.finish()
    await ann.start(model_parameters=STILL)
    after = await measured(ann)

    assert before["legato_jobs_started_total{}"] == 0
    assert after["legato_jobs_started_total{}"] == 2
    assert after["legato_jobs_ended_total{complete}"] == 1
    assert (after["legato_jobs{ended}"], after["legato_jobs{running}"]) == (1, 1)
    assert after["legato_events_total{}"] >= 6
    assert after["legato_first_content_seconds_count{}"] == 1
    assert after["legato_first_content_seconds_bucket{+Inf}"] == 1
    assert "legato_journal_write_seconds_count{}" not in after, "it has no journal"


async def test_the_journal_is_measured_where_there_is_one(tmp_path: Path) -> None:
    settings = replace(settings_with(), database_url=f"sqlite:///{tmp_path}/legato.db")
    async with open_house(settings) as house:
        ann = Client(create_app(settings, house), bearer("ann"))
        await ann.finish()
        found = await measured(ann)

    assert found["legato_journal_write_seconds_count{}"] > 0
    assert found["legato_journal_delay_seconds{}"] >= 0


async def test_what_left_stays_counted(ann: Client) -> None:
    started = await ann.start()
    await ann.read(started["streamId"])
    there = await measured(ann)
    await ann.ask("DELETE", "/api/convos", {"arg": {"conversationId": started["conversationId"]}})
    gone = await measured(ann)

    assert (there["legato_jobs{ended}"], gone["legato_jobs{ended}"]) == (1, 0)
    assert gone["legato_events_total{}"] == there["legato_events_total{}"] > 0


async def test_readers_are_counted_and_those_that_come_back(ann: Client) -> None:
    started = await ann.start(model_parameters=STILL)
    async with (
        ann.follow(started["streamId"]) as stream,
        ann.follow(started["streamId"], "?resume=true") as other,
    ):
        cursor = (await stream.next()).cursor
        await other.next()
        now = await measured(ann)
    async with ann.follow(started["streamId"], Last_Event_ID=cursor) as again:
        await again.next()
    then = await measured(ann)

    assert (now["legato_readers{}"], now["legato_streams{}"]) == (2, 2)
    assert (then["legato_readers{}"], then["legato_streams{}"]) == (0, 0)
    begun = {
        name: then[f"legato_streams_begun_total{{{name}}}"]
        for name in ("beginning", "snapshot", "cursor")
    }
    assert begun == {"beginning": 1, "snapshot": 1, "cursor": 1}


async def test_refusals_are_counted_by_their_reason() -> None:
    async with open_client(on_busy="reject") as ann:
        started = await ann.start(model_parameters=STILL)
        await ann.try_start(conversationId=started["conversationId"])
        await ann.try_start("")
        found = await measured(ann)

    assert found["legato_refusals_total{Busy}"] == 1
    assert found["legato_refusals_total{InvalidField}"] == 1
    assert found["legato_http_requests_total{POST,/api/agents/chat,409}"] == 1


@pytest.mark.parametrize(
    "name",
    [
        *("Forwarded", "Via", "X-Real-IP", "CF-Connecting-IP", "True-Client-IP"),
        *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "x-forwarded-anything"),
    ],
)
async def test_whoever_comes_by_a_proxy_is_not_local(ann: Client, name: str) -> None:
    for value in ("127.0.0.1", ""):
        reply = await ann.ask("GET", "/metrics", headers={name: value})

        assert (reply.status, reply.body["error"]) == (403, "Forbidden")
        assert "metrics_token" in reply.body["message"]


async def test_not_even_a_proxy_that_is_trusted_says_who_is_local() -> None:
    async with open_client(guards=Guards(trusted_proxies=("10.0.0.1", "127.0.0.1"))) as ann:
        for proxy in ("10.0.0.1", "127.0.0.1"):
            assert (await text_at(ann, proxy, {"X-Forwarded-For": "127.0.0.1"}))[0] == 403
        assert (await text_at(ann, "127.0.0.1"))[0] == 200


@pytest.mark.parametrize(
    ("address", "status"),
    [
        *(("127.0.0.1", 200), ("127.8.8.8", 200), ("::1", 200), ("::ffff:127.0.0.1", 200)),
        *(("10.0.0.1", 403), ("192.0.2.1", 403), ("::ffff:192.0.2.1", 403), ("<local>", 403)),
    ],
)
async def test_without_a_token_metrics_are_for_this_machine(
    ann: Client, address: str, status: int
) -> None:
    assert (await text_at(ann, address))[0] == status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *(("localhost", 200), ("LOCALHOST:8000", 200), ("127.0.0.1:8000", 200), ("[::1]:80", 200)),
        *(("evil.example", 403), ("localhost.evil.example", 403), ("192.0.2.1", 403)),
        *(("", 403), ("[", 403), ("127.0.0.1@evil.example", 403), ("evil.example:127", 403)),
    ],
)
async def test_a_name_that_was_made_to_lead_here_is_not_local(
    ann: Client, host: str, status: int
) -> None:
    assert (await text_at(ann, "127.0.0.1", {"Host": host}))[0] == status


async def test_with_a_token_metrics_are_for_whoever_has_it() -> None:
    async with open_client(metrics_token=TOKEN) as ann:
        replies = [
            await ann.ask("GET", "/metrics", headers={"Authorization": given, "Forwarded": "x"})
            for given in (f"Bearer {TOKEN}", f"Bearer {TOKEN}x", TOKEN, "", "é")
        ]

    assert [reply.status for reply in replies] == [200, 401, 401, 401, 401]


async def test_a_process_is_asked_at_a_port_of_its_own() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    shutdown, ready = Shutdown(), trio.Event()
    shared = await trio.open_tcp_listeners(0, host="127.0.0.1")
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            settings = settings_with(metrics_port=port)
            nursery.start_soon(run_on, shared, settings, lambda *_: ready.set(), shutdown)
            await ready.wait()
            async with await Server(port).connect() as client:
                await client.ask("GET", "/metrics")  # of a host called `legato`
                assert (await client.head()).status_code == 403
                await client.body()
            async with await Server(port).connect() as client:
                await client.stream.send_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert (await client.head()).status_code == 200
                assert b"legato_jobs_started_total" in await client.body()
            shutdown.asked.set()
            shutdown.hurried.set()


async def test_a_port_that_cannot_be_had_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = settings_with(metrics_port=taken.getsockname()[1])
        refused = pytest.RaisesExc(
            ConfigError, match=r"^metrics_port: cannot listen on 127\.0\.0\.1"
        )
        with pytest.RaisesGroup(refused, flatten_subgroups=True):
            await run_on([], settings, lambda *_: None, Shutdown())


async def test_a_loop_that_is_late_is_noticed(autojump_clock: MockClock) -> None:
    loop = LoopDelay()
    with trio.move_on_after(10 * INTERVAL + 0.01):
        await loop.run()

    assert sum(loop.delays.counts) == loop.delays.counts[0] == 10


async def test_the_process_is_measured_under_everybody_s_names(ann: Client) -> None:
    found = await measured(ann)

    assert 0 < found["process_open_fds{}"] < found["process_max_fds{}"]
    assert found["process_resident_memory_bytes{}"] > 2**20
    assert found["process_cpu_seconds_total{}"] > 0
    assert found["process_start_time_seconds{}"] > 0


async def test_tasks_are_counted(ann: Client) -> None:
    before = await measured(ann)
    async with trio.open_nursery() as nursery:
        for _ in range(7):
            nursery.start_soon(trio.sleep_forever)
        during = await measured(ann)
        nursery.cancel_scope.cancel()

    assert during["legato_tasks{}"] - before["legato_tasks{}"] == 7


async def test_every_series_has_a_description_and_a_name_of_ours(ann: Client) -> None:
    text = (await text_at(ann, "127.0.0.1"))[1]
    names = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)

    assert len(names) >= 12
    assert all(name.startswith(("legato_", "process_")) for name in names)
    assert names == re.findall(r"^# HELP (\S+) \S", text, re.MULTILINE)
