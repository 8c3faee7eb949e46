"""The ways in which a login at an identity provider fails, each with a page for people."""


class LoginFailed(Exception):
    """The end of a login without a session.  The message is for people, and carries no secret."""

    status = 401
    title = "Not logged in"


class ProviderUnavailable(LoginFailed):
    """The provider cannot be asked now; trying later may help."""

    status = 503
    title = "The login is not available"


class UnusableReply(LoginFailed):
    """The provider's reply breaks a rule.  No later try helps before somebody changes a setting."""

    status = 502
    title = "The login provider's reply cannot be used"


class NotAllowed(LoginFailed):
    """The provider knows the person, but the settings do not let this person in."""

    status = 403
    title = "Not allowed here"


def shown(code: str) -> str:
    """An error's code in brackets; empty for other text, which the maker of a link may choose."""
    return f"({code})" if 0 < len(code) <= 60 and code.replace("_", "").isalnum() else ""
