"""Rates: the number of requests allowed, and the headers about the rate."""

from datetime import timedelta

import pytest
import trio
from structlog.testing import capture_logs

from tests.support.http.guards import ELSEWHERE, Door, open_door
from tests.support.storage.redis_servers import RedisServer

MINUTE = timedelta(minutes=1)


async def start(door: Door, user: str = "ann", **where: str) -> int:
    return (await door.guest(user, **where).try_start()).status


async def test_a_user_starts_as_often_as_the_rate_says() -> None:
    async with open_door(starts_per_user="2/minute") as door:
        found = [await door.guest("ann").try_start() for _ in range(3)]
        fields = [
            [reply.headers[f"ratelimit-{name}"] for name in ("limit", "remaining", "reset")]
            for reply in found
        ]
        assert [reply.status for reply in found] == [200, 200, 429]
        assert fields == [["2", "1", "60"], ["2", "0", "60"], ["2", "0", "60"]]
        assert found[2].headers["ratelimit-policy"] == "2;w=60"
        assert found[2].headers["retry-after"] == "60"
        assert found[2].body == {
            "error": "Too many requests",
            "message": "Found more than 2 in 60 seconds.",
            "type": "message_limit",
            "max": 2,
            "limiter": "user",
            "windowInMinutes": 1,
            "score": 1,
        }
        assert await start(door, address=ELSEWHERE) == 429
        assert await start(door, "bob") == 200
        door.clock.now += MINUTE
        assert await start(door) == 200


async def test_an_address_starts_as_often_as_the_rate_says_for_all_its_users() -> None:
    async with open_door(starts_per_ip="2/minute", starts_per_user="10/minute") as door:
        found = [await door.guest(user).try_start() for user in ("ann", "bob", "cleo")]

        assert [reply.status for reply in found] == [200, 200, 429]
        assert [reply.headers["ratelimit-limit"] for reply in found] == ["2", "2", "2"]
        assert found[2].body["limiter"] == "ip"
        assert await start(door, address=ELSEWHERE) == 200


async def test_only_starts_count() -> None:
    async with open_door(starts_per_user="1/minute") as door:
        ann = door.guest("ann")
        for _ in range(3):
            assert (await ann.get("/api/agents/chat/active")).status == 200
            assert (await ann.post("/api/agents/chat/abort", {"streamId": "x"})).status == 404
        assert (await ann.post("/api/agents/chat/openai", {"text": "Hi"})).status == 200
        assert (await ann.post("/api/agents/chat/openai", {"text": "Hi"})).status == 429


async def test_without_rates_nothing_is_told() -> None:
    async with open_door() as door:
        reply = await door.guest("ann").try_start()

    assert not [name for name in reply.headers if name.startswith("ratelimit")]


@pytest.mark.parametrize("api", ["/v1", "/api/agents/v1"])
async def test_an_apis_users_are_told_in_its_shape(api: str) -> None:
    async with open_door(calls_per_key="1/minute") as door:
        ann = door.guest("ann")
        await ann.post(f"{api}/chat/completions", {})
        reply = await ann.post(f"{api}/responses", {})

    assert (reply.status, reply.headers["retry-after"]) == (429, "60")
    assert reply.body["error"]["type"] == "rate_limit_error"
    assert reply.body["error"]["code"] == "rate_limit_exceeded"


async def test_credentials_that_are_not_good_are_counted_and_good_ones_are_not() -> None:
    async with open_door(failures_per_ip="2/minute", ban_score=2, score_logins=1) as door:
        wrong = door.guest(None, Authorization="Bearer x")
        found = [(await wrong.get("/api/convos")).status for _ in range(3)]
        nobody = [(await door.guest(None).get("/api/convos")).status for _ in range(5)]
        ann = [(await door.guest("ann").get("/api/convos")).status for _ in range(5)]
        banned = [(await wrong.get("/api/convos")).body["type"] for _ in range(2)]

    assert found == [401, 401, 429]
    assert nobody == [401] * 5  # a request without credentials counts as no try
    assert ann == [200] * 5
    assert banned == ["logins", "ban"]


async def test_keys_that_are_not_good_are_counted_too() -> None:
    async with open_door(failures_per_ip="1/minute") as door:
        wrong = door.guest(None, Authorization="Bearer sk-x")
        first, second = [await wrong.get("/v1/models") for _ in range(2)]

    assert (first.status, first.body["error"]["code"]) == (401, "invalid_api_key")
    assert (second.status, second.body["error"]["code"]) == (429, "rate_limit_exceeded")


async def test_logins_that_are_not_good_are_counted_too() -> None:
    async with open_door(failures_per_ip="2/minute") as door:
        nobody = door.guest(None, Accept="application/json")
        found = [(await nobody.get("/login?token=x")).status for _ in range(3)]
        without = (await nobody.get("/login")).status

    assert found == [401, 401, 429]
    assert without == 401


