"""What is missing before a server is opened to others than its owner: `legato check`."""

from legato.checks.report import NotToBeOpened, check

__all__ = ["NotToBeOpened", "check"]
