"""Says why an agent cannot be used or saved.  The messages are for people."""


class NoSuchAgent(Exception):
    """There is no agent of that id."""

    def __init__(self) -> None:
        super().__init__("agent not found")


class AgentForbidden(Exception):
    """The user may not do that with the agent."""

    def __init__(self) -> None:
        super().__init__("Insufficient permissions to access this agent")


class InvalidAgent(Exception):
    """A field of an agent that cannot be as it is; `field` is the wire's name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
