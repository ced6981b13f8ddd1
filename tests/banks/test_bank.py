"""The contract, for every bank found, and the natural key of a statement row."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import get_args

import msgspec
import pytest

from banks.bank import CITAD_HOURS, Bank, Capability, Rail, StatementRow, check_days
from banks.registry import bank_classes
from ledger.calendar import ICT
from ledger.errors import InvalidField
from ledger.money import Money
from tests.banks import contract
from tests.banks.contract import BROKEN_ANSWERS, Rig, open_rig
from tests.banks.http_server import HttpServer


@pytest.fixture(params=list(bank_classes().values()), ids=list(bank_classes()))
def bank(request: pytest.FixtureRequest) -> type[Bank]:
    found: type[Bank] = request.param
    return found


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


@pytest.fixture
def rig(bank: type[Bank], server: HttpServer) -> Iterator[Rig]:
    opened = open_rig(bank.code, server)
    yield opened
    opened.transport.close()


def test_a_bank_states_its_facts(bank: type[Bank]) -> None:
    contract.check_facts(bank)


def test_what_is_too_much_for_napas_goes_by_citad_where_the_bank_offers_it(rig: Rig) -> None:
    bank, elsewhere = rig.bank, "970436"
    most = bank.limits.amount_max["napas"]
    assert bank.rail_to(bank.bin, Money(most.units + 1)) == "internal"
    assert bank.rail_to(elsewhere, most) == "napas"
    assert bank.rail_to("970441", Money(most.units + 1)) == "napas", "its CITAD code is not certain"
    offered = Capability.TRANSFER_CITAD in bank.capabilities
    assert bank.rail_to(elsewhere, Money(most.units + 1)) == ("citad" if offered else "napas")


def test_only_a_rail_with_hours_is_ever_closed(rig: Rig) -> None:
    saturday = datetime(2026, 11, 28, 10, tzinfo=ICT)
    assert rig.bank.open_from("napas", saturday) == saturday
    assert rig.bank.open_from("citad", saturday) == datetime(2026, 11, 30, 8, tzinfo=ICT)


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        (datetime(2026, 11, 27, 7, 59, 59, tzinfo=ICT), datetime(2026, 11, 27, 8, tzinfo=ICT)),
        (datetime(2026, 11, 27, 8, tzinfo=ICT), datetime(2026, 11, 27, 8, tzinfo=ICT)),
        (datetime(2026, 11, 27, 15, 59, 59, tzinfo=ICT), datetime(2026, 11, 27, 15, 59, 59, tzinfo=ICT)),
        (datetime(2026, 11, 27, 16, tzinfo=ICT), datetime(2026, 11, 30, 8, tzinfo=ICT)),
        (datetime(2026, 11, 27, 18, tzinfo=UTC), datetime(2026, 11, 30, 8, tzinfo=ICT)),
        (datetime(2026, 2, 13, 16, tzinfo=ICT), datetime(2026, 2, 23, 8, tzinfo=ICT)),
    ],
)
def test_a_window_opens_on_the_next_working_day(at: datetime, opens: datetime) -> None:
    assert CITAD_HOURS.open_from(at) == opens


def test_what_a_bank_lacks_is_refused_before_a_byte_leaves(rig: Rig, server: HttpServer) -> None:
    for capability in frozenset(Capability) - rig.bank.capabilities:
        contract.check_lacking_capability(rig, server, capability)


@pytest.mark.parametrize("rail", get_args(Rail))
def test_a_rail_is_used_because_the_bank_says_it_offers_it(
    rig: Rig, server: HttpServer, rail: Rail, monkeypatch: pytest.MonkeyPatch
) -> None:
    capability = Capability(f"transfer_{rail}")
    monkeypatch.setattr(type(rig.bank), "capabilities", rig.bank.capabilities - {capability})
    contract.check_lacking_capability(rig, server, capability)


@pytest.mark.parametrize("name", BROKEN_ANSWERS)
def test_a_broken_answer_to_an_order_is_unknown_and_the_order_goes_once(rig: Rig, name: str) -> None:
    contract.check_broken_answer_to_an_order(rig, BROKEN_ANSWERS[name])


@pytest.mark.parametrize("name", BROKEN_ANSWERS)
def test_a_broken_answer_to_an_enquiry_is_unknown(rig: Rig, name: str) -> None:
    contract.check_broken_answer_to_an_enquiry(rig, BROKEN_ANSWERS[name])


def test_an_order_nobody_listens_to_was_not_sent(bank: type[Bank], server: HttpServer) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        rig = open_rig(bank.code, server, f"http://localhost:{unheard.getsockname()[1]}")
        contract.check_order_to_nobody(rig)
        rig.transport.close()


def test_explicit_words_of_the_bank_become_outcomes(rig: Rig) -> None:
    contract.check_explicit_words(rig)


def test_a_notice_needs_a_right_key(rig: Rig) -> None:
    contract.check_webhook_keys(rig)


def test_acknowledgements_carry_the_status_the_bank_understands(rig: Rig) -> None:
    contract.check_acknowledgements(rig)


def test_secrets_do_not_show(rig: Rig) -> None:
    contract.check_hidden_secrets(rig)


ROW = StatementRow(
    account_number="12345678",
    bank_reference="112233",
    direction="credit",
    amount=Money(150_000),
    booked_at=datetime(2025, 1, 15, 3, 30, tzinfo=UTC),
    bank_time="2025-01-15T10:30:00+07:00",
    value_date=date(2025, 1, 15),
    source="webhook",
)


def test_one_movement_has_one_key_in_every_feed() -> None:
    other = msgspec.structs.replace(
        ROW, source="history", memo="other text", bank_time="2025-01-15 10:30:00", value_date=date(2025, 1, 16)
    )
    assert other.key == ROW.key


@pytest.mark.parametrize(
    "change",
    [
        {"reversal": True},
        {"direction": "debit"},
        {"amount": Money(1_100)},
        {"account_number": "99999999"},
        {"bank_reference": "112234"},
        {"booked_at": datetime(2025, 1, 15, 17, 0, tzinfo=UTC)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_movement_has_another_key(change: dict[str, object]) -> None:
    assert msgspec.structs.replace(ROW, **change).key != ROW.key


def test_a_long_reference_needs_no_day() -> None:
    long = msgspec.structs.replace(ROW, bank_reference="FT25015000001")
    later = msgspec.structs.replace(long, booked_at=datetime(2025, 1, 17, 3, 0, tzinfo=UTC))
    assert long.key == later.key


def test_a_reversal_names_the_key_of_what_it_takes_back() -> None:
    assert msgspec.structs.replace(ROW, reversal=True).original_key == ROW.key


def test_a_row_and_a_beneficiary_show_no_person() -> None:
    row = msgspec.structs.replace(ROW, counterparty_name="NGUYEN VAN ANH", memo="secret memo")
    assert "NGUYEN" not in repr(row) + str(row)
    assert "memo" not in repr(row)


def test_days_out_of_order_or_too_many_are_refused() -> None:
    check_days(date(2025, 1, 1), date(2025, 1, 2), days_max=2)
    for last in (date(2024, 12, 31), date(2025, 1, 3)):
        with pytest.raises(InvalidField, match="in order"):
            check_days(date(2025, 1, 1), last, days_max=2)
