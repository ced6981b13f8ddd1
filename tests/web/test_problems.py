"""Each family of refusals has one status, and a refusal tells all a caller needs and nothing more."""

from __future__ import annotations

import json

import pytest
from werkzeug.exceptions import BadRequest, Gone, InternalServerError, MethodNotAllowed, NotFound

from ledger import errors
from ledger.errors import (
    ApiKeyInvalid,
    EventStoreUnavailable,
    IdempotencyKeyMissing,
    InsufficientFunds,
    InvalidAmount,
    InvalidField,
    LostRace,
    Problem,
)
from ledger.json_lines import JsonLines
from web import problems
from web.problems import FaultyFields, InternalError, described, kinds, of_bug, of_http, refusal, status_of

URL = "https://pay.test"


def told(fault: Problem | FaultyFields, method: str = "POST") -> tuple[int, dict[str, str], dict[str, object]]:
    response = refusal(fault, method=method, public_url=URL, request_id="req_1")
    assert response.mimetype == "application/problem+json"
    return response.status_code, dict(response.headers), json.loads(response.data)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.UnreadableBody, 400),
        (errors.InvalidCursor, 400),
        (errors.IdempotencyKeyMissing, 400),
        (errors.ApiKeyInvalid, 401),
        (errors.RoleMissing, 403),
        (errors.OwnApproval, 403),
        (errors.PayoutNotFound, 404),
        (errors.InsufficientFunds, 409),
        (errors.LostRace, 409),
        (errors.InvalidAmount, 422),
        (errors.IdempotencyKeyReused, 422),
        (errors.TooMany, 429),
        (errors.ReadTablesUnavailable, 503),
        (errors.BodyTooLarge, 413),
        (problems.UnsupportedMediaType, 415),
        (problems.MethodNotAllowed, 405),
        (InternalError, 500),
        (Problem, 500),
    ],
)
def test_a_family_has_one_status(kind: type[Problem], status: int) -> None:
    assert status_of(kind) == status


def test_every_kind_of_problem_has_a_family_and_a_description() -> None:
    assert len(kinds()) > 40
    for slug, kind in kinds().items():
        assert 400 <= status_of(kind) < 600
        assert (status_of(kind) == 500) == (slug == "internal-error")
        assert described(kind, URL)["description"]


def test_a_refusal_is_told_whole() -> None:
    fault = InsufficientFunds("Ask for less.", field="amount", available=5, currency="VND")
    status, _, body = told(fault)
    assert status == 409
    assert body == {
        "type": "https://pay.test/problems/insufficient-funds",
        "title": "The available funds do not cover this",
        "status": 409,
        "detail": "Ask for less.",
        "code": "insufficient-funds",
        "errors": [{"pointer": "/amount", "detail": "Ask for less.", "code": "insufficient-funds"}],
        "request_id": "req_1",
        "facts": {"available": 5, "currency": "VND"},
    }


def test_the_first_of_several_faults_names_the_problem_and_all_are_told() -> None:
    status, _, body = told(FaultyFields([InvalidAmount("a", field="amount"), InvalidField("b", field="to.bin")]))
    assert (status, body["code"]) == (422, "invalid-amount")
    assert [error["pointer"] for error in body["errors"]] == ["/amount", "/to/bin"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("method", "field", "place"),
    [
        ("POST", "beneficiary.bin", {"pointer": "/beneficiary/bin"}),
        ("POST", "", {"pointer": ""}),
        ("POST", "Idempotency-Key", {"header": "Idempotency-Key"}),
        ("GET", "cursor", {"parameter": "cursor"}),
        ("GET", "Authorization", {"header": "Authorization"}),
    ],
)
def test_an_error_says_where(method: str, field: str, place: dict[str, str]) -> None:
    error = told(IdempotencyKeyMissing("x", field=field), method)[2]["errors"][0]  # type: ignore[index]
    assert error == {**place, "detail": "x", "code": "idempotency-key-missing"}


def test_what_may_be_asked_again_says_when() -> None:
    assert told(EventStoreUnavailable("away"))[1]["Retry-After"] == "2"
    assert told(LostRace("again"))[1]["Retry-After"] == "1"
    assert "Retry-After" not in told(InsufficientFunds("no"))[1]


def test_what_is_wrong_with_the_event_store_is_told_to_operators_only(caplog: pytest.LogCaptureFixture) -> None:
    status, _, body = told(EventStoreUnavailable("Start mongod with --replSet rs0."))
    assert (status, body["code"]) == (503, "event-store-unavailable")
    assert body["detail"] == "The event store did not answer; nothing accepted is lost. Try again."
    assert [one.getMessage() for one in caplog.records] == [
        "request req_1: event-store-unavailable: Start mongod with --replSet rs0."
    ]


def test_who_is_not_known_is_told_how_to_be() -> None:
    assert told(ApiKeyInvalid("who?"))[1]["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("error", "slug"),
    [
        (NotFound(), "no-such-address"),
        (MethodNotAllowed(), "method-not-allowed"),
        (BadRequest(), "unreadable-body"),
        (Gone(), "unreadable-body"),
        (InternalServerError(), "internal-error"),
    ],
)
def test_what_the_framework_refuses_is_told_in_our_words(error: NotFound, slug: str) -> None:
    assert of_http(error).slug == slug


def failing() -> RuntimeError:
    """An exception that was raised, whose words quote what they must not."""
    with pytest.raises(RuntimeError) as raised:
        raise RuntimeError("planted detail")
    return raised.value


def test_a_bug_is_told_without_detail(caplog: pytest.LogCaptureFixture) -> None:
    status, _, body = told(of_bug(failing(), "req_1"))
    assert status == 500
    assert "planted" not in json.dumps(body)
    line = json.loads(JsonLines().format(caplog.records[0]))
    assert (line["message"], line["exception"]) == ("request req_1 failed", "RuntimeError")
    assert "test_problems.py" in line["places"][0]
    assert "planted" not in json.dumps(line)
