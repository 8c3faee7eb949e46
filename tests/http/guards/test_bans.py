"""Violations add up to bans, and bans end."""

from datetime import timedelta

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import wait_all_tasks_blocked

from legato.config import Limits
from legato.http.guards.bans import REFRESH, BanList
from legato.storage.contracts.bans import Ban
from legato.storage.memory.bans import MemoryBans
from tests.support.http.client import STILL
from tests.support.http.guards import ELSEWHERE, HOME, Door, open_door
from tests.support.storage.redis_servers import RedisServer
from tests.support.storage.turns import SteppedClock

HOUR = timedelta(hours=1)
COMPLETIONS = "/v1/chat/completions"


async def ban(door: Door, subject: str, time: timedelta = HOUR) -> None:
    until = door.clock.now + time
    await door.house.records.bans.ban([Ban(subject=subject, kind="manual", until=until)])


async def test_a_banned_user_is_told_so_on_every_route_and_for_how_long() -> None:
    async with open_door() as door:
        await ban(door, "user:ann")
        ann = door.guest("ann", ELSEWHERE)
        for path in ("/api/convos", "/api/agents/chat/active", "/api/nothing"):
            reply = await ann.get(path)

            assert reply.status == 403
            assert reply.body == {
                "error": "Banned",
                "message": "Your account has been temporarily banned due to violations of our "
                "service.",
                "type": "ban",
                "violation_count": 0,
                "duration": 3_600_000,
                "expiresAt": int((door.clock.now + HOUR).timestamp() * 1000),
            }
            assert reply.headers["retry-after"] == "3601"
        assert (await door.guest("bob", ELSEWHERE).get("/api/convos")).status == 200


async def test_where_openais_api_is_asked_its_shape_says_so() -> None:
    async with open_door() as door:
        await ban(door, "user:ann")
        reply = await door.guest("ann").post(COMPLETIONS, {})

    assert reply.status == 403
    assert reply.body["error"]["type"] == "permission_error"
    assert reply.body["error"]["message"].startswith("Your account has been temporarily banned")


async def test_a_banned_address_is_turned_away_whoever_asks_and_unheard() -> None:
    async with open_door() as door:
        await ban(door, f"ip:{HOME}")

        assert (await door.guest("ann").get("/api/convos")).status == 403
        assert (await door.guest(None).get("/api/convos")).status == 403  # rather than 401
        assert (await door.guest("ann", ELSEWHERE).get("/api/convos")).status == 200


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/docs", "/static/css/base.css"])
async def test_a_ban_does_not_touch_what_is_public(path: str) -> None:
    async with open_door() as door:
        await ban(door, f"ip:{HOME}")

        assert (await door.guest("ann").get(path)).status == 200


async def test_a_ban_ends_by_itself_also_where_it_was_looked_up_often() -> None:
    async with open_door() as door:
        await ban(door, "user:ann")
        ann = door.guest("ann")
        for _ in range(3):
            assert (await ann.get("/api/convos")).status == 403
        door.clock.now += HOUR - timedelta(seconds=1)
        assert (await ann.get("/api/convos")).status == 403
        door.clock.now += timedelta(seconds=1)
        assert (await ann.get("/api/convos")).status == 200


async def test_what_others_ban_or_lift_is_known_soon() -> None:
    async with open_door() as door:
        ann = door.guest("ann")
        assert (await ann.get("/api/convos")).status == 200
        await ban(door, "user:ann")
        door.clock.now += REFRESH
        assert (await ann.get("/api/convos")).status == 403
        await door.house.records.bans.lift("user:ann")
        door.clock.now += REFRESH
        assert (await ann.get("/api/convos")).status == 200


class SlowBans(MemoryBans):
    """Bans whose reading waits for the test."""

    def __init__(self, clock: SteppedClock) -> None:
        self.may_be_read = trio.Event()
        super().__init__(self._wait, clock)

    async def _wait(self, *_: object) -> None:
        await self.may_be_read.wait()


async def test_nobody_passes_before_bans_were_read_once() -> None:
    clock = SteppedClock()
    bans = SlowBans(clock)
    ban_list = BanList(bans, clock)
    found: list[Ban | None] = []

    async def find() -> None:
        found.append(await ban_list.find(["user:ann"]))

    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(find)
        await wait_all_tasks_blocked()
        bans.may_be_read.set()
        banned = Ban(subject="user:ann", kind="manual", until=clock.now + HOUR)
        bans._bans["user:ann"] = banned

    assert found == [banned, banned]


async def test_while_bans_are_read_again_the_former_copy_holds() -> None:
    clock = SteppedClock()
    bans = SlowBans(clock)
    bans.may_be_read.set()
    banned = Ban(subject="user:ann", kind="manual", until=clock.now + HOUR)
    await bans.ban([banned])
    ban_list = BanList(bans, clock)
    assert await ban_list.find(["user:ann"]) == banned
    bans.may_be_read = trio.Event()
    clock.now += REFRESH

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ban_list.find, ["user:ann"])
        await wait_all_tasks_blocked()
        assert await ban_list.find(["user:ann"]) == banned
        bans.may_be_read.set()


async def test_a_clock_that_is_set_back_does_not_keep_an_old_copy() -> None:
    async with open_door() as door:
        assert (await door.guest("ann").get("/api/convos")).status == 200
        door.clock.now -= HOUR
        await ban(door, "user:ann")

        assert (await door.guest("ann").get("/api/convos")).status == 403


