"""The rules: everything that can happen to a cluster, each a name, a weight and a function.

- `jobs`: starts, what providers say, stops, questions and deletions
- `reading`: readers that begin anywhere, and move
- `replicas`: replicas that are killed, cut off, paused, join and leave
- `storage`: storage that fails, lies, hangs, forgets and fails over, and packets that do not
  arrive
"""

from typing import Final

from legato.prove.rules import jobs, reading, replicas, storage

ALL: Final = (*jobs.RULES, *reading.RULES, *replicas.RULES, *storage.RULES)

NOT_YET: Final = frozenset[str]()
"""Names of rules that break what is not mended yet; they are to come back one by one."""

ENABLED: Final = tuple(rule for rule in ALL if rule.name not in NOT_YET)
