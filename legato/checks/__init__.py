"""`legato check`: the things missing before a server may be opened to other people.

- `finding`: the results of checks
- `machine`: looks at permissions of files, the limit of descriptors, and the login provider
- `report`: asks every rule, prints the findings, and says whether the server may be opened
- `rules`: the rules: each asks one question of settings and machine
"""

from legato.checks.report import NotToBeOpened, check

__all__ = ["NotToBeOpened", "check"]
