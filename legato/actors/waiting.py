"""Who waits for a job to come so far."""

from legato.actors.messages import AwaitAnswer, AwaitEnding, AwaitOpened, Stop, StopReply
from legato.events import AnyEnding, Created, Stopped

Awaiting = AwaitOpened | AwaitAnswer | AwaitEnding | Stop


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
                case Stop(reply_to) if ending:
                    reply_to.send(stopped_by(ending))
                case _:
                    self._waiting.append(each)

    def hurry(self, ending: AnyEnding) -> None:
        """Those who asked for a stop have waited long enough: it will be this one."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if isinstance(each, Stop):
                each.reply_to.send(stopped_by(ending))
            else:
                self._waiting.append(each)

    def close(self) -> None:
        for each in self._waiting:
            each.reply_to.close()


def stopped_by(ending: AnyEnding) -> StopReply:
    """To who asked before it was said."""
    return StopReply(ending, settled=not isinstance(ending, Stopped))
