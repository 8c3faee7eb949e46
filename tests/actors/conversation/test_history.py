from legato.actors.conversation.history import chat, fitting, thread
from legato.agents.messages import NO_RESULT, begun
from legato.content import TextPart, ThinkPart, ToolCall, ToolCallPart
from legato.models.contract import ChatMessage
from legato.models.messages import alternating
from tests.actors.conversation.test_plan import answer, question

THREAD = [
    question("q1"),
    answer("a1", "q1", ThinkPart("hm"), TextPart("one")),
    answer("a1b", "q1", TextPart("other")),
    question("q2", "a1"),
]


def test_a_thread_is_the_way_up_from_a_message() -> None:
    assert [message.message_id for message in thread(THREAD, "q2")] == ["q1", "a1"]
    assert thread(THREAD, "q1") == []
    assert thread(THREAD, "nix") == []


def test_a_thread_ends_at_a_missing_parent_and_at_a_cycle() -> None:
    assert thread([question("q", "gone")], "q") == []
    circle = [question("x", "y"), question("y", "x")]
    assert [message.message_id for message in thread(circle, "x")] == ["y"]


def test_a_model_reads_text_and_no_thoughts() -> None:
    assert list(chat([*THREAD[:2], answer("silent", "q1", ThinkPart("hm"))])) == [
        ChatMessage("user", "q1"),
        ChatMessage("assistant", "one"),
    ]


def test_an_answer_that_was_begun_is_said_last() -> None:
    assert list(begun((ThinkPart("hm"), TextPart("on"), TextPart("e")))) == [
        ChatMessage("assistant", "one")
    ]
    assert list(begun((ThinkPart("hm"),))) == []


def said(*texts: str) -> list[ChatMessage]:
    return [
        ChatMessage("user" if number % 2 == 0 else "assistant", text)
        for number, text in enumerate(texts)
    ]


def test_two_questions_in_a_row_are_one() -> None:
    unanswered = [*said("a", "b", "c"), *said("d")]

    assert alternating(unanswered) == said("a", "b", "c\n\nd")
    assert alternating([]) == []


def words(text: str) -> int:
    return len(text.split())


def test_the_oldest_turns_go_first_and_whole() -> None:
    history = said("a a a", "b b b", "c c", "d d")
    fixed = [ChatMessage("system", "s"), ChatMessage("user", "u")]

    assert fitting(history, fixed, 12, words) == history
    assert fitting(history, fixed, 11, words) == history[2:]
    assert fitting(history, fixed, 6, words) == history[2:]
    assert fitting(history, fixed, 5, words) == []
    assert fitting(history, fixed, 0, words) == []


def test_a_history_may_begin_with_an_answer() -> None:
    history = [ChatMessage("assistant", "hello"), *said("a", "b")]

    assert fitting(history, [], 9, words) == history


def test_an_agent_reads_the_tool_calls_of_earlier_answers() -> None:
    call = ToolCall("call_1", "now", "{}", "12:00", 1)
    cut = ToolCall("call_2", "now", "{}")
    content = (TextPart("Looking."), ToolCallPart(call), TextPart("Noon."), ToolCallPart(cut))
    messages = [question("q"), answer("a", "q", *content)]

    told = list(chat(messages, with_calls=True))
    roles = [message.role for message in told]
    assert roles == ["user", "assistant", "tool", "assistant", "tool"]
    assert [message.text for message in told[1:3]] == ["Looking.", "12:00"]
    assert told[4].text == NO_RESULT
    assert [message.role for message in chat(messages)] == ["user", "assistant"]