async def test_replicas_count_together(redis_server: RedisServer) -> None:
    url = redis_server.url
    async with (
        open_door(redis_url=url, starts_per_user="2/minute") as here,
        open_door(redis_url=url, starts_per_user="2/minute") as there,
    ):
        found = [await start(door) for door in (here, there, here, there)]

    assert found == [200, 200, 429, 429]


async def test_while_redis_is_away_everything_passes_and_it_is_said_once(
    own_redis: RedisServer,
) -> None:
    async with open_door(redis_url=own_redis.url, starts_per_user="1/minute") as door:
        assert [await start(door) for _ in range(2)] == [200, 429]
        own_redis.stop()
        with capture_logs() as logs:
            assert [await start(door) for _ in range(3)] == [200, 200, 200]
        own_redis.start()
        with trio.fail_after(10):  # until the guards notice that Redis is back
            while await start(door) != 429:  # noqa: ASYNC110
                await trio.sleep(0.02)

    warnings = [line["event"] for line in logs if line["log_level"] == "warning"]
    assert warnings == ["rates cannot be counted; everything passes"]


async def test_a_start_is_one_by_whichever_door_and_with_whichever_key() -> None:
    async with open_door(starts_per_user="1/minute") as door:
        made = await door.guest("ann").post("/api/api-keys", {"name": "one more"})
        with_key = door.guest(None, Authorization=f"Bearer {made.body['key']}")
        found = [
            await with_key.post("/v1/chat/completions", {}),
            await door.guest("ann").post("/api/agents/v1/responses", {}),
            await door.guest("ann").post("/v1/responses/compact", {}),
            await door.guest("ann").try_start(),
        ]

    assert [reply.status for reply in found] == [400, 429, 429, 429]


async def test_nobody_is_counted_under_a_key_that_did_not_open() -> None:
    async with open_door(calls_per_key="1/minute") as door:
        session = door.app.authenticator.session("ann")
        found = [
            await door.guest(
                None,
                Authorization=f"Basic sk-{number}",
                Cookie=f"legato_session={session}",
                Origin="http://localhost",
            ).post("/v1/responses", {})
            for number in range(2)
        ]

    assert [reply.status for reply in found] == [400, 429]


async def test_what_nobody_trusted_says_of_an_address_changes_nothing() -> None:
    async with open_door(starts_per_ip="1/minute") as door:
        found = [
            await door.guest("ann", X_Forwarded_For=f"198.51.100.{number}").try_start()
            for number in range(2)
        ]

    assert [reply.status for reply in found] == [200, 429]


async def test_a_user_reads_as_often_as_the_rate_says() -> None:
    async with open_door(reads_per_user="2/minute") as door:
        ann = door.guest("ann")
        found = [await ann.get(path) for path in ("/api/convos", "/v1/models", "/api/models")]

        assert [reply.status for reply in found] == [200, 200, 429]
        assert (found[2].body["type"], found[2].body["score"]) == ("reads", 0)
        assert found[2].headers["retry-after"] == "60"
        assert await start(door) == 200
        assert (await door.guest("bob").get("/api/convos")).status == 200
        assert (await ann.get("/healthz")).status == 200
        door.clock.now += MINUTE
        assert (await ann.get("/api/convos")).status == 200


async def test_where_others_reach_the_server_a_user_has_a_generous_rate() -> None:
    async with open_door(trusted_proxies=("127.0.0.1",)) as door:
        reply = await door.guest("ann").try_start()

    assert (reply.status, reply.headers["ratelimit-policy"]) == (200, "240;w=60")


async def test_a_rate_that_is_off_counts_nothing() -> None:
    async with open_door(
        trusted_proxies=("127.0.0.1",), starts_per_user="off", failures_per_ip="off"
    ) as door:
        reply = await door.guest("ann").try_start()

    assert not [name for name in reply.headers if name.startswith("ratelimit")]


async def test_a_user_changes_things_as_often_as_the_rate_says() -> None:
    async with open_door(writes_per_user="2/minute") as door:
        ann = door.guest("ann")
        made = [await ann.post("/api/agents", {"name": str(number)}) for number in range(2)]
        path = f"/api/agents/{made[0].body['id']}"
        found = [
            await ann.ask("PATCH", path, {"name": "x"}),
            await ann.ask("DELETE", path),
            await ann.post(f"/api/agents/actions/{made[0].body['id']}", {}),
            await ann.ask("PUT", f"/api/permissions/agent/{made[0].body['id']}", {}),
            await ann.post("/api/api-keys", {"name": "k"}),
            await ann.post("/api/convos/update", {}),
        ]

        assert [reply.status for reply in made] == [201, 201]
        assert {reply.status for reply in found} == {429}
        assert (found[0].body["type"], found[0].body["score"]) == ("writes", 1)
        assert (await ann.get(path)).status == 200
        assert await start(door) == 200
        assert (await ann.post("/api/agents/chat/abort", {"streamId": "x"})).status == 404
        assert (await ann.post("/v1/chat/completions", {})).status == 400
        assert (await door.guest("bob").post("/api/agents", {})).status == 201
