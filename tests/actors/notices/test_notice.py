"""Notices have the facts of their kind, and nothing else."""

from msgspec import json

from legato.actors.notices.notice import Notice


def test_a_deletion_names_the_conversation_and_the_time() -> None:
    notice = Notice.deleted("ann", "c", 12)

    assert (notice.user, notice.kind) == ("ann", "deleted")
    assert json.decode(json.encode(notice.news)) == {"conversationId": "c", "at": 12}
