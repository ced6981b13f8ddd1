"""Reading a payment order into instructions."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from banks.simulator.acb.payment_order import read
from banks.simulator.records import Party
from banks.simulator.refusals import Malformed
from tests.banks.simulator.customer import Json, citad, inside, transaction


def body(data: Json) -> Json:
    one = {"authorizationString": "QQ==", "authorizationId": str(uuid.uuid4())}
    return {
        "requestTrace": str(uuid.uuid4()),
        "requestDateTime": "2025-01-15T10:00:00.000+07:00",
        "requestParameters": {"data": data, "authorizations": [one, one]},
    }


@pytest.mark.parametrize(
    ("kind", "to", "rail", "party"),
    [
        ("IBFT", None, "napas", Party("NGUYEN VAN A", "0001234567890", "970422")),
        ("INSIDEBANK", inside("87654321", "TRAN THI BINH"), "inside", Party("TRAN THI BINH", "87654321", "970416")),
        ("CITAD", citad(), "citad", Party("CONG TY A", "101234567890", "01201001")),
    ],
)
def test_each_type_has_its_beneficiary(kind: str, to: Any, rail: str, party: Party) -> None:
    data = {"sourceAccountNumber": "12345678", "transaction": transaction("T1", 5, kind, to)}
    found = read(body(data), bulk=False)
    (one,) = found.instructions
    assert (one.trace, one.rail, one.amount, one.beneficiary) == ("T1", rail, 5, party)
    assert (found.source, found.bulk, found.data) == ("12345678", None, data)


def test_a_bulk_has_lines_and_a_number_of_its_own() -> None:
    lines = [transaction("B1"), transaction("B2")]
    data = {"bulkTraceNumber": "BULK1", "sourceAccountNumber": "12345678", "transactions": lines}
    found = read(body(data), bulk=True)
    assert found.bulk == "BULK1"
    assert [one.trace for one in found.instructions] == ["B1", "B2"]


@pytest.mark.parametrize("lines", [[], [transaction("B1")] * 2, "B1", [transaction(f"B{n}") for n in range(501)]])
def test_a_bulk_without_lines_with_too_many_or_a_doubled_one_is_refused(lines: object) -> None:
    data = {"bulkTraceNumber": "BULK1", "sourceAccountNumber": "12345678", "transactions": lines}
    with pytest.raises(Malformed):
        read(body(data), bulk=True)


def test_the_refusal_names_the_field_by_its_path() -> None:
    wrong = transaction("T1")
    wrong["amount"]["amount"] = 200000
    with pytest.raises(Malformed, match=r"transaction\[0\]\.amount\.amount must be a string"):
        read(body({"sourceAccountNumber": "12345678", "transaction": wrong}), bulk=False)
