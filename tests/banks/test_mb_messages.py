"""MB's rows and notices: amounts and times in every writing, memos cut and glued, odd rows, both acknowledgements."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from banks.bank import BankNotice, StatementRow
from banks.mb_messages import acknowledgement, history_row, read_history, read_notice
from banks.outcomes import Accepted
from banks.row_fields import RowUnreadable
from banks.strict_json import NotJson
from ledger.codes import PAYMENT_LENGTH, PAYMENT_PREFIX, find_payment_codes, make
from ledger.errors import SignatureInvalid, WebhookUnreadable
from ledger.money import Money
from tests.banks.mb.rig import ACCOUNT_NUMBER, told

CODE = make(PAYMENT_PREFIX, PAYMENT_LENGTH, "an intent")


def rows() -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = told("history.json")["data"]["transactionHistoryList"]
    return listed


def listed(**changes: object) -> StatementRow:
    return history_row(rows()[0] | changes)


def page(*items: Any, pages: Any = 1) -> tuple[list[StatementRow], list[Any], int]:
    return read_history({"transactionHistoryList": list(items), "totalPage": pages}, ACCOUNT_NUMBER)


def notice(name: str = "push.json", **changes: Any) -> BankNotice:
    return read_notice(json.dumps(told(name, **changes)).encode(), ACCOUNT_NUMBER, "SOCAICHI")


# history


def test_a_credit_is_read_whole() -> None:
    row = listed()
    assert row == StatementRow(
        account_number=ACCOUNT_NUMBER,
        bank_reference="FT25015123456789",
        direction="credit",
        amount=Money(150_000),
        booked_at=datetime(2025, 1, 15, 3, 30, tzinfo=UTC),
        bank_time="15/01/2025 10:30:00",
        value_date=date(2025, 1, 15),
        source="history",
        memo=rows()[0]["description"],
        counterparty_name="NGUYEN VAN ANH",
        counterparty_account="1012345678",
        counterparty_bank="VIETCOMBANK",
    )


def test_a_debit_is_valued_on_the_day_the_bank_books_it() -> None:
    row = history_row(rows()[2])
    assert (row.direction, row.amount, row.value_date) == ("debit", Money(200_000), date(2025, 1, 16))


def test_interest_without_an_ft_number_is_a_row_of_its_own() -> None:
    row = history_row(rows()[1])
    assert (row.bank_reference, row.amount) == ("0009990001234-20250115", Money(1_250))
    month_later = history_row(rows()[1] | {"refNo": "0009990001234-20250215"})
    assert month_later.key != row.key


def test_money_that_comes_back_is_a_credit_with_a_reference_of_its_own() -> None:
    paid = history_row(rows()[2])
    back = rows()[2] | {"creditAmount": "200000", "debitAmount": "0", "refNo": "FT25015000000777"}
    lines, doubtful, _ = page(rows()[2], back)
    assert doubtful == []
    assert [line.direction for line in lines] == ["debit", "credit"]
    assert not lines[1].reversal
    assert lines[1].key != paid.key


def test_a_transfer_and_its_fee_may_share_a_reference() -> None:
    fee = rows()[2] | {"debitAmount": "1100"}
    lines, doubtful, _ = page(rows()[2], fee)
    assert (len(lines), doubtful) == (2, [])


@pytest.mark.parametrize(
    "text", [150_000, "150000", "150,000", "150 000", "150_000", "150000.", "150000.00", "150,000.0"]
)
def test_an_amount_may_be_written_in_many_ways(text: str | int) -> None:
    assert listed(creditAmount=text).amount == Money(150_000)
    assert notice(amount=text).lines[0].amount == Money(150_000)


@pytest.mark.parametrize(
    ("credit", "debit"),
    [
        ("0", "0"),
        ("1", "1"),
        ("-1", "0"),
        ("0", "-1"),
        ("1.5", "0"),
        ("", "0"),
        ("1.000", ""),
        ("0.00", "0"),
        ("x", "0"),
    ],
)
def test_a_row_without_exactly_one_amount_is_doubtful(credit: str, debit: str) -> None:
    lines, doubtful, _ = page(rows()[1], rows()[0] | {"creditAmount": credit, "debitAmount": debit})
    assert len(lines) == 1
    assert (doubtful[0].position, doubtful[0].why.split(":")[0]) == (2, "creditAmount, debitAmount")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("refNo", ""),
        ("refNo", "\\BNK"),
        ("refNo", "FT 1"),
        ("refNo", None),
        ("refNo", "F" * 65),
        ("accountNo", "0009990009999"),
        ("accountNo", ""),
        ("transactionDate", "2025-01-15 10:30:00"),
        ("transactionDate", "32/01/2025 10:30:00"),
        ("transactionDate", "15/01/1925 10:30:00"),
        ("transactionDate", "15/01/2025"),
        ("transactionDate", "15/01/2025 10:30:00\n"),
        ("transactionDate", None),
        ("postingDate", "yesterday"),
        ("currency", "USD"),
        ("creditAmount", True),
        ("creditAmount", None),
        ("description", 5),
    ],
)
def test_an_odd_row_is_doubtful_and_the_others_are_read(field: str, value: object) -> None:
    odd = rows()[0] | {field: value}
    lines, doubtful, _ = page(odd, rows()[1])
    assert [line.bank_reference for line in lines] == ["0009990001234-20250115"]
    assert [one.position for one in doubtful] == [1]
    assert "NGUYEN" not in doubtful[0].why


def test_the_same_row_twice_is_one_and_another_under_its_key_is_doubtful() -> None:
    lines, doubtful, _ = page(rows()[0], rows()[0], rows()[0] | {"description": "something else"})
    assert (len(lines), [one.position for one in doubtful]) == (1, [3])


@pytest.mark.parametrize("pages", [0, 1, "12", 1000])
def test_the_number_of_pages_is_read(pages: object) -> None:
    assert page(pages=pages)[2] == int(str(pages))


@pytest.mark.parametrize("pages", [-1, 1001, "x", "", None, True, "99999"])
def test_a_page_without_a_sound_number_of_pages_is_unreadable(pages: object) -> None:
    with pytest.raises(NotJson):
        page(rows()[0], pages=pages)


def test_a_page_without_a_list_is_unreadable() -> None:
    unreadable: list[dict[str, Any]] = [{}, {"totalPage": 1}, {"transactionHistoryList": {}, "totalPage": 1}]
    for data in unreadable:
        with pytest.raises(NotJson):
            read_history(data, ACCOUNT_NUMBER)


def test_a_row_without_optional_words_is_read() -> None:
    bare = {name: rows()[0][name] for name in ("transactionDate", "accountNo", "creditAmount", "debitAmount", "refNo")}
    row = history_row(bare)
    assert (row.memo, row.counterparty_name, row.value_date) == ("", None, date(2025, 1, 15))
    with pytest.raises(RowUnreadable):
        history_row([])


# memos


def in_lines(text: str, join: str) -> str:
    """The core's lines of 35 characters, joined by a feed (3.4)."""
    lines = [text[start : start + 35] for start in range(0, len(text), 35)]
    return join.join(line.strip() if join == "" else line for line in lines)


