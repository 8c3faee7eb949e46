"""Routes are found by their paths; builders of URLs are made only when a URL is asked for."""

import pytest
from quart.routing import QuartRule
from werkzeug.routing import Map, Rule

from legato.http.app import create_app
from legato.http.url_rules import UrlRule
from tests.support.http.runtime import settings_with


def test_no_builder_of_urls_is_compiled_with_the_application() -> None:
    app = create_app(settings_with())

    assert {name_of_builder(rule) for rule in app.url_map.iter_rules()} == {"build"}


@pytest.mark.parametrize("values", [{}, {"more": "1"}], ids=["known", "unknown"])
def test_a_url_is_built_as_werkzeug_builds_it(values: dict[str, str]) -> None:
    built = [
        Map([rule("/jobs/<job_id>/stream", endpoint="stream")])
        .bind("localhost")
        .build("stream", {"job_id": "a b", **values})
        for rule in (UrlRule, QuartRule)
    ]

    assert built[0] == built[1]


def name_of_builder(rule: Rule) -> str:
    return str(rule._build.__name__)
