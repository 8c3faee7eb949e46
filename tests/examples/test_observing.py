"""What is watched is what `/metrics` says: by its names, its labels and their values."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import json, yaml
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from legato.actors.messages import Standing
from legato.http.app import create_app
from legato.http.errors import HANDLED
from tests.http.monitoring.test_metrics import text_at
from tests.support.http.client import Client, bearer
from tests.support.http.runtime import open_house, settings_with
from tests.support.proxies import EXAMPLES

NAME = re.compile(r"\b(?:legato|process)_[a-z]\w+")
GROUPING = re.compile(r"\bby \(([^)]*)\)")
MATCHER = re.compile(r'(\w+)=~?"([^"]*)"')
OF_PROMETHEUS = {"job", "instance"}  # which it adds itself


def alerts() -> list[dict[str, Any]]:
    rules = yaml.decode((EXAMPLES / "alerts.yaml").read_bytes())
    return [rule for group in rules["groups"] for rule in group["rules"]]


def dashboard() -> Any:
    return json.decode((EXAMPLES / "dashboard.json").read_bytes())


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in alerts())
    yield from (each["expr"] for panel in dashboard()["panels"] for each in panel["targets"])


@pytest.fixture
async def measured(tmp_path: Path) -> dict[str, set[str]]:
    """The labels of each series of a server that did a little of everything."""
    settings = replace(settings_with(), database_url=f"sqlite:///{tmp_path}/legato.db")
    async with open_house(settings) as house:
        ann = Client(create_app(settings, house), bearer("ann"))
        await ann.finish()
        await ann.try_start("")
        _, text = await text_at(ann, "127.0.0.1")
    families = text_string_to_metric_families(text)
    return {s.name: set(s.labels) for family in families for s in family.samples}


async def test_every_series_that_is_asked_for_is_measured(measured: dict[str, set[str]]) -> None:
    asked = {name for each in expressions() for name in NAME.findall(each)}

    assert len(asked) > 12
    assert asked - measured.keys() == set()


async def test_every_label_that_is_asked_for_is_one_of_a_series_beside_it(
    measured: dict[str, set[str]],
) -> None:
    for each in expressions():
        known = set().union(*(measured[name] for name in NAME.findall(each)), OF_PROMETHEUS)
        listed = ",".join(GROUPING.findall(each)).replace(" ", "").split(",")
        labels = {*filter(None, listed), *(name for name, _ in MATCHER.findall(each))}

        assert labels - known == set(), each


def test_every_value_of_a_label_that_is_asked_for_can_be() -> None:
    reasons = {kind.__name__ for kind in HANDLED} | {"TooManyForServer"}
    known: dict[str, set[str]] = {"standing": {*Standing}, "reason": reasons, "job": {"legato"}}
    found = [pair for each in expressions() for pair in MATCHER.findall(each)]

    assert [pair for pair in found if pair[1] != "$replica" and pair[1] not in known[pair[0]]] == []


async def test_every_series_is_on_the_dashboard(measured: dict[str, set[str]]) -> None:
    shown = {
        name
        for p in dashboard()["panels"]
        for t in p["targets"]
        for name in NAME.findall(t["expr"])
    }
    families = {re.sub(r"_(sum|count|bucket)$", "", name) for name in measured}

    assert families - {re.sub(r"_bucket$", "", name) for name in shown} == set()


def test_every_alert_says_what_it_means_and_whom_it_wakes() -> None:
    for rule in alerts():
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert {"summary", "description"} == set(rule["annotations"])
        assert re.fullmatch(r"[1-9]\d*m", rule["for"])


def test_no_two_panels_stand_in_one_place() -> None:
    places = [panel["gridPos"] for panel in dashboard()["panels"]]

    assert len({(place["x"], place["y"]) for place in places}) == len(places)
    assert all(place["x"] + place["w"] <= 24 for place in places)
