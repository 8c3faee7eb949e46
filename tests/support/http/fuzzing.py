"""Asks a server for whatever its description allows, and for what it does not."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, BaseSchema, Case, GenerationMode, checks
from schemathesis.core.result import Ok

from tests.support.http.client import ENDLESS

Operation = APIOperation[Any, Any, Any, Any]

CHECKED: Final = [
    checks.not_a_server_error,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.status_code_conformance,
]
"""What must be true of every reply.  More may be refused than what the description forbids."""

MODES: Final = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
PATIENCE: Final = 10.0  # seconds for a reply: a stream's answer ends sooner


class Fuzzer:
    """Sends the same requests again, unless it is told to send `random` ones."""

    def __init__(self, url: str, token: str, *, random: bool = False) -> None:
        self.sent = 0
        self._url = url
        self._random = random
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def run(self, count: int) -> None:
        """Send about so many requests, the same number for each operation.

        Raises:
            schemathesis.errors.SchemathesisError, or a group of schemathesis.checks.Failure: with
                a request that was answered as it must not be.
        """
        with self._session:
            schema = schemathesis.openapi.from_url(f"{self._url}/openapi.json")
            operations = [*operations_of(schema)]
            for operation in operations:
                for mode in MODES:
                    self._ask(operation, mode, -(-count // (len(operations) * len(MODES))))

    def _ask(self, operation: Operation, mode: GenerationMode, examples: int) -> None:
        @settings(
            max_examples=examples,
            derandomize=not self._random,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy(generation_mode=mode))
        def ask(case: Case[Operation]) -> None:
            self.sent += 1
            case.call_and_validate(self._url, self._session, checks=CHECKED, timeout=PATIENCE)

        with suppress(Unsatisfiable):  # nothing wrong can be asked where nothing can be said
            ask()


def operations_of(schema: BaseSchema) -> Iterator[Operation]:
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found.err()
        if found.ok().path not in ENDLESS:
            yield found.ok()
