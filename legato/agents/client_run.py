"""A tool call that the client makes: the run asks for the result, and waits for the answer."""

from collections.abc import Mapping

from legato.agents.asks import asks_at, client_call, without_call
from legato.agents.contract import Stage
from legato.agents.tool_run import answered, failed
from legato.agents.tools.arguments import InvalidArguments, arguments_of
from legato.content import ToolCall
from legato.models.contract import Json

CLIENT_TOOL = "client_tool"


async def made_by_client(
    stage: Stage, index: int, call: ToolCall, schema: Mapping[str, Json]
) -> ToolCall:
    """Return the call with the client's result, or with the fault of arguments that do not fit.

    Ask and answer are in the log: another process that takes the run over waits for the same
    answer, and asks nobody a second time.
    """
    try:
        await arguments_of(call.args, schema)
    except InvalidArguments as error:
        return answered(call, failed(str(error)))
    snapshot = stage.snapshot()
    known = (each for each in asks_at(index, snapshot) if each.kind == CLIENT_TOOL)
    answer = await stage.answer_to(next(known, None) or client_call(index, call, snapshot))
    output = without_call(answer)
    assert output is not None, "nobody else can make the call"
    return answered(call, output)
