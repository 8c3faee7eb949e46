"""The rules: everything that can happen to a cluster.  A rule is a name, a weight and a function.

- `agents`: agents that call tools, and tools that return
- `asks`: runs that ask for leave, and answers at any replica
- `client_tools`: runs that call tools of their client, and results sent once, twice, and beside
  what ends them
- `former_owners`: owners that are cut off until another replica has ended their jobs
- `jobs`: starts, what providers say, stops, questions and deletions
- `next_turns`: steers whose words are to be asked in any case
- `queue`: waiting turns listed, cancelled, edited, moved to the front and sent now
- `reading`: readers that begin anywhere, and move
- `replicas`: replicas killed, cut off, paused, joining and leaving
- `steering`: steers sent, sent again, cancelled and looked for, at any replica
- `storage`: storage failing, lying, hanging, forgetting and failing over, and packets lost
"""

from typing import Final

from legato.prove.rules import (
    agents,
    asks,
    client_tools,
    former_owners,
    jobs,
    next_turns,
    queue,
    reading,
    replicas,
    steering,
    storage,
)

ALL: Final = (
    *(*jobs.RULES, *agents.RULES, *asks.RULES, *steering.RULES, *queue.RULES, *reading.RULES),
    *(*client_tools.RULES, *next_turns.RULES, *replicas.RULES),
    *(*former_owners.RULES, *storage.RULES),
)

NOT_YET: Final = frozenset[str]()
"""Names of rules that find a defect not mended yet; each comes back when the defect is mended."""

ENABLED: Final = tuple(rule for rule in ALL if rule.name not in NOT_YET)