@pytest.mark.parametrize("join", [" ", "", "  "])
@pytest.mark.parametrize("prefix", ["CUSTOMER ", "NGUYEN VAN ANH ", ""])
def test_a_code_is_found_wherever_the_35th_column_falls(join: str, prefix: str) -> None:
    for before in range(40):
        text = "X" * before + f" {CODE}.CT tu 1012345678 NGUYEN VAN ANH toi 0009990001234 Ma GD ACSP/ cw047334"
        memo = prefix + in_lines(text, join)
        assert find_payment_codes(listed(description=memo).memo) == [CODE]
        assert find_payment_codes(notice(content=memo).lines[0].memo) == [CODE]


def test_two_feeds_show_two_memos_and_one_movement() -> None:
    pushed, shown = notice().lines[0], listed()
    assert pushed.memo != shown.memo
    assert pushed.key == shown.key
    for row in (pushed, shown):
        assert "SOCAI7K3M9Q2X" in row.memo.replace(" ", "")


# balance push


def test_a_push_is_read_whole() -> None:
    told_of = notice()
    assert (told_of.kind, told_of.trace, told_of.orders) == ("movement", "b1", ())
    row = told_of.lines[0]
    assert (row.direction, row.amount, row.source) == ("credit", Money(150_000), "webhook")
    assert row.booked_at == datetime(2025, 1, 15, 3, 30, tzinfo=UTC)
    assert (row.bank_time, row.value_date) == ("1736911800000", date(2025, 1, 15))
    assert (row.counterparty_account, row.counterparty_bank) == ("1012345678", "970436")
    assert row.virtual_account is None


