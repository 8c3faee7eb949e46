import time
from typing import Any

import pytest

from legato.agents.tools.arguments import InvalidArguments, arguments_of
from legato.agents.tools.schemas import InvalidSchema, check_schema

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^(a+)+$"},
        "age": {"type": "integer", "minimum": 0},
        "constructor": {"type": "boolean"},
        "friend": {"$ref": "#"},
        "colour": {"enum": ["red", "blue"]},
    },
    "required": ["name"],
}
JSON_VALUE: Any = {
    "type": "object",
    "properties": {"value": {"$ref": "#/$defs/value"}},
    "$defs": {
        "value": {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"$ref": "#/$defs/value"}},
                {"type": "object", "additionalProperties": {"$ref": "#/$defs/value"}},
            ]
        }
    },
}


async def fault_of(text: str, schema: Any = PERSON) -> str:
    with pytest.raises(InvalidArguments) as caught:
        await arguments_of(text, schema)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[]", "invalid arguments: Expected `object`, got `array`; allowed: a JSON object"),
        ('{"name": "a", "age": -1}', "invalid arguments: age: -1 is less than the minimum of 0"),
        ("", 'invalid arguments: the arguments: "name" is a required property'),
        (
            '{"name": "a", "friend": {"name": "a", "age": "x"}}',
            'invalid arguments: friend.age: "x" is not of type "integer"',
        ),
        (
            '{"name": "a", "colour": "green"}',
            'invalid arguments: colour: "green" is not one of "red" or "blue"',
        ),
        (
            '{"name": "a", "constructor": 1}',
            'invalid arguments: constructor: 1 is not of type "boolean"',
        ),
    ],
)
async def test_arguments_that_do_not_fit_are_named_with_path_and_reason(
    text: str, fault: str
) -> None:
    assert await fault_of(text) == fault


async def test_arguments_that_are_no_json_are_said_to_be() -> None:
    assert (await fault_of('{"name": ')).startswith("invalid arguments: no JSON: ")
    assert (await fault_of('{"name": "\ud800"}')).startswith("invalid arguments: no JSON: ")


async def test_arguments_that_are_too_large_or_deep_are_refused() -> None:
    deep = '{"a": ' * 40 + "1" + "}" * 40
    large = '{"name": "' + "a" * 300_000 + '"}'
    nested = '{"name": "a", "x": ' + "[" * 20_000 + "]" * 20_000 + "}"

    assert await fault_of(deep) == "invalid arguments: nested deeper than 32 levels"
    assert await fault_of(large) == "invalid arguments: found 300012 bytes; allowed: at most 262144"
    assert (await fault_of(nested)).startswith("invalid arguments: ")


async def test_names_of_other_languages_are_plain_names() -> None:
    schema: Any = {"type": "object", "properties": {"__proto__": {"type": "string"}}}

    assert await arguments_of('{"__proto__": "x"}', schema) == {"__proto__": "x"}


async def test_a_schema_that_cannot_be_used_is_said_instead_of_called() -> None:
    assert (await fault_of("{}", {"$ref": "http://192.0.2.1/x"})).startswith(
        "the tool cannot be called: its schema: $ref: found 'http://192.0.2.1/x'; allowed: "
    )


def test_references_lead_through_lists_and_escapes() -> None:
    check_schema(
        {
            "type": "object",
            "properties": {
                "a": {"$ref": "#/allOf/0"},
                "b": {"prefixItems": [{"$ref": "#/$defs/x~1y"}]},
            },
            "patternProperties": {"^c": {"$ref": "#/$defs/x~1y"}},
            "allOf": [{"minProperties": 1}],
            "$defs": {"x/y": {"not": {"type": "null"}}},
        }
    )


async def test_an_expression_that_backtracks_holds_nobody() -> None:
    for pattern in ("^(a+)+$", "^(?=(a+)+$)b", r"^(a+)+\1$"):
        schema: Any = {
            "type": "object",
            "properties": {"name": {"type": "string", "pattern": pattern}},
        }
        begun = time.process_time()
        await fault_of('{"name": "' + "a" * 40 + '!"}', schema)
        assert time.process_time() - begun < 1


def test_recursion_as_programs_write_it_is_taken() -> None:
    check_schema(PERSON)
    check_schema(JSON_VALUE)


def doubling(count: int) -> dict[str, Any]:
    refs = [{"$ref": f"#/$defs/d{number + 1}"} for number in range(count)]
    names: dict[str, Any] = {f"d{number}": {"allOf": [ref, ref]} for number, ref in enumerate(refs)}
    return {"type": "object", "$ref": "#/$defs/d0", "$defs": {**names, f"d{count}": {}}}


TWICE = {"properties": {"a": {"$ref": "#/$defs/n"}}}


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "array"}, "type: found 'array'; allowed: object"),
        ({"$ref": "http://192.0.2.1/x"}, "$ref: found 'http://192.0.2.1/x'; allowed: a place in"),
        ({"$ref": "#/$defs/nope"}, "$ref: found '#/$defs/nope', which leads nowhere"),
        ({"$ref": "#/allOf/3", "allOf": [True]}, "$ref: found '#/allOf/3', which leads nowhere"),
        ({"$ref": 3}, "$ref: found 3; allowed: a place in the schema"),
        ({"properties": {"a": {"type": "strin"}}}, ""),
        ({"properties": {"a": {"pattern": "("}}}, ""),
        ({"description": "x" * 70_000}, "found 70018 bytes; allowed: at most 65536"),
        ({"allOf": [{"$ref": "#/$defs/a"}] * 300, "$defs": {"a": {}}}, "found 300 references"),
        ({"$ref": "#"}, "its references would have one value looked at more than 2000 times"),
        (doubling(20), "its references would have one value looked at more than 2000 times"),
        (
            {"$ref": "#/$defs/n", "$defs": {"n": {"anyOf": [TWICE, TWICE]}}},
            "its references would have one value looked at more than 2000 times",
        ),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_with_the_reason(
    schema: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidSchema) as caught:
        check_schema(schema)

    assert str(caught.value).startswith(reason)


def test_a_schema_that_is_nested_deeply_is_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(70):
        schema = {"properties": {"a": schema}}

    with pytest.raises(InvalidSchema, match="nested deeper than 64 levels"):
        check_schema(schema)
