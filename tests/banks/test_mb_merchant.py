"""The merchant push: what it becomes, that its checksum has no second reading, and odd ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from banks.bank import BankNotice
from banks.mb_merchant import CHECKSUM_FIELDS, checksum_of, is_merchant_push, read_merchant_push
from banks.mb_messages import history_row, read_notice
from banks.row_fields import RowUnreadable
from ledger.errors import WebhookUnreadable
from ledger.money import Money
from tests.banks.mb.rig import ACCOUNT_NUMBER, recorded, told


def notice(name: str, **changes: Any) -> BankNotice:
    return read_notice(json.dumps(told(name, **changes)).encode(), ACCOUNT_NUMBER, "SOCAICHI")


def test_a_merchant_push_is_a_credit_to_our_account() -> None:
    told_of = notice("merchant_push.json")
    row = told_of.lines[0]
    assert (row.account_number, row.bank_reference) == (ACCOUNT_NUMBER, "FT25015000000001")
    assert (row.direction, row.amount, row.memo) == ("credit", Money(150_000), "BILL0001")
    assert row.booked_at == datetime(2025, 1, 15, 3, 30, tzinfo=UTC)


def test_push_merchant_push_and_history_give_one_movement_one_key() -> None:
    merchant = notice("merchant_push.json").lines[0]
    pushed = notice("push.json", referencenumber="FT25015000000001").lines[0]
    shown = told("history.json")["data"]["transactionHistoryList"][0] | {"refNo": "FT25015000000001\\MMS"}
    assert merchant.key == pushed.key == history_row(shown).key


def test_a_merchant_push_with_numbers_in_place_of_texts_reads_the_same() -> None:
    assert notice("merchant_push.json", debitAmount=150_000, payDate=20_250_115_103_000) == notice("merchant_push.json")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("respCode", "68"),
        ("respCode", None),
        ("ftCode", "FT25015000000002"),
        ("realAmount", "149000"),
        ("realAmount", "x"),
        ("debitAmount", "0150000"),
        ("debitAmount", "150,000"),
        ("debitAmount", "-150000"),
        ("debitAmount", "0"),
        ("debitAmount", True),
        ("payDate", "2025011510300"),
        ("payDate", "202501151030001"),
        ("payDate", "20251315103000"),
        ("traceTransfer", ""),
        ("traceTransfer", "FT2501500000000"),
        ("traceTransfer", "FT250150000000011"),
        ("traceTransfer", "ft25015000000001"),
        ("billNumber", None),
    ],
)
def test_an_odd_merchant_push_is_unreadable(field: str, value: object) -> None:
    with pytest.raises(WebhookUnreadable):
        notice("merchant_push.json", **{field: value})


def parted(whole: str) -> Iterator[dict[str, str]]:
    """Every way to part the text under the checksum into its four fields again."""
    for second in range(len(whole) + 1):
        for third in range(second, len(whole) + 1):
            for fourth in range(third, len(whole) + 1):
                parts = whole[:second], whole[second:third], whole[third:fourth], whole[fourth:]
                yield dict(zip(CHECKSUM_FIELDS, parts, strict=True))


def test_digits_cannot_move_between_the_fields_under_the_checksum() -> None:
    """The checksum knows no borders: each of these has the genuine one, and none may be read as another payment."""
    genuine = told("merchant_push.json")
    readable = set()
    for parts in parted("".join(genuine[name] for name in CHECKSUM_FIELDS)):
        try:
            row = read_merchant_push(genuine | parts | {"realAmount": None, "ftCode": None}, ACCOUNT_NUMBER).lines[0]
        except RowUnreadable:
            continue
        readable.add((row.bank_reference, row.memo, row.bank_time, row.amount))
    assert readable == {("FT25015000000001", "BILL0001", "20250115103000", Money(150_000))}


def test_a_bill_number_that_ends_like_a_time_leaves_the_payment_to_people() -> None:
    """Under the checksum 150,000 paid on B20250115 at 20:25:01 reads as 15,202,501 million as well."""
    genuine = told("merchant_push.json", billNumber="B20250115", payDate="20250115202501", ftCode=None, realAmount=None)
    forged = genuine | {"billNumber": "B", "payDate": "20250115202501", "debitAmount": "15202501150000"}
    assert "".join(genuine[name] for name in CHECKSUM_FIELDS) == "".join(forged[name] for name in CHECKSUM_FIELDS)
    for body in (genuine, forged):
        with pytest.raises(RowUnreadable, match="another payment"):
            read_merchant_push(body, ACCOUNT_NUMBER)


def test_the_checksum_of_a_merchant_push_is_found_with_what_it_covers() -> None:
    assert checksum_of(recorded("merchant_push.json")) == (
        "1cd7f28f167b69aa7e5a0f0a35cb8e01",
        ("FT25015000000001", "BILL0001", "20250115103000", "150000"),
    )
    assert checksum_of(recorded("push.json")) is None
    assert checksum_of(b"[]") is None
    assert checksum_of(b"\xff") is None
    for field, value in (("checkSum", 5), ("billNumber", None), ("billNumber", ["x"]), ("payDate", {})):
        assert checksum_of(json.dumps(told("merchant_push.json", **{field: value})).encode()) == ("", ())


def test_what_proves_a_notice_and_what_reads_it_agree_which_product_it_is_of() -> None:
    for value, merchant in (("x", True), ("", True), (5, True), (None, False)):
        body = told("push.json", checkSum=value)
        assert is_merchant_push(body) is merchant
        assert (checksum_of(json.dumps(body).encode()) is not None) is merchant
    assert notice("push.json", checkSum=None) == notice("push.json")
