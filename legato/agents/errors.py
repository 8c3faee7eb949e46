"""Says why an agent cannot be used or saved.  The messages are for people."""


class NoSuchAgent(Exception):
    """No agent has the id."""

    def __init__(self) -> None:
        super().__init__("agent not found")


class AgentForbidden(Exception):
    """The user lacks the permission for the agent."""

    def __init__(self) -> None:
        super().__init__("Insufficient permissions to access this agent")


class InvalidAgent(Exception):
    """A field of an agent has a forbidden value; `field` is the wire's name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
