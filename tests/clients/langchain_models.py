"""LangChain's OpenAI models: calls and their results, whole and as streams, by both APIs."""

import os

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI


@tool  # type: ignore[untyped-decorator]
def find(question: str) -> str:
    """Find an answer."""
    return f"42 is the answer to {question}"


for responses in (True, False):
    model = ChatOpenAI(
        model="played",
        base_url=os.environ["LEGATO_URL"],
        api_key=os.environ["LEGATO_KEY"],
        max_retries=0,
        use_responses_api=responses,
    )
    asking = model.bind_tools([find])
    first = asking.invoke("Find it.")
    [call] = first.tool_calls
    assert (call["name"], call["args"]) == ("find", {"question": "it"}), call
    result = ToolMessage(find.invoke(call["args"]), tool_call_id=call["id"])
    said = asking.invoke([HumanMessage("Find it."), first, result])
    assert said.text == "It is 42.", said

    calls = list(asking.stream("Find it."))
    whole = calls[0]
    for chunk in calls[1:]:
        whole += chunk
    assert [each["name"] for each in whole.tool_calls] == ["find"], whole
    said_in = list(asking.stream([HumanMessage("Find it."), first, result]))
    assert "".join(chunk.text for chunk in said_in) == "It is 42.", said_in