async def test_too_many_generations_are_a_violation_and_many_of_them_a_ban() -> None:
    limits = Limits(max_running_jobs_per_user=1)
    async with open_door(limits=limits, ban_score=2, ban_duration=7200, score_concurrent=1) as door:
        ann = door.guest("ann")
        await ann.start(model_parameters=STILL)
        first, second, third = [await ann.try_start() for _ in range(3)]
        others = [
            await door.guest(user, address).get("/api/convos")
            for user, address in (("ann", ELSEWHERE), ("bob", HOME), ("bob", ELSEWHERE))
        ]
        date = door.clock.now.isoformat().replace("+00:00", "Z")

    assert (first.status, first.headers["retry-after"]) == (429, "2")
    assert first.body == {
        "error": "Too many generations",
        "message": "You have 1 running generations; more are not allowed.",
        "type": "concurrent",
        "limit": 1,
        "pendingRequests": 2,
        "score": 1,
        "prev_count": 0,
        "violation_count": 1,
        "date": date,
    }
    assert second.body == first.body | {
        "prev_count": 1,
        "violation_count": 2,
        "ban": True,
        "ban_duration": 7_200_000,
    }
    assert (third.status, third.body["type"], third.body["violation_count"]) == (403, "ban", 2)
    assert [reply.status for reply in others] == [403, 403, 200]


async def test_a_ban_follows_every_further_multiple() -> None:
    limits = Limits(max_running_jobs_per_user=1)
    async with open_door(limits=limits, ban_score=2, ban_duration=60, score_concurrent=1) as door:
        ann = door.guest("ann")
        await ann.start(model_parameters=STILL)
        found = []
        for _ in range(6):
            found.append((await ann.try_start()).body.get("ban", False))
            door.clock.now += timedelta(seconds=61)

    assert found == [False, True, False, True, False, True]


async def test_without_a_score_for_bans_nothing_is_counted() -> None:
    async with open_door(limits=Limits(max_running_jobs_per_user=1)) as door:
        ann = door.guest("ann")
        await ann.start(model_parameters=STILL)
        reply = await ann.try_start()
        scores = await door.house.records.bans.blame(["user:ann"], "concurrent", 0, lifetime=HOUR)

    assert (reply.status, reply.body["type"], reply.body["score"]) == (429, "concurrent", 1)
    assert "violation_count" not in reply.body
    assert scores == [0]


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/agents/chat", 400), (COMPLETIONS, 404), (f"/api/agents{COMPLETIONS}", 404)],
)
async def test_a_model_that_is_not_there_is_a_violation(path: str, status: int) -> None:
    messages = [{"role": "user", "content": "Hi"}]
    async with open_door(ban_score=1) as door:
        body = {"text": "Hi", "model": "nobody", "messages": messages}
        reply = await door.guest("ann").post(path, body)

        assert reply.status == status
        assert (await door.guest("ann", ELSEWHERE).get("/api/convos")).status == 403


async def test_an_apis_generations_are_counted_with_the_others() -> None:
    async with open_door(limits=Limits(max_running_jobs_per_user=1), ban_score=1) as door:
        ann = door.guest("ann")
        await ann.start(model_parameters=STILL)
        body = {"model": "scripted", "messages": [{"role": "user", "content": "Hi"}]}
        reply = await ann.post(COMPLETIONS, body)

        assert (reply.status, reply.body["error"]["type"]) == (429, "rate_limit_error")
        assert (await ann.post(COMPLETIONS, body)).status == 403


async def test_another_users_conversation_is_a_violation_where_it_has_a_score() -> None:
    for score, after in ((0, 200), (1, 403)):
        async with open_door(ban_score=1, score_convo_access=score) as door:
            started = await door.guest("ann", ELSEWHERE).start()
            await door.guest("ann", ELSEWHERE).read(started["generationId"])
            bob = door.guest("bob")
            reply = await bob.get(f"/api/convos/{started['conversationId']}")

            assert (reply.status, reply.body["error"]) == (403, "Unauthorized")
            assert (await bob.get("/api/convos")).status == after


async def test_a_start_in_another_users_conversation_says_what_it_is() -> None:
    async with open_door() as door:
        started = await door.guest("ann").start()
        reply = await door.guest("bob").try_start(conversationId=started["conversationId"])

    assert (reply.status, reply.body["error"]) == (403, "Unauthorized")
    assert reply.body["type"] == "convo_access"


async def test_while_bans_cannot_be_read_those_that_are_known_hold() -> None:
    async with open_door() as door:
        await ban(door, "user:ann")
        assert (await door.guest("ann").get("/api/models")).status == 403
        await door.house.records.aclose()
        with capture_logs() as logs:
            found = []
            for _ in range(2):
                door.clock.now += REFRESH
                found += [
                    (await door.guest(user).get("/api/models")).status for user in ["ann", "bob"]
                ]

    assert found == [403, 200, 403, 200]
    assert [line["event"] for line in logs] == ["bans cannot be read; those that are known hold"]


async def test_while_violations_cannot_be_counted_they_are_refused_as_ever() -> None:
    async with open_door(ban_score=1) as door:
        await door.house.records.aclose()
        with capture_logs() as logs:
            reply = await door.guest("ann").try_start(model="nobody")

    assert reply.status == 400
    assert "violations cannot be counted" in [line["event"] for line in logs]


async def test_replicas_share_bans_over_redis(redis_server: RedisServer) -> None:
    limits = Limits(max_running_jobs_per_user=1)
    async with (
        open_door(redis_url=redis_server.url, limits=limits, ban_score=1) as here,
        open_door(redis_url=redis_server.url) as there,
    ):
        ann = here.guest("ann")
        await ann.start(model_parameters=STILL)
        assert (await there.guest("ann").get("/api/convos")).status == 200
        assert (await ann.try_start()).body["ban"] is True
        there.clock.now += REFRESH

        assert (await there.guest("ann", ELSEWHERE).get("/api/convos")).status == 403
