from typing import Any

import pytest

from legato.models.adaptations import Adaptation, adapted, joined, lesson, with_lesson

BODY: dict[str, Any] = {"messages": [], "stream_options": {}, "max_tokens": 5}
NEWER: dict[str, Any] = {"messages": [], "max_completion_tokens": 5}


@pytest.mark.parametrize(
    ("status", "words", "body", "expected"),
    [
        (
            400,
            "Unsupported parameter: 'max_tokens' is not supported with this model."
            " Use 'max_completion_tokens' instead.",
            BODY,
            "max_completion_tokens",
        ),
        (
            422,
            '{"detail":[{"type":"extra_forbidden","loc":["body","max_completion_tokens"]}]}',
            NEWER,
            "max_tokens",
        ),
        (400, "max_tokens is too large: 5. This model supports at most 4 tokens", BODY, None),
        (400, "Unrecognized request argument supplied: max_tokens", NEWER, None),
        (500, "Unsupported parameter: max_tokens", BODY, None),
        (400, "unknown field stream_options", BODY, "no_stream_options"),
        (422, "stream_options: Extra inputs are not permitted", BODY, "no_stream_options"),
        (400, "unknown field stream_options", NEWER, None),
        (400, "roles must alternate user/assistant/user", BODY, "alternate_roles"),
        (500, "Conversation roles must alternate", BODY, "alternate_roles"),
        (400, 'found multiple "user" roles in a row', BODY, "alternate_roles"),
        (400, "does not support successive user messages", BODY, "alternate_roles"),
        (400, "too long", BODY, None),
    ],
)
def test_a_refusal_teaches_what_it_names(
    status: int, words: str, body: dict[str, Any], expected: Adaptation | None
) -> None:
    assert lesson(status, words, body) == expected


def test_a_limit_goes_by_the_name_that_was_learned() -> None:
    assert adapted(BODY, frozenset({"max_completion_tokens"})) == {
        "messages": [],
        "stream_options": {},
        "max_completion_tokens": 5,
    }
    assert adapted(NEWER, frozenset({"max_tokens"})) == {"messages": [], "max_tokens": 5}
    both: dict[str, Any] = {"max_tokens": 1, "max_completion_tokens": 2}
    assert adapted(both, frozenset({"max_tokens"})) == {"max_tokens": 1}
    assert BODY["max_tokens"] == 5


def test_the_newest_lesson_holds() -> None:
    learned = with_lesson(frozenset({"max_tokens", "no_stream_options"}), "max_completion_tokens")

    assert learned == {"max_completion_tokens", "no_stream_options"}


def said(role: str, content: Any = "a", **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def test_neighbours_of_one_role_are_joined() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:"}}
    messages = [
        said("system", "s"),
        said("user", "q1"),
        said("user", "q2"),
        said("user", [image]),
        said("assistant", "r"),
    ]
    text = {"type": "text", "text": "q1\n\nq2"}

    assert joined(messages) == [
        said("system", "s"),
        said("user", [text, image]),
        said("assistant", "r"),
    ]


def test_messages_that_have_more_than_a_content_stay_as_they_are() -> None:
    messages = [
        said("assistant", None, tool_calls=[{}]),
        said("tool", "1", tool_call_id="a"),
        said("tool", "2", tool_call_id="b"),
        said("user", "q", name="ann"),
        said("user", "q"),
    ]

    assert joined(messages) == messages
