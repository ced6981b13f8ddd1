"""What all aggregator feeds share: the key of a movement, amounts, times, the answer, and that nothing shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banks.bank import BankNotice, StatementRow
from banks.feeds.casso import Casso, CassoV1
from banks.feeds.feed import Feed, RowUnreadable, balance, header, plain_amount, signed_amount, vietnam_instant
from banks.feeds.payos import Payos
from banks.feeds.sepay import Sepay, SepayKey
from ledger.errors import (
    BodyTooLarge,
    EventStoreUnavailable,
    InvalidBankAccounts,
    Problem,
    SignatureInvalid,
    WebhookUnreadable,
)
from ledger.money import Money
from tests.banks.contract import NOW
from tests.banks.feeds.access import account

KEY = "planted-feed-key-0001"
OLDER = "planted-feed-key-0000"


@dataclass(frozen=True)
class Said:
    """One movement, and how each aggregator words it."""

    reference: str = "FT25015000000001"
    amount: int = 150_000
    number: int = 92704
    credit: bool = True
    account: str = "0001234567890"
    when: str = "2025-01-15 10:30:00"

    @property
    def signed(self) -> int:
        return self.amount if self.credit else -self.amount


def sepay(said: Said) -> dict[str, object]:
    return {
        "id": said.number,
        "gateway": "MBBank",
        "transactionDate": said.when,
        "accountNumber": said.account,
        "code": None,
        "content": "SOCAI7K3M9Q2X",
        "transferType": "in" if said.credit else "out",
        "transferAmount": said.amount,
        "accumulated": 1_150_000,
        "subAccount": None,
        "referenceCode": said.reference,
        "description": "",
    }


def casso(said: Said) -> dict[str, object]:
    row = {
        "id": said.number,
        "reference": said.reference,
        "description": "other text",
        "amount": said.signed,
        "runningBalance": 1_150_000,
        "transactionDateTime": said.when,
        "accountNumber": said.account,
        "bankName": "MBBank",
        "counterAccountName": "NGUYEN VAN A",
        "counterAccountNumber": "8888888888",
        "counterAccountBankName": "VietinBank",
    }
    return {"error": 0, "data": row}


def casso_v1(said: Said) -> dict[str, object]:
    row = {
        "id": said.number,
        "tid": said.reference,
        "description": "SOCAI7K3M9Q 2X",
        "amount": said.signed,
        "cusum_balance": 1_150_000,
        "when": said.when,
        "bank_sub_acc_id": said.account,
        "subAccId": said.account,
        "corresponsiveName": "NGUYEN VAN A",
    }
    return {"error": 0, "data": [row]}


def payos(said: Said) -> dict[str, object]:
    data = {
        "orderCode": 1,
        "amount": said.amount,
        "description": "SOCAI7K3M9Q2X",
        "accountNumber": said.account,
        "reference": said.reference,
        "transactionDateTime": said.when,
        "currency": "VND",
        "paymentLinkId": str(said.number),
        "code": "00",
        "desc": "success",
    }
    return {"code": "00", "desc": "success", "success": True, "data": data, "signature": ""}


FEEDS: list[tuple[type[Feed], Callable[[Said], dict[str, object]]]] = [
    (Sepay, sepay),
    (SepayKey, sepay),
    (Casso, casso),
    (CassoV1, casso_v1),
    (Payos, payos),
]
NAMES = [feed.code for feed, _ in FEEDS]


def opened(feed: type[Feed], *, bank: str = "mb", alone: bool = False) -> Feed:
    return feed(account(feed.code, KEY, OLDER, bank=bank), lambda: NOW, alone=alone)


def read(
    feed: type[Feed], words: Callable[[Said], dict[str, object]], said: Said, *, bank: str = "mb", alone: bool = False
) -> BankNotice:
    return opened(feed, bank=bank, alone=alone).parse_webhook(json.dumps(words(said)).encode())


PUSHED = StatementRow(
    account_number="0001234567890",
    bank_reference="FT25015000000001",
    direction="credit",
    amount=Money(150_000),
    booked_at=datetime(2025, 1, 15, 3, 30, 1, tzinfo=UTC),
    bank_time="1736911801000",
    value_date=date(2025, 1, 15),
    source="history",
    memo="CUSTOMER SOCAI7K3M9Q 2X Trace 112233",
)


@pytest.mark.parametrize(("feed", "words"), FEEDS, ids=NAMES)
def test_a_movement_merges_with_the_bank_own_feeds(
    feed: type[Feed], words: Callable[[Said], dict[str, object]]
) -> None:
    (row,) = read(feed, words, Said()).lines
    assert row.key == PUSHED.key
    assert row.movement_key == PUSHED.movement_key
    assert row.memo != PUSHED.memo, "and the text differs, as it does"
    assert (row.booked_at, row.value_date) == (datetime(2025, 1, 15, 3, 30, tzinfo=UTC), date(2025, 1, 15))
    assert row.bank_time == "2025-01-15 10:30:00"


@pytest.mark.parametrize(("feed", "words"), FEEDS, ids=NAMES)
def test_twins_of_one_second_are_two_movements(feed: type[Feed], words: Callable[[Said], dict[str, object]]) -> None:
    (first,) = read(feed, words, Said()).lines
    (twin,) = read(feed, words, Said(reference="FT25015000000002", number=92705)).lines
    assert first.key != twin.key
    assert read(feed, words, Said()).lines == (first,), "the same message again is the same movement"


@pytest.mark.parametrize(("feed", "words"), FEEDS, ids=NAMES)
@pytest.mark.parametrize(
    "reference",
    ["", "MBVCB.3278907687", "FT2501500000000", "FT250150000000011", "ft25015000000001", "FT٢5015000000001"],
)
def test_a_piece_of_text_is_no_reference(
    feed: type[Feed], words: Callable[[Said], dict[str, object]], reference: str
) -> None:
    for bank in ("mb", "mbdn", "techcombank"):
        with pytest.raises(WebhookUnreadable, match="cannot be told from others"):
            read(feed, words, Said(reference=reference), bank=bank)


@pytest.mark.parametrize(("feed", "words"), FEEDS, ids=NAMES)
def test_where_the_bank_tells_of_nothing_the_aggregator_number_is_the_key(
    feed: type[Feed], words: Callable[[Said], dict[str, object]]
) -> None:
    reference = "" if feed is not Payos else "MBVCB"
    (row,) = read(feed, words, Said(reference=reference), bank="techcombank", alone=True).lines
    (again,) = read(feed, words, Said(reference=reference, number=92705), bank="techcombank", alone=True).lines
    assert row.bank_reference.startswith(f"{feed.code}-")
    assert "92704" in row.bank_reference
    assert row.key != again.key
    (known,) = read(feed, words, Said(reference="FT25015000000001\\BNK"), bank="techcombank", alone=True).lines
    assert known.bank_reference == "FT25015000000001", "the bank's own reference comes first, without its suffix"


@pytest.mark.parametrize(("feed", "words"), FEEDS, ids=NAMES)
@pytest.mark.parametrize(
    "said",
    [
        Said(amount=0),
        Said(when="2025-01-15T10:30:00"),
        Said(when="15/01/2025 10:30:00"),
        Said(when="2025-13-15 10:30:00"),
        Said(when="1925-01-15 10:30:00"),
        Said(when=""),
    ],
    ids=["no amount", "ISO time", "day first", "month 13", "another century", "no time"],
)
def test_what_is_odd_is_not_booked(feed: type[Feed], words: Callable[[Said], dict[str, object]], said: Said) -> None:
    with pytest.raises(WebhookUnreadable):
        read(feed, words, said)


@pytest.mark.parametrize(("feed", "words"), FEEDS, ids=NAMES)
@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b"null", b"\xff", b'{"a":1,"a":2}', b"<x/>", b'{"id":NaN}'])
def test_what_is_no_message_is_not_understood(
    feed: type[Feed], words: Callable[[Said], dict[str, object]], raw: bytes
) -> None:
    del words
    with pytest.raises(WebhookUnreadable):
        opened(feed).parse_webhook(raw)


@pytest.mark.parametrize(("feed", "words"), FEEDS, ids=NAMES)
def test_every_field_needs_its_type(feed: type[Feed], words: Callable[[Said], dict[str, object]]) -> None:
    whole = words(Said())
    inner = whole.get("data", whole)
    fields = inner[0] if isinstance(inner, list) else inner
    assert isinstance(fields, dict)
    for name in list(fields):
        kept = fields[name]
        fields[name] = {"odd": True}
        optional = name in {"gateway", "code", "description", "desc", "bankName"} and feed is not Payos
        optional = optional and (feed in (Sepay, SepayKey) or name != "description")
        if not optional and (feed is not Payos or name != "desc"):
            with pytest.raises(WebhookUnreadable) as refusal:
                opened(feed).parse_webhook(json.dumps(whole).encode())
            assert "NGUYEN" not in f"{refusal.value!r}"
        fields[name] = kept
    opened(feed).parse_webhook(json.dumps(whole).encode())


@pytest.mark.parametrize(("feed", "words"), FEEDS, ids=NAMES)
def test_money_out_is_a_debit(feed: type[Feed], words: Callable[[Said], dict[str, object]]) -> None:
    (row,) = read(feed, words, Said(credit=False)).lines
    assert row.amount == Money(150_000)
    assert row.direction == ("credit" if feed is Payos else "debit")


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (None, 200),
        (SignatureInvalid("x"), 401),
        (WebhookUnreadable("x"), 400),
        (BodyTooLarge("x"), 400),
        (EventStoreUnavailable("x"), 503),
    ],
)
def test_the_answer_is_the_aggregator_own(problem: Problem | None, status: int) -> None:
    for feed in (one for one, _ in FEEDS):
        answer = opened(feed).acknowledge(problem)
        assert (answer.status, answer.content_type) == (status, "application/json")
        assert json.loads(answer.body) == {"success": problem is None}


def test_nothing_secret_shows() -> None:
    for feed, words in FEEDS:
        one = opened(feed)
        shown = repr(one) + str(one) + repr(one.refusal()) + repr(one.told(json.loads(json.dumps(words(Said())))))
        assert not [word for word in (KEY, OLDER, "0001234567890", "NGUYEN") if word in shown]


# fields


@pytest.mark.parametrize(
    ("value", "direction", "amount"),
    [(5, "credit", 5), (-5, "debit", 5), ("1,500", "credit", 1500), ("-1,500.00", "debit", 1500)],
)
def test_a_sign_tells_the_direction(value: int | str, direction: str, amount: int) -> None:
    assert signed_amount(value) == (direction, Money(amount))


@pytest.mark.parametrize("value", [0, "", "-", "--5", "-0", "1.5", "1e3", "+5", "5-", "NaN", "- 5x"])
def test_what_is_no_amount_is_refused(value: int | str) -> None:
    with pytest.raises(RowUnreadable):
        signed_amount(value)
    if value != "-0":
        with pytest.raises(RowUnreadable):
            plain_amount(value)


def test_a_balance_of_zero_is_not_known() -> None:
    assert balance(1_150_000) == Money(1_150_000)
    assert balance(0) is balance(None) is balance("x") is balance(-5) is None


def test_a_header_is_found_in_any_case_and_must_be_one() -> None:
    assert header({"X-Some": "1"}, "x-some") == "1"
    assert header({"X-Some": "1", "x-some": "2"}, "x-some") == header({}, "x-some") == ""


@given(st.text(max_size=30))
def test_any_time_is_read_or_refused(text: str) -> None:
    try:
        assert vietnam_instant(text).tzinfo is UTC
    except RowUnreadable:
        return


def test_a_row_of_another_account_is_still_read() -> None:
    (row,) = read(Sepay, sepay, Said(account="999")).lines
    assert row.account_number == "999", "whose it is decides the door"
    assert msgspec.structs.replace(row, account_number="0001234567890").key == PUSHED.key


@pytest.mark.parametrize(("feed", "words"), FEEDS, ids=NAMES)
def test_a_bank_that_tells_itself_under_other_references_takes_no_feed(
    feed: type[Feed], words: Callable[[Said], dict[str, object]]
) -> None:
    del words
    for bank in ("acb", "vietinbank"):
        with pytest.raises(InvalidBankAccounts, match="leave its feed out") as refusal:
            opened(feed, bank=bank)
        assert refusal.value.field == "ba_fed.feed"
        opened(feed, bank=bank, alone=True)


def test_of_several_accounts_only_ours_is_taken() -> None:
    whole = {"error": 0, "data": [casso_v1(said)["data"][0] for said in (Said(), Said(account="999", reference="x"))]}  # type: ignore[index]  # a list, above
    (row,) = opened(CassoV1).parse_webhook(json.dumps(whole).encode()).lines
    assert row.account_number == "0001234567890"
