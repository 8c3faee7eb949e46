from contextlib import closing

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from legato.actors.mailbox import ActorError, ActorRef, ActorStopped, Mailbox, ReplyTo

Question = ReplyTo[str]


async def ask(ref: ActorRef[Question]) -> str:
    return await ref.ask(lambda reply_to: reply_to)


async def test_an_answer_comes_back(nursery: trio.Nursery) -> None:
    with closing(Mailbox[Question]()) as mailbox:

        async def actor() -> None:
            (await mailbox.receive()).send("yes")

        nursery.start_soon(actor)

        assert await ask(mailbox.ref) == "yes"


async def test_a_refusal_travels_to_the_asker(nursery: trio.Nursery) -> None:
    with closing(Mailbox[Question]()) as mailbox:

        async def actor() -> None:
            (await mailbox.receive()).send(ActorError("no"))

        nursery.start_soon(actor)

        with pytest.raises(ActorError, match="no"):
            await ask(mailbox.ref)


async def test_an_actor_that_is_gone_says_so() -> None:
    with closing(Mailbox[Question]()) as mailbox:
        pass

    with pytest.raises(ActorStopped):
        await ask(mailbox.ref)


async def test_nobody_waits_for_an_actor_that_goes_before_it_took_the_question(
    nursery: trio.Nursery,
) -> None:
    stopped: list[bool] = []

    async def asker() -> None:
        try:
            await ask(mailbox.ref)
        except ActorStopped:
            stopped.append(True)

    with closing(Mailbox[Question]()) as mailbox:
        nursery.start_soon(asker)
        nursery.start_soon(asker)
        await wait_all_tasks_blocked()
    await wait_all_tasks_blocked()

    assert stopped == [True, True]


async def test_a_question_dropped_unanswered_says_that_the_actor_stopped(
    nursery: trio.Nursery,
) -> None:
    with closing(Mailbox[Question]()) as mailbox:

        async def actor() -> None:
            with closing(await mailbox.receive()):
                pass

        nursery.start_soon(actor)

        with pytest.raises(ActorStopped):
            await ask(mailbox.ref)


async def test_an_asker_that_left_disturbs_nobody(nursery: trio.Nursery) -> None:
    async def impatient() -> None:
        with trio.CancelScope() as scope:
            scopes.append(scope)
            await ask(mailbox.ref)

    scopes: list[trio.CancelScope] = []
    with closing(Mailbox[Question]()) as mailbox:
        nursery.start_soon(impatient)
        reply_to = await mailbox.receive()
        scopes[0].cancel()
        await wait_all_tasks_blocked()

        reply_to.send("too late")


async def test_those_who_wait_are_taken_one_at_a_time(nursery: trio.Nursery) -> None:
    with closing(Mailbox[int]()) as mailbox:
        for number in range(3):
            nursery.start_soon(mailbox.ref.tell, number)
        await wait_all_tasks_blocked()

        assert sorted(mailbox.waiting()) == [0, 1, 2]
        assert list(mailbox.waiting()) == []


async def test_who_leaves_the_line_at_the_last_moment_is_not_waited_for(
    nursery: trio.Nursery,
) -> None:
    for attempt in range(50):  # in which the tasks' order differs
        with closing(Mailbox[int]()) as mailbox:
            ready = trio.Event()

            async def impatient(mailbox: Mailbox[int], line: trio.CancelScope) -> None:
                with line:
                    await mailbox.ref.tell(-1)

            async def actor(mailbox: Mailbox[int], ready: trio.Event, taken: list[int]) -> None:
                ready.set()
                taken.append(await mailbox.receive())

            taken: list[int] = []
            scope = trio.CancelScope()
            nursery.start_soon(impatient, mailbox, scope)
            await wait_all_tasks_blocked()
            nursery.start_soon(actor, mailbox, ready, taken)
            await ready.wait()
            scope.cancel()
            await wait_all_tasks_blocked()
            if not taken:
                await mailbox.ref.tell(attempt)
                await wait_all_tasks_blocked()

            assert taken in ([-1], [attempt])
