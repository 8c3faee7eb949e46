import pytest

from legato.models.failures import SHOWN, error_in, may_pass, report_in, report_of


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error": {"message": "no\\n such  model", "type": "x"}}', "no such model"),
        (b'{"error": "busy"}', "busy"),
        (b'[{"error": {"message": "quota"}}]', "quota"),
        (b'{"message": "a"}', "a"),
        (b'{"object": "error", "message": "a"}', "a"),
        (b'{"errors": [{"message": "a"}]}', "a"),
        (b'{"error": {"error": {"message": "a"}}}', "a"),
        (b'{"error": {"message": "a", "metadata": {"raw": "b"}}}', "a: b"),
        (b'{"error": {"message": "a", "metadata": {"raw": {"error": "b"}}}}', "a: b"),
        (b'{"detail": [{"loc": ["body"], "msg": "field required"}]}', "field required"),
        (b'{"error": {"code": 7}}', '{"code":7}'),
        (b"plain \xff words", "plain � words"),
        (b'{"error": {}}', ""),
        (b"", ""),
        (b"503", "503"),
    ],
)
def test_words_for_people_are_found_in_any_body(body: bytes, expected: str) -> None:
    assert report_in(body).message.startswith(expected)
    assert bool(report_in(body).message) == bool(expected)


@pytest.mark.parametrize("depth", [10, 100_000])
@pytest.mark.parametrize("opens", [b"[", b'{"error":', b'{"a":'])
def test_a_body_may_be_as_deep_as_it_wants(depth: int, opens: bytes) -> None:
    closes = b"]" if opens == b"[" else b"}"
    report = report_in(opens * depth + b'"x"' + closes * depth)

    assert len(report.message) <= SHOWN


@pytest.mark.parametrize(
    ("body", "status", "reason", "passes"),
    [
        (b"{}", 429, "provider_rate_limited", True),
        (b'{"error": {"code": "insufficient_quota"}}', 429, "insufficient_quota", False),
        (b'{"error": {"type": "exceeded_current_quota_error"}}', 429, "insufficient_quota", False),
        (b"", 402, "insufficient_quota", False),
        (b'{"error": {"code": "context_length_exceeded"}}', 400, "context_length_exceeded", False),
        (b'{"message": "maximum context length is 8"}', 400, "context_length_exceeded", False),
        (b'{"error": {"message": "prompt is too long"}}', 413, "context_length_exceeded", False),
        (b'{"message": "context window unavailable"}', 503, "provider_error", True),
        (b'{"error": {"code": "content_filter"}}', 400, "content_filter", False),
        (
            b'{"error": {"code": "x", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}',
            400,
            "content_filter",
            False,
        ),
        (b"", 400, "provider_rejected", False),
        (b"", 404, "provider_rejected", False),
        (b"", 302, "provider_rejected", False),
        (b"", 408, "provider_rejected", True),
        (b"", 500, "provider_error", True),
        (b"", 501, "provider_error", False),
        (b"", 529, "provider_error", True),
        (b"", 200, "provider_error", False),
    ],
)
def test_a_status_and_a_name_say_what_it_is_and_whether_it_may_pass(
    body: bytes, status: int, reason: str, passes: bool
) -> None:
    report = report_in(body, status)

    assert report.reason == reason
    assert may_pass(report.reason, report.status) is passes


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"code": 503}, 503),
        ({"code": "429"}, 429),
        ({"status": 400, "code": "x"}, 400),
        ({"type": "overloaded_error"}, 529),
        ({"status": "RESOURCE_EXHAUSTED"}, 429),
        ({"code": "insufficient_quota"}, 429),
        ({"code": 10**400}, None),
        ({"code": True}, None),
        ({"code": 200}, None),
        ("words", None),
    ],
)
def test_an_error_within_a_stream_has_the_status_that_it_names(
    error: object, status: int | None
) -> None:
    assert report_of({"error": error}).status == status


@pytest.mark.parametrize(
    ("chunk", "is_error"),
    [
        ({"error": {"message": "a"}}, True),
        ({"error": "a"}, True),
        ({"object": "error", "message": "a"}, True),
        ({"type": "error", "message": "a"}, True),
        ({"error": None}, False),
        ({"error": {}}, False),
        ({"type": "ping"}, False),
        ({"object": ["error"]}, False),
    ],
)
def test_an_error_is_one_in_every_shape(chunk: dict[str, object], is_error: bool) -> None:
    assert (error_in(chunk) is not None) is is_error
