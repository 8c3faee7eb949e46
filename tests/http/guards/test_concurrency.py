"""A user's running generations are counted over all replicas, and none is counted for ever."""

from legato.config import Limits
from tests.support.http.client import STILL
from tests.support.http.replicas import two_replicas


async def test_another_replicas_generations_count_as_long_as_they_run() -> None:
    async with two_replicas(Limits(max_running_jobs_per_user=1)) as (here, there):
        started = await here.start(model_parameters=STILL)
        refused = [await there.try_start() for _ in range(3)]
        await there.post("/api/agents/chat/abort", {"streamId": started["streamId"]})
        after = await there.try_start()

    assert [reply.status for reply in refused] == [429, 429, 429]
    assert [reply.body["pendingRequests"] for reply in refused] == [2, 2, 2]
    assert (refused[0].body["type"], refused[0].body["limit"]) == ("concurrent", 1)
    assert after.status == 200
