"""The log of Legato and its libraries, line by line on standard error, in one form."""

import logging
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, Processor

from legato.config import LogForm
from legato.log_values import Tracebacks, bounded, indented

OWN: Final = "legato"

# The processors of every line, ours or a library's.
_SHARED: Final[tuple[Processor, ...]] = (
    structlog.contextvars.merge_contextvars,  # the request of the line
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure_logs(form: LogForm, stream: TextIO) -> None:
    """Send all logging to `stream`: ours from `info` on, libraries' from `warning` on.

    At `info` libraries log each of their requests, with URLs and addresses.
    """
    logging.basicConfig(handlers=[_handler(form, stream)], level=logging.WARNING, force=True)
    _configure_structlog()


def configure_own_log(form: LogForm, stream: TextIO) -> None:
    """Log only our own lines, in a process whose server has a log of its own."""
    logger = logging.getLogger(OWN)
    if not logger.hasHandlers():  # otherwise the server's configuration decides
        logger.addHandler(_handler(form, stream))
        logger.propagate = False
    _configure_structlog()


def _configure_structlog() -> None:
    logging.getLogger(OWN).setLevel(logging.INFO)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def _handler(form: LogForm, stream: TextIO) -> logging.Handler:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(form, is_terminal=stream.isatty()))
    return handler


def _formatter(form: LogForm, *, is_terminal: bool) -> logging.Formatter:
    rendering: list[Processor]
    if form == "console" or (form == "auto" and is_terminal):
        rendering = [indented, structlog.dev.ConsoleRenderer(colors=is_terminal)]
    else:
        rendering = [_ordered, structlog.processors.JSONRenderer(ensure_ascii=False)]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # Variables' values are left out: tokens and people's texts are among them.
            structlog.processors.ExceptionRenderer(Tracebacks().text),
            bounded,
            *rendering,
        ],
    )


def _ordered(logger: object, name: str, entry: EventDict) -> EventDict:
    """Put the fields of every line first, for people who read JSON lines."""
    first = {key: entry[key] for key in ("timestamp", "level", "logger", "event") if key in entry}
    return {**first, **entry}
