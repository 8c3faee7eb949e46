"""`branches.js`: the path through a tree of messages that is shown."""

from typing import Any

import pytest
from playwright.sync_api import Page

VISIBLE = """async ([messages, chosen]) => {
    const { visibleRows } = await import("/static/js/branches.js");
    const rows = visibleRows(messages, new Map(Object.entries(chosen)));
    return rows.map((row) => `${row.message.messageId} ${row.position + 1}/${row.siblings.length}`);
}"""

REVEALED = """async ([messages, id]) => {
    const { pathTo, visibleRows } = await import("/static/js/branches.js");
    const path = pathTo(messages, messages.find(({ messageId }) => messageId === id));
    return visibleRows(messages, path).map(({ message }) => message.messageId);
}"""

TOP = "00000000-0000-0000-0000-000000000000"


def tree(**parents: str) -> list[dict[str, Any]]:
    return [{"messageId": name, "parentMessageId": at} for name, at in parents.items()]


TREE = tree(q1=TOP, a1="q1", q2="a1", a2="q2", b1="q1", p2="b1", c2="p2", d2="p2")


@pytest.mark.parametrize(
    ("chosen", "rows"),
    [
        ({}, ["q1 1/1", "b1 2/2", "p2 1/1", "d2 2/2"]),
        ({"q1": "a1"}, ["q1 1/1", "a1 1/2", "q2 1/1", "a2 1/1"]),
        ({"p2": "c2"}, ["q1 1/1", "b1 2/2", "p2 1/1", "c2 1/2"]),
        ({"q1": "no longer there"}, ["q1 1/1", "b1 2/2", "p2 1/1", "d2 2/2"]),
    ],
)
def test_the_newest_sibling_is_shown_unless_another_is_chosen(
    modules: Page, chosen: dict[str, str], rows: list[str]
) -> None:
    assert modules.evaluate(VISIBLE, [TREE, chosen]) == rows


def test_a_message_whose_parent_is_missing_stands_at_the_top(modules: Page) -> None:
    assert modules.evaluate(VISIBLE, [tree(a="gone", b="a"), {}]) == ["a 1/1", "b 1/1"]


def test_a_thread_may_begin_in_mid_conversation_in_the_branch_that_was_chosen(
    modules: Page,
) -> None:
    """Two branches, whose common ancestor is on a page that has not been read."""
    page = tree(a="old", b="a", c="older", d="c")

    assert modules.evaluate(VISIBLE, [page, {}]) == ["c 1/1", "d 1/1"]
    assert modules.evaluate(VISIBLE, [page, {"older": "c", "old": "a"}]) == ["a 1/1", "b 1/1"]
    assert modules.evaluate(REVEALED, [page, "b"]) == ["a", "b"]


def test_messages_in_a_circle_do_not_hang_the_page(modules: Page) -> None:
    assert modules.evaluate(VISIBLE, [tree(a=TOP, b="c", c="b", d="d"), {}]) == ["a 1/1"]
    assert modules.evaluate(REVEALED, [tree(a=TOP, b="c", c="b"), "b"]) == ["a"]


def test_a_message_deep_in_another_branch_can_be_brought_into_view(modules: Page) -> None:
    assert modules.evaluate(REVEALED, [TREE, "a2"]) == ["q1", "a1", "q2", "a2"]
