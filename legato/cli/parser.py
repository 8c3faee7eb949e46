"""The parser of commands: a typo is met with the nearest command."""

import argparse
import difflib
from typing import Any


class Parser(argparse.ArgumentParser):
    """Parsers of commands, which argparse makes, are of this class, too."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            names = [str(choice) for choice in action.choices or ()]
            near = difflib.get_close_matches(str(value), names, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
            raise argparse.ArgumentError(action, f"invalid choice: {value!r}; {hint}") from error
