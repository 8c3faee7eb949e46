"""Says why an agent cannot be used or saved.  The messages are for people."""


class NoSuchAgent(Exception):
    """No agent has the id."""

    def __init__(self) -> None:
        super().__init__("agent not found")


class AgentForbidden(Exception):
    """The user may not do this with the agent."""

    def __init__(self) -> None:
        super().__init__("Insufficient permissions to access this agent")


class InvalidAgent(Exception):
    """A field of an agent has a value which is not allowed; `field` is the wire's name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
