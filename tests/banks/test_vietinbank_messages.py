"""VietinBank's rows, names, balances and notices: what they become, that no notice makes a movement, and odd ones."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import UTC, date, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from banks.bank import BankNotice, DoubtfulRow, FoundName
from banks.row_fields import RowUnreadable
from banks.strict_json import NotJson
from banks.vietinbank_messages import (
    NOTICE_SIGNED,
    acknowledgement,
    is_genuine,
    read_balance,
    read_name,
    read_notice,
    read_statement,
    statement_fields,
    statement_row,
)
from ledger.errors import (
    BodyTooLarge,
    EventStoreUnavailable,
    Problem,
    SignatureInvalid,
    WebhookUnreadable,
)
from ledger.money import Money
from tests.banks.contract import NOW, TODAY
from tests.banks.vietinbank.wire import ACCOUNT_NUMBER, NOTICE_TEXT, given, key, notice, row, told

# statement


def test_the_question_names_one_day_one_direction_and_our_account() -> None:
    assert statement_fields(ACCOUNT_NUMBER, date(2025, 1, 5), "c", "Q1") == {
        "requestId": "Q1",
        "model": "1",
        "account": ACCOUNT_NUMBER,
        "fromDate": "05/01/2025",
        "accountType": "D",
        "collectionType": "c",
        "agencyType": "a",
        "channel": "ERP",
    }


def test_a_credit_says_who_sent_what_and_when() -> None:
    read = statement_row(row("statement_credits.json"), ACCOUNT_NUMBER, TODAY)
    assert (read.account_number, read.bank_reference, read.direction) == (ACCOUNT_NUMBER, "523320101151", "credit")
    assert (read.amount, read.balance_after, read.source) == (Money(150_000), Money(15_150_000), "history")
    assert read.booked_at == datetime(2025, 1, 15, 3, 30, tzinfo=UTC)
    assert (read.bank_time, read.value_date) == ("20250115103000", TODAY)
    assert read.memo == "CT DEN:523320101151 SOCAI7K3M9Q2X"
    assert (read.counterparty_name, read.counterparty_account) == ("NGUYEN VAN ANH", "1012345678")
    assert (read.counterparty_bank, read.virtual_account, read.end_to_end_id) == ("970436", None, None)


def test_a_debit_says_who_received() -> None:
    read = statement_row(row("statement_debits.json"), ACCOUNT_NUMBER, TODAY)
    assert (read.direction, read.amount) == ("debit", Money(200_000))
    assert (read.counterparty_name, read.counterparty_account) == ("NGUYEN VAN A", "12345678")
    assert read.counterparty_bank == "970416"


def test_a_virtual_account_is_told_of_a_credit() -> None:
    changed = row("statement_credits.json", recvVirtualAcctId="SOCAI001")
    assert statement_row(changed, ACCOUNT_NUMBER, TODAY).virtual_account == "SOCAI001"


def test_a_row_needs_no_more_than_time_direction_amount_and_reference() -> None:
    bare = {"transTime": "20250115103000", "transType": "C", "amount": 150_000, "bankTransId": 523_320_101_151}
    assert statement_row(bare, ACCOUNT_NUMBER, TODAY).key == (
        statement_row(row("statement_credits.json"), ACCOUNT_NUMBER, TODAY).key
    )


def test_what_was_transferred_in_the_evening_is_valued_on_the_day_it_is_booked() -> None:
    read = statement_row(row("statement_credits.json", transTime="20250114233000"), ACCOUNT_NUMBER, TODAY)
    assert read.value_date == TODAY
    assert read.booked_at == datetime(2025, 1, 14, 16, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("transType", "D"),
        ("transType", "c"),
        ("transType", None),
        ("amount", "0"),
        ("amount", "-150000"),
        ("amount", "150000.5"),
        ("amount", ""),
        ("amount", True),
        ("bankTransId", ""),
        ("bankTransId", None),
        ("bankTransId", "5233 20"),
        ("bankTransId", "5" * 65),
        ("transTime", "2025011510300"),
        ("transTime", "20251315103000"),
        ("transTime", "20250116000000"),
        ("balance", "x"),
        ("currencyCode", "USD"),
        ("status", {"code": "01"}),
        ("status", {}),
        ("custAcct", "999"),
        ("recvAcctId", "999"),
        ("sendAcctId", ACCOUNT_NUMBER),
        ("remark", 5),
    ],
    ids=str,
)
def test_an_odd_row_is_doubtful_and_names_its_place(field: str, value: object) -> None:
    body: dict[str, Any] = {"records": [row("statement_credits.json"), row("statement_credits.json", **{field: value})]}
    lines, doubtful = read_statement(body, ACCOUNT_NUMBER, TODAY, "credit")
    assert len(lines) == 1
    assert [one.position for one in doubtful] == [2]
    assert field.lower() in doubtful[0].why.lower()


def test_a_row_whose_accounts_tell_the_other_direction_is_doubtful() -> None:
    turned = row("statement_debits.json", transType="C")
    with pytest.raises(RowUnreadable, match="another direction"):
        statement_row(turned, ACCOUNT_NUMBER, TODAY)


def test_the_statement_gives_its_rows_and_counts_the_doubtful_ones() -> None:
    good, other = row("statement_credits.json"), row("statement_debits.json")
    body: dict[str, Any] = {"records": [good, other, "x", good]}
    lines, doubtful = read_statement(body, ACCOUNT_NUMBER, TODAY, "credit")
    assert [line.bank_reference for line in lines] == ["523320101151"]
    assert [one.position for one in doubtful] == [2, 3]


def test_two_different_rows_under_one_key_are_doubtful() -> None:
    body: dict[str, Any] = {"records": [row("statement_credits.json"), row("statement_credits.json", remark="other")]}
    lines, doubtful = read_statement(body, ACCOUNT_NUMBER, TODAY, "credit")
    assert len(lines) == 1
    assert doubtful == [
        DoubtfulRow(2, "bankTransId: another row of this day has the same reference and amount"),
    ]


@pytest.mark.parametrize("body", [{}, {"records": None}, {"records": {}}, {"records": "[]"}], ids=str)
def test_only_an_empty_list_says_that_nothing_moved(body: dict[str, Any]) -> None:
    assert read_statement({"records": []}, ACCOUNT_NUMBER, TODAY, "debit") == ([], [])
    with pytest.raises(NotJson, match="records"):
        read_statement(body, ACCOUNT_NUMBER, TODAY, "debit")


# names and balances


def test_a_name_is_found_and_says_whether_the_account_takes_money() -> None:
    assert read_name(told("name.json")) == FoundName("NGUYEN VAN A", active=True)
    assert read_name(told("name.json", accountName="", active="false")) == FoundName("", active=False)


@pytest.mark.parametrize(
    "changes",
    [
        {"active": True},
        {"active": None},
        {"active": "yes"},
        {"active": []},
        {"accountName": " "},
        {"accountName": None},
    ],
    ids=str,
)
def test_a_name_that_says_half_is_no_name(changes: dict[str, object]) -> None:
    with pytest.raises(NotJson):
        read_name(told("name.json", **changes))


def balances(**changes: object) -> dict[str, Any]:
    return told("balance.json", balances=told("balance.json")["balances"] | changes)


def test_a_balance_is_read_below_zero_too() -> None:
    assert read_balance(balances(), ACCOUNT_NUMBER) == Money(15_150_000)
    assert read_balance(balances(amount=-5), ACCOUNT_NUMBER) == Money(-5)


@pytest.mark.parametrize(
    "changes",
    [{"accId": "999"}, {"currencyCode": "USD"}, {"currencyCode": None}, {"amount": None}, {"amount": True}],
    ids=str,
)
def test_a_balance_of_something_else_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(NotJson):
        read_balance(balances(**changes), ACCOUNT_NUMBER)
    with pytest.raises(NotJson):
        read_balance(told("balance.json", balances=[]), ACCOUNT_NUMBER)
    with pytest.raises(NotJson, match=r"balances\.amount"):
        read_balance(balances(amount="1.5"), ACCOUNT_NUMBER)


# notices


@pytest.mark.parametrize("by", ["bank", "older"])
def test_a_notice_that_the_bank_signed_is_genuine(by: str) -> None:
    assert is_genuine(notice(by=by), given())


@pytest.mark.parametrize("name", NOTICE_SIGNED)
def test_each_field_that_is_signed_breaks_the_signature(name: str) -> None:
    assert not is_genuine(notice({name: {"code": "01"} if name == "status" else "x"}), given())


@pytest.mark.parametrize(
    "body",
    [
        notice(by="stranger"),
        notice(header={"signature": None}),
        notice(header={"signature": "AAAA"}),
        b"{}",
        b"[]",
        b"x",
        b'{"header":[],"data":{"records":[{}]}}',
        b'{"header":{},"data":{"records":[5]}}',
        b'{"header":{},"data":[]}',
    ],
    ids=range(9),
)
def test_what_nobody_signed_is_not(body: bytes) -> None:
    assert not is_genuine(body, given())


def test_null_is_signed_as_nothing_is() -> None:
    text = NOTICE_TEXT.replace("SOCAICTY", "CTY")
    assert is_genuine(notice({"custCode": None}, text=text), given())
    assert is_genuine(notice({"custCode": ""}, text=text), given())


def test_a_notice_is_a_hint() -> None:
    read = read_notice(notice(), ACCOUNT_NUMBER)
    assert (read.kind, read.trace, read.lines, read.orders) == ("hint", "VTBMSG2025011500001", (), ())
    assert "SOCAI" not in repr(read) + str(read), "it holds the name of a customer"


SHIFTED: list[dict[str, object]] = [
    {"amount": "1500001", "balance": "5150000"},
    {"amount": "15", "balance": "000015150000"},
    {"bankTransId": "52332010115", "remark": "1CT DEN:523320101151 SOCAI7K3M9Q2X"},
    {"bankTransId": "523320101151CT", "remark": " DEN:523320101151 SOCAI7K3M9Q2X"},
    {"transId": "VTB2025011500000", "originalId": "1"},
    {"transType": "D"},
    {"transType": "D", "recvAcctId": "1012345678", "sendAcctId": ACCOUNT_NUMBER},
    {"currencyCode": "USD"},
]


@pytest.mark.parametrize("changes", SHIFTED, ids=range(len(SHIFTED)))
def test_a_border_that_was_shifted_under_the_same_signature_makes_no_movement(changes: dict[str, object]) -> None:
    forged = notice(changes)
    assert is_genuine(forged, given()), "the signature cannot tell"
    read = read_notice(forged, ACCOUNT_NUMBER)
    assert (read.lines, read.orders) == ((), ())


def test_two_records_under_the_signature_of_one_make_no_movement_either() -> None:
    whole = json.loads(notice())
    (one,) = whole["data"]["records"]
    first = one | {"bankTransId": "5", "remark": ""}
    second = {"custAcct": ACCOUNT_NUMBER, "remark": one["remark"]}
    whole["data"]["records"] = [first, second]
    text = NOTICE_TEXT.replace("523320101151CT DEN", f"5{ACCOUNT_NUMBER}CT DEN")
    whole["header"]["signature"] = json.loads(notice(text=text))["header"]["signature"]
    assert is_genuine(json.dumps(whole).encode(), given())
    assert read_notice(json.dumps(whole).encode(), ACCOUNT_NUMBER).lines == ()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (notice(header={"msgType": "1100"}), "msgType"),
        (notice(header={"msgType": None}), "msgType"),
        (notice(header={"msgId": ""}), "msgId"),
        (notice(header={"msgId": 5}), "msgId"),
        (notice(header={"msgId": "x" * 101}), "msgId"),
        (notice({"custAcct": "999"}), "custAcct"),
        (b'{"header":{"msgType":"1200","msgId":"1"},"data":{"records":[' + b"{}," * 1000 + b"{}]}}", "more than 1000"),
        (b"x", "not JSON"),
    ],
    ids=range(8),
)
def test_a_notice_that_is_not_understood_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(WebhookUnreadable, match=why):
        read_notice(body, ACCOUNT_NUMBER)


# acknowledgements


def answered(read: BankNotice | None, problem: Problem | None) -> dict[str, Any]:
    answer = acknowledgement(read, problem, given(), NOW)
    assert (answer.status, answer.content_type) == (200, "application/json")
    found: dict[str, Any] = json.loads(answer.body)
    return found


def verify(said: dict[str, Any], text: str) -> None:
    signature = b64decode(said["header"]["signature"])
    key("ours").public_key().verify(signature, text.encode(), PKCS1v15(), hashes.SHA256())


def test_a_notice_taken_is_acknowledged_record_by_record_under_our_signature() -> None:
    said = answered(read_notice(notice({"status": {"code": "05"}}), ACCOUNT_NUMBER), None)
    verify(said, "00VTB2025011500000120250115103000SOCAICTY TNHH SOCAI11000000000115000000")
    assert said["data"]["errors"]["errorCode"] == "00"
    assert [one["transId"] for one in said["data"]["records"]] == ["VTB20250115000001"]
    assert "balance" not in said["data"]["records"][0]
    header = {name: said["header"][name] for name in said["header"] if name != "signature"}
    assert header == {
        "msgId": "VTBMSG2025011500001",
        "channelId": "VTB",
        "providerId": "SOCAI",
        "merchantId": "",
        "productId": "VA",
        "recordNum": "1",
        "encrypt": "",
        "gatewayId": "",
        "username": "",
        "msgType": "1210",
        "timestamp": "20250115100000",
    }


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (SignatureInvalid("x"), "01"),
        (WebhookUnreadable("x"), "03"),
        (BodyTooLarge("x"), "03"),
        (EventStoreUnavailable("x"), "99"),
        (Problem("x"), "99"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_refusal_has_a_code_and_repeats_nothing(problem: Problem, code: str) -> None:
    for read in (None, read_notice(notice(), ACCOUNT_NUMBER)):
        said = answered(read, problem)
        verify(said, code)
        assert (said["data"]["errors"]["errorCode"], said["data"]["records"]) == (code, [])


def test_the_recorded_notice_is_signed_as_the_specification_tells() -> None:
    (record,) = told("notice.json")["data"]["records"]
    record |= {"status": record["status"]["code"]}
    assert "".join(record[name] for name in NOTICE_SIGNED) == NOTICE_TEXT
