import pytest

import legato
from legato.agents.tools.contract import ToolOutput
from legato.agents.tools.functions import FunctionTool, load_functions
from legato.agents.tools.named import NamedToolbox
from legato.config import ConfigError, FunctionSettings

HOME = "tests.support.functions"


def loaded(name: str, *, timeout: float = 10) -> FunctionTool:
    table = FunctionSettings(target=f"{HOME}:{name}", timeout=timeout)
    return load_functions({"it": table})["it"]


def test_a_tool_is_described_by_annotations_docstring_and_mark() -> None:
    definition = loaded("forecast").definition

    assert definition.name == "it"
    assert definition.description == "Say how the weather will be."
    assert definition.read_only
    assert definition.may_repeat
    assert definition.schema == {
        "type": "object",
        "properties": {
            "place": {"$ref": "#/$defs/Place"},
            "days": {"type": "integer", "minimum": 1, "maximum": 7, "default": 1},
        },
        "required": ["place"],
        "additionalProperties": False,
        "$defs": {
            "Place": {
                "title": "Place",
                "type": "object",
                "properties": {
                    "town": {"type": "string"},
                    "country": {"type": "string", "default": "FR"},
                },
                "required": ["town"],
            }
        },
    }


def test_a_mark_without_words_allows_no_second_call() -> None:
    assert not loaded("measure").definition.may_repeat
    assert loaded("nothing").definition.may_repeat
    assert not loaded("nothing").definition.destructive


def test_a_marked_function_stays_as_it_is() -> None:
    def double(number: int) -> int:
        return 2 * number

    assert legato.tool(double) is double
    assert legato.tool(read_only=True)(double) is double


async def test_functions_are_called_with_their_own_types() -> None:
    found = await loaded("forecast").call({"place": {"town": "Lyon"}, "days": 2}, "c")

    assert found == ToolOutput("Lyon, FR: 2 days of rain")
    assert await loaded("measure").call({"numbers": [1, 2.5]}, "c") == ToolOutput('{"sum":3.5}')
    assert await loaded("nothing").call({}, "c") == ToolOutput("(The tool returned nothing.)")


async def test_whatever_a_function_does_is_a_result_that_the_model_reads() -> None:
    def failed(text: str) -> ToolOutput:
        return ToolOutput(text, is_error=True)

    broken = loaded("broken")
    assert await broken.call({"how": "error"}, "c") == failed("LookupError: no such town")
    assert await broken.call({"how": "exit"}, "c") == failed("SystemExit: 3")
    found = await broken.call({"how": 3}, "c")
    assert found == failed("invalid arguments: Expected `str`, got `int` - at `$.how`")
    assert (await loaded("long").call({}, "c")).text.endswith("[cut: 934464 bytes more]")


async def test_a_function_that_fails_while_it_is_cancelled_harms_nobody() -> None:
    found = await loaded("untidy", timeout=0.05).call({}, "c")

    assert found == ToolOutput("The function did not return within 0.05 seconds.", is_error=True)


async def test_a_function_that_does_not_return_keeps_nobody_waiting() -> None:
    found = await loaded("slow", timeout=0.05).call({}, "c")

    assert found == ToolOutput("The function did not return within 0.05 seconds.", is_error=True)


async def test_names_that_are_no_function_are_missing_with_the_reason() -> None:
    toolbox = NamedToolbox("function", {"it": loaded("slow")})

    offer = await toolbox.offer(["it", "that"], "ada")

    assert [tool.definition.name for tool in offer.tools] == ["it"]
    assert offer.missing == {"that": "there is no such function; there are: it"}


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("no_such_module:x", "no_such_module cannot be imported: ModuleNotFoundError: "),
        (f"{HOME}:gone", f"found {HOME}:gone; allowed: a function of {HOME}"),
        (f"{HOME}:NUMBER", f"found {HOME}:NUMBER; allowed: a function of {HOME}"),
        (f"{HOME}:unmarked", f"found {HOME}:unmarked, which is not marked; allowed: a function"),
        (f"{HOME}:bare", f"{HOME}:bare cannot be a tool: the parameter 'place' has no annotation"),
        (f"{HOME}:many", f"{HOME}:many cannot be a tool: the parameter 'places' is not given by"),
    ],
)
def test_what_cannot_be_a_tool_is_refused_with_the_reason(target: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_functions({"it": FunctionSettings(target=target)})

    assert str(caught.value).startswith(f"functions.it.target: {reason}")
