"""What is missing before a server is opened to others than its owner: `legato check`.

- `finding`: what a check says
- `machine`: looks at the machine: whom files belong to, how many descriptors there may be
- `report`: asks every rule, prints what they found, and says whether the server may be opened
- `rules`: what makes a server unfit for others: one function a question, each of settings and
  machine
"""

from legato.checks.report import NotToBeOpened, check

__all__ = ["NotToBeOpened", "check"]