def test_a_debit_and_a_virtual_account_are_told() -> None:
    row = notice(transType="D", va="VQRSOCAI000001", valueDate=1736960400000).lines[0]
    assert (row.direction, row.virtual_account) == ("debit", "VQRSOCAI000001")
    assert row.value_date == date(2025, 1, 16), "midnight in Vietnam, not in Greenwich"


def test_times_may_be_texts_and_the_value_date_may_be_missing() -> None:
    row = notice(transactiontime="1736911800123", valueDate=None).lines[0]
    assert row.booked_at == datetime(2025, 1, 15, 3, 30, 0, 123_000, tzinfo=UTC)
    assert row.value_date == date(2025, 1, 15)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("transType", "c"),
        ("transType", ""),
        ("transType", "CD"),
        ("transType", None),
        ("amount", 0),
        ("amount", -150_000),
        ("amount", "-150000"),
        ("amount", 1.5),
        ("amount", "1.50"),
        ("amount", True),
        ("amount", None),
        ("transactiontime", 1_736_911_800),
        ("transactiontime", "2025-01-15 10:30:00"),
        ("transactiontime", -1_736_911_800_000),
        ("transactiontime", 9_999_999_999_999),
        ("transactiontime", None),
        ("valueDate", 5),
        ("referencenumber", ""),
        ("referencenumber", None),
        ("referencenumber", 25015),
        ("bankaccount", ""),
        ("bankaccount", "0009990001234 "),
        ("transactionid", "x" * 101),
        ("transactionid", None),
        ("content", ["x"]),
    ],
)
def test_an_odd_push_is_unreadable_and_quotes_nothing(field: str, value: Any) -> None:
    with pytest.raises(WebhookUnreadable) as refusal:
        notice(**{field: value})
    assert "NGUYEN" not in str(refusal.value)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b"\xff", b'{"a":1,"a":2}', b"null", b'{"amount":NaN}'])
def test_what_is_no_notice_is_unreadable(raw: bytes) -> None:
    with pytest.raises(WebhookUnreadable):
        read_notice(raw, ACCOUNT_NUMBER, "SOCAICHI")


# result callback


@pytest.mark.parametrize("state", ["SUCCESS", "FAILED", "PROCESSING"])
def test_a_callback_only_says_that_the_bank_has_the_order(state: str) -> None:
    told_of = notice("callback.json", transactionStatus=state)
    assert (told_of.kind, told_of.lines, told_of.trace) == ("order", (), "SOCAICHISOCAI000000001")
    assert told_of.orders[0].end_to_end_id == "SOCAI000000001"
    assert told_of.orders[0].outcome == Accepted("FT25015000000001")


def test_a_callback_in_an_unlisted_state_decides_nothing() -> None:
    with pytest.raises(WebhookUnreadable, match="transactionStatus: not a state we know"):
        notice("callback.json", transactionStatus="success")


def test_a_callback_may_lack_the_bank_s_reference() -> None:
    assert notice("callback.json", ft=None).orders[0].outcome == Accepted(None)
    assert notice("callback.json", ft="").orders[0].outcome == Accepted(None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("transactionId", "OTHERCHISOCAI000000001"),
        ("transactionId", "SOCAICHI"),
        ("transactionId", None),
        ("transactionStatus", None),
        ("ft", 5),
    ],
)
def test_an_odd_callback_is_unreadable(field: str, value: object) -> None:
    with pytest.raises(WebhookUnreadable):
        notice("callback.json", **{field: value})


# acknowledgements


def body(told_of: BankNotice | None, reference: str = "sl_1") -> object:
    return json.loads(acknowledgement(told_of, None, reference).body)


def test_each_product_is_answered_in_its_own_words() -> None:
    taken = {"error": False, "errorReason": "000", "toastMessage": ""}
    assert body(notice()) == taken | {"object": {"reftransactionid": "sl_1"}}
    assert body(notice("callback.json"), "") == taken | {"object": {"refTransactionid": ""}}
    assert body(notice("merchant_push.json")) == {"resCode": "00", "resDesc": "Success"}


def test_a_refusal_says_no_more_than_its_family() -> None:
    refused = acknowledgement(None, SignatureInvalid("our words"), "")
    assert refused.status == 401
    said = json.loads(refused.body)
    assert (said["error"], said["errorReason"], said["resCode"], said["object"]) == (True, "005", "12", None)
    assert b"our words" not in refused.body


def test_rows_show_no_person() -> None:
    assert "NGUYEN" not in repr(listed()) + repr(notice().lines)
    assert msgspec.structs.replace(listed(), memo="x").key == listed().key
