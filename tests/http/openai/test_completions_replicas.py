"""A completion at one replica with the client at a different replica."""

from tests.support.http.client import STILL, Client
from tests.support.openai.chunks import ASKED, DONE, PATH, asking, chunks_of, received


async def test_it_is_followed_from_a_cursor_and_stopped(both: tuple[Client, Client]) -> None:
    here, there = both
    async with asking(here, stream=True, cancel_on_disconnect=False, **STILL) as connection:
        seen = chunks_of(await received(connection, '"w0 "'))
        job_id = dict(connection.headers or {})["x-legato-job"]
    stopped = await there.post(f"{PATH}/{job_id}/cancel", None)
    path = f"{PATH}/{job_id}/stream?after="
    missed = [
        chunks_of((await client.get(path + seen[-1].cursor)).text) for client in (here, there)
    ]
    ended = [await client.get(path + missed[0][-1].cursor) for client in (here, there)]
    beyond = await there.get(f"{path}{job_id}:1:999")

    assert (stopped.body["cancelled"], stopped.body["status"]) == (True, "stopped")
    assert stopped.body["completion"]["choices"][0]["message"]["content"] == "w0 "
    assert missed[0] == missed[1]
    assert [reply.status for reply in ended] == [204, 204]
    assert missed[0][-1].data == DONE
    assert (beyond.status, beyond.body["error"]["code"]) == (400, "invalid_cursor")


async def test_the_same_key_joins_it(both: tuple[Client, Client]) -> None:
    here, there = (Client(each.app, each.headers | {"Idempotency-Key": "k"}) for each in both)
    whole = await here.post(PATH, ASKED)
    again = await there.post(PATH, ASKED)
    streamed = await there.post(PATH, ASKED | {"stream": True})

    assert again.body == whole.body
    assert again.headers["x-legato-job"] == streamed.headers["x-legato-job"]
    assert chunks_of(streamed.text)[-1].data == DONE
