"""What counts as an acknowledgement, to the letter."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from banks.simulator.acb.notices import acknowledgement_fault
from tests.banks.simulator.customer import Json, acknowledgement

TRACE = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"


def test_the_documented_answer_acknowledges() -> None:
    text = json.dumps(acknowledgement({"requestTrace": TRACE}))
    assert acknowledgement_fault(200, text, TRACE) is None


WRONG: list[tuple[str, Callable[[Json], object]]] = [
    ("another requestTrace", lambda body: body.update(requestTrace="x")),
    ("another code", lambda body: body["responseStatus"].update(responseCode="00")),
    ("code as a number", lambda body: body["responseStatus"].update(responseCode=0)),
    ("no message", lambda body: body["responseStatus"].pop("responseMessage")),
    ("time with a colon in the offset", lambda body: body.update(responseDateTime="2025-01-15T10:30:02+07:00")),
    ("time of another zone", lambda body: body.update(responseDateTime="2025-01-15T10:30:02+0000")),
    ("index as text", lambda body: body["responseBody"].update(index="1")),
    ("index true", lambda body: body["responseBody"].update(index=True)),
    ("index zero", lambda body: body["responseBody"].update(index=0)),
    ("empty referenceCode", lambda body: body["responseBody"].update(referenceCode="")),
    ("no responseBody", lambda body: body.pop("responseBody")),
    ("one field more", lambda body: body.update(ok=True)),
]


@pytest.mark.parametrize(("name", "change"), WRONG, ids=[name for name, _ in WRONG])
def test_an_answer_that_differs_does_not_acknowledge(name: str, change: Callable[[Json], object]) -> None:
    body = acknowledgement({"requestTrace": TRACE})
    change(body)
    assert acknowledgement_fault(200, json.dumps(body), TRACE)


@pytest.mark.parametrize("text", ["", "ok", "[]", '{"errorCode":"00","errorMessage":"Success"}'])
def test_another_text_does_not_acknowledge(text: str) -> None:
    assert acknowledgement_fault(200, text, TRACE)


@pytest.mark.parametrize("http", [201, 202, 204, 302, 400, 401, 409, 500, 503])
def test_another_status_does_not_acknowledge(http: int) -> None:
    text = json.dumps(acknowledgement({"requestTrace": TRACE}))
    assert acknowledgement_fault(http, text, TRACE) == f"HTTP {http}"
