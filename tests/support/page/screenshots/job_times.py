"""Times of jobs that are equal in every run: an event every 50 ms."""

from typing import Any, Final

from playwright.sync_api import BrowserContext, Route

BEGIN: Final = 1_767_608_647_000  # ms since 1970
ASKED: Final = 20  # ms after the beginning
FIRST_WORD: Final = 150
PACE: Final = 50  # ms between events
NOW: Final = 2_000


def pace_jobs(context: BrowserContext) -> None:
    """Have /inspect told times that no machine's work changes."""
    context.route("**/api/jobs**", _paced)
    context.route("**/api/jobs/**", _paced)


def _paced(route: Route) -> None:
    response = route.fetch()
    told = response.json()
    for job in told.get("jobs", [told]):
        job.update(_times(job))
    if "now" in told:
        told["now"] = BEGIN + NOW
    route.fulfill(response=response, json=told)


def _times(job: dict[str, Any]) -> dict[str, Any]:
    moments = [(BEGIN + FIRST_WORD + PACE * (seq - 1), seq) for seq in range(1, job["events"] + 1)]
    return {
        "createdAt": BEGIN,
        "askedAt": BEGIN + ASKED,
        "firstWordAt": BEGIN + FIRST_WORD,
        "endedAt": job["endedAt"] and BEGIN + FIRST_WORD + PACE * job["events"],
        "times": job["times"] and {"moments": moments, "resolution": PACE, "unknown": 0},
    }
