"""Who waits for a job to come so far."""

from contextlib import closing

from legato.actors.messages import AwaitAnswer, AwaitEnding, AwaitOpened
from legato.events import AnyEnding, Created

Awaiting = AwaitOpened | AwaitAnswer | AwaitEnding


class Waiting:
    """Each is answered once, as soon as the job has come so far or to its ending."""

    def __init__(self) -> None:
        self._waiting: list[Awaiting] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, awaiting: Awaiting) -> None:
        self._waiting.append(awaiting)

    def announce(
        self, created: Created | None, ending: AnyEnding | None, *, has_content: bool
    ) -> None:
        """`created`, `ending`: where it has come to them."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            match each:
                case AwaitOpened(reply_to) if news := created or ending:
                    reply_to.send(news)
                case AwaitAnswer(reply_to) if has_content or ending:
                    reply_to.send(None if has_content else ending)
                case AwaitEnding(reply_to) if ending:
                    reply_to.send(ending)
                case _:
                    self._waiting.append(each)

    def close(self) -> None:
        for each in self._waiting:
            with closing(each.reply_to):
                pass
