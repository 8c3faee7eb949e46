"""When a database begins to count what its users store.

A server without quotas does not pay for the count: the triggers do nothing until `storage_counting`
has a row.
"""

from typing import Final

from sqlalchemy import Connection, TextClause, text

from legato.storage.contracts.quotas import ROW_BYTES

_IS_ON: Final = text("SELECT 1 FROM storage_counting")
_TURN_ON: Final = text("INSERT INTO storage_counting (since) VALUES (:now)")

# Later writers wait for the lock; earlier writers have committed, and are counted here.
_HOLD: Final = text(
    "LOCK TABLE conversations, responses, agent_versions, agent_avatars, agent_actions"
    " IN SHARE ROW EXCLUSIVE MODE"
)


def start_counting(connection: Connection, now: int) -> None:
    """Count from now on, beginning with all present rows, unless counting was begun before."""
    if connection.execute(_IS_ON).first():
        return
    is_postgresql = connection.dialect.name == "postgresql"
    if is_postgresql:
        connection.execute(_HOLD)
        if connection.execute(_IS_ON).first():
            return  # another process was first
    connection.execute(_fill("octet_length({})" if is_postgresql else "length(CAST({} AS BLOB))"))
    connection.execute(_TURN_ON, {"now": now})


def _fill(octets: str) -> TextClause:
    title, items = octets.format("title"), octets.format("items")
    created, ending = octets.format("created"), octets.format("ending")
    state, data = octets.format("state"), octets.format("data")
    document, compiled = octets.format("document"), octets.format("compiled")
    return text(
        "INSERT INTO storage_use (user_id, conversations, bytes)"
        " SELECT user_id, sum(conversations), sum(bytes) FROM ("
        f"SELECT user_id, 1 AS conversations, {ROW_BYTES} + {title} + bytes AS bytes"
        " FROM conversations UNION ALL"
        f" SELECT user_id, 0, {ROW_BYTES} + {items} + {created} + coalesce({ending}, 0)"
        " FROM responses UNION ALL"
        f" SELECT user_id, 0, {ROW_BYTES} + {state} FROM agent_versions UNION ALL"
        f" SELECT user_id, 0, {ROW_BYTES} + {data} FROM agent_avatars UNION ALL"
        f" SELECT user_id, 0, {ROW_BYTES} + {document} + {compiled} FROM agent_actions"
        ") AS counted GROUP BY user_id"
    )
