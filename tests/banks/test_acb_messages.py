"""ACB's rows and notices: both feeds, both shapes, and what is not a row."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banks.acb_messages import (
    RowUnreadable,
    acknowledgement,
    bank_instant,
    history_row,
    read_history,
    read_notice,
)
from banks.strict_json import NotJson
from ledger.errors import Conflict, Forbidden, LogDamaged, Problem, SignatureInvalid, TooMany, WebhookUnreadable
from ledger.money import Money
from tests.banks.acb.rig import recorded
from tests.banks.contract import NOW


def listed(**fields: object) -> dict[str, object]:
    row: dict[str, object] = json.loads(recorded("history.json"))["responseData"]["transactions"][0]
    return row | fields


def notice_with(fields: dict[str, object]) -> bytes:
    """The recorded notice with its one transaction changed."""
    body = json.loads(recorded("webhook.json"))
    body["requestParameters"]["request"]["requestParams"]["transactions"][0].update(fields)
    return json.dumps(body).encode()


def test_a_credit_in_the_history_names_its_remitter() -> None:
    row = history_row(listed())
    assert row.bank_reference == "112233"
    assert (row.direction, row.amount, row.reversal, row.source) == ("credit", Money(150_000), False, "history")
    assert row.booked_at == datetime(2025, 1, 15, 3, 30, tzinfo=UTC)
    assert row.bank_time == "2025-01-15T10:30:00+07:00"
    assert row.value_date == date(2025, 1, 15)
    assert row.memo == "SOCAI7K3M9Q2X GD 112233-011525 10:30:00"
    assert (row.counterparty_name, row.counterparty_account, row.counterparty_bank) == (
        "NGUYEN VAN ANH",
        "1012345678",
        "VIETINBANK",
    )


def test_a_debit_in_the_history_names_its_beneficiary_and_our_id() -> None:
    row = history_row(
        listed(debitOrCredit="debit", beneficiaryName="LE B", beneficiaryAccount="1", transactionTraceNumber="SOCAI1")
    )
    assert (row.direction, row.counterparty_name, row.counterparty_account) == ("debit", "LE B", "1")
    assert row.end_to_end_id == "SOCAI1"


@pytest.mark.parametrize("amount", [150000, "150000", "150,000", "150000.00"])
def test_an_amount_is_read_in_each_writing_of_the_bank(amount: object) -> None:
    assert history_row(listed(transactionAmount=amount)).amount == Money(150_000)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("transactionAmount", 0),
        ("transactionAmount", -1),
        ("transactionAmount", "1.5"),
        ("transactionAmount", None),
        ("transactionAmount", True),
        ("transactionAmount", 10**17),
        ("debitOrCredit", "in"),
        ("debitOrCredit", None),
        ("transactionStatus", "PENDING"),
        ("transactionStatus", None),
        ("traceNumber", None),
        ("traceNumber", ""),
        ("traceNumber", "a b"),
        ("traceNumber", True),
        ("transactionDate", "15/01/2025"),
        ("transactionDate", "2025-02-30T10:30:00+07:00"),
        ("account", ""),
        ("account", None),
    ],
)
def test_a_row_that_is_not_understood_names_the_field_and_quotes_nothing(field: str, value: object) -> None:
    with pytest.raises(RowUnreadable) as refusal:
        history_row(listed(**{field: value}))
    assert field in str(refusal.value)
    assert "NGUYEN" not in str(refusal.value)


def test_a_bad_row_does_not_hide_the_good_ones() -> None:
    data = {"transactions": [listed(traceNumber=None), listed(), "x"], "pagination": {"totalPage": 1}}
    rows, doubtful, pages = read_history(data, "12345678")
    assert len(rows) == 1
    assert [row.position for row in doubtful] == [1, 3]
    assert pages == 1


def read_rows(*rows: dict[str, object]) -> tuple[int, list[str]]:
    found, doubtful, _ = read_history({"transactions": list(rows), "pagination": {"totalPage": 1}}, "12345678")
    return len(found), [row.why for row in doubtful]


def test_a_row_of_another_account_is_doubtful() -> None:
    assert read_rows(listed(account="999")) == (0, ["account: the row belongs to another account"])


def test_the_same_row_twice_is_one_and_a_different_row_with_its_key_is_doubtful() -> None:
    assert read_rows(listed(), listed()) == (1, [])
    count, why = read_rows(listed(), listed(transactionDate="2025-01-15T10:30:07+07:00"))
    assert count == 1
    assert "same reference" in why[0]


def test_a_movement_and_its_fee_under_one_reference_are_two_rows() -> None:
    assert read_rows(listed(), listed(transactionAmount=1100)) == (2, [])


def test_a_page_without_its_pagination_is_refused() -> None:
    with pytest.raises(NotJson):
        read_history({"transactions": []}, "12345678")


# time


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-15T10:30:00+07:00",
        "2025-01-15T10:30:00+0700",
        "2025-01-15T10:30:00.000+0700",
        "2025-01-15T03:30:00Z",
        "2025-01-15T03:30:00.000Z",
        "2025-01-15 10:30:00",
        "2025-01-15T10:30:00",
    ],
)
def test_an_instant_is_the_same_in_every_writing(text: str) -> None:
    assert bank_instant(text) == datetime(2025, 1, 15, 3, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "2025-01-15", "20250115T103000", "1999-01-15 10:30:00", "2025-01-15 25:00:00", "x"]
)
def test_other_writings_of_time_are_refused(text: str) -> None:
    with pytest.raises(RowUnreadable):
        bank_instant(text)


# notices


def test_a_push_of_one_movement_is_read() -> None:
    notice = read_notice(recorded("webhook.json"))
    assert (notice.kind, notice.page, notice.pages) == ("movement", 1, 1)
    assert notice.trace == "5e0c1f3a-0000-4000-8000-000000000001"
    row = notice.lines[0]
    assert (row.bank_reference, row.amount, row.source) == ("112233", Money(150_000), "webhook")
    assert (row.virtual_account, row.counterparty_name) == ("VQR0001", "NGUYEN VAN ANH")


def test_the_booking_day_of_a_push_may_be_the_next_one() -> None:
    row = read_notice(notice_with({"effectiveDate": "2025-01-16"})).lines[0]
    assert row.value_date == date(2025, 1, 16)
    assert row.key == read_notice(recorded("webhook.json")).lines[0].key


def test_the_older_shape_is_read_with_its_pages_and_the_reversal_is_another_line() -> None:
    notice = read_notice(recorded("webhook_older.json"))
    assert (notice.kind, notice.page, notice.pages, notice.trace) == ("list", 1, 3, "q2")
    original, reversal = notice.lines
    assert (original.reversal, reversal.reversal) == (False, True)
    assert original.key != reversal.key
    assert reversal.original_key == original.key
    assert original.booked_at == datetime(2025, 1, 14, 16, 59, 59, tzinfo=UTC)


def test_the_older_body_inside_request_parameters_or_without_master_meta_reads_the_same() -> None:
    older = json.loads(recorded("webhook_older.json"))
    assert read_notice(json.dumps({"requestParameters": older}).encode()) == read_notice(json.dumps(older).encode())
    newer = json.loads(recorded("webhook.json"))
    del newer["requestParameters"]["masterMeta"]
    assert read_notice(json.dumps(newer).encode()) == read_notice(recorded("webhook.json"))


def test_a_reversal_has_one_key_by_push_and_by_history() -> None:
    pushed = read_notice(notice_with({"transactionStatus": "ERRORCORRECTED"})).lines[0]
    assert pushed.key == history_row(listed(transactionStatus="ERRORCORRECTED")).key
    assert pushed.key != history_row(listed()).key


@pytest.mark.parametrize(
    "fields",
    [
        {"transactionStatus": "WAITING"},
        {"amount": 0},
        {"amount": "15.5"},
        {"debitOrCredit": "C"},
        {"transactionDate": "now"},
        {"effectiveDate": "soon"},
        {"accountNumber": ""},
        {"transactionEntityAttribute": {}},
        {"transactionEntityAttribute": None},
    ],
    ids=str,
)
def test_a_notice_with_a_transaction_not_understood_is_kept_whole(fields: dict[str, object]) -> None:
    with pytest.raises(WebhookUnreadable, match="Transaction 1"):
        read_notice(notice_with(fields))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"requestParameters":[]}',
        b'{"requestParameters":{"request":{"requestMeta":{"requestCode":"PING"},"requestParams":{"transactions":[]}}}}',
        b'{"requestMeta":{"requestCode":"TRANSACTION_UPDATE"},"requests":{}}',
        b'{"requestTrace":7,"requestMeta":{"requestCode":"TRANSACTION_UPDATE"},"requests":[]}',
        b'{"requestMeta":{"requestCode":"TRANSACTION_UPDATE"},"requests":[],"requests":[]}',
        b'{"requestMeta":{"requestCode":"TRANSACTION_UPDATE"},"requests":[' + b"{}," * 1000 + b"{}]}",
    ],
)
def test_a_body_that_is_no_notice_is_unreadable(body: bytes) -> None:
    with pytest.raises(WebhookUnreadable):
        read_notice(body)


@given(st.binary(max_size=200) | st.integers(0, 900).map(lambda cut: recorded("webhook.json")[:cut]))
def test_no_body_breaks_the_reader(body: bytes) -> None:
    with pytest.raises(WebhookUnreadable):
        read_notice(body)


# acknowledgements


def test_a_notice_taken_is_acknowledged_in_the_banks_format() -> None:
    said = acknowledgement(read_notice(recorded("webhook.json")), None, NOW, "wh_1")
    assert said.status == 200
    assert json.loads(said.body) == {
        "requestTrace": "5e0c1f3a-0000-4000-8000-000000000001",
        "responseDateTime": "2025-01-15T10:00:00.000+0700",
        "responseStatus": {"responseCode": "00000000", "responseMessage": "success"},
        "responseBody": {"index": 1, "referenceCode": "wh_1"},
    }


@pytest.mark.parametrize(
    ("problem", "status", "code"),
    [
        (SignatureInvalid("x"), 401, "40100001"),
        (Forbidden("x"), 403, "40300001"),
        (WebhookUnreadable("x"), 400, "40000001"),
        (Conflict("x"), 409, "40900001"),
        (TooMany("x"), 503, "50300001"),
        (LogDamaged("x"), 503, "50300001"),
    ],
)
def test_a_problem_is_told_by_its_family_without_its_detail(problem: Problem, status: int, code: str) -> None:
    said = acknowledgement(None, problem, NOW, "")
    body = json.loads(said.body)
    assert (said.status, body["responseStatus"]["responseCode"]) == (status, code)
    assert body["responseStatus"]["responseMessage"] != problem.detail
