"""The chart of accounts, and the account that can refuse: whatever is done to it, its sums hold."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ledger import accounts
from ledger.accounts import Account, AccountKind, kind_of
from ledger.errors import HoldExists, HoldNotFound, InsufficientFunds, InvalidAmount
from ledger.money import Money
from tests.story import Story, dong

CONTEXT = Story().context()
amounts = st.integers(1, 1_000)
hold_ids = st.sampled_from(["po_1", "po_2", "po_3", "po_4"])


def opened(units: int = 0) -> Account:
    account = Account.open(CONTEXT, name=accounts.available("mer_1"), currency="VND")
    if units:
        account.credit(CONTEXT, amount=dong(units), entry_id="je_1")
    return account


class GuardedAccount(RuleBasedStateMachine):
    """Funds come, go and are held in any order; a model of three numbers keeps count beside the account."""

    @initialize()
    def an_empty_account(self) -> None:
        self.account = opened()
        self.posted = 0
        self.open_holds: dict[str, int] = {}
        self.below_zero_by_fact = False

    @rule(units=amounts)
    def funds_come(self, units: int) -> None:
        self.account.credit(CONTEXT, amount=dong(units), entry_id="je")
        self.posted += units

    @rule(units=amounts)
    def funds_have_left(self, units: int) -> None:
        self.account.debit(CONTEXT, amount=dong(units), entry_id="je")
        self.posted -= units

    @rule(units=amounts, hold_id=hold_ids)
    def a_hold_is_asked_for(self, units: int, hold_id: str) -> None:
        free = self.posted - sum(self.open_holds.values())
        events = self.account.version
        if hold_id in self.open_holds:
            with pytest.raises(HoldExists):
                self.account.place_hold(CONTEXT, hold_id=hold_id, amount=dong(units))
        elif units > free:
            with pytest.raises(InsufficientFunds) as refusal:
                self.account.place_hold(CONTEXT, hold_id=hold_id, amount=dong(units))
            assert refusal.value.facts == {"available": free, "needed": units, "currency": "VND"}
        else:
            self.account.place_hold(CONTEXT, hold_id=hold_id, amount=dong(units))
            self.open_holds[hold_id] = units
            assert self.account.available.units >= 0
            return
        assert self.account.version == events

    @rule(hold_id=hold_ids, capture=st.booleans())
    def a_hold_ends_once(self, hold_id: str, capture: bool) -> None:
        known = self.open_holds.pop(hold_id, None)
        if known is not None:
            self._end(hold_id, capture)
            self.posted -= known if capture else 0
        with pytest.raises(HoldNotFound):
            self._end(hold_id, not capture)

    def _end(self, hold_id: str, capture: bool) -> None:
        if capture:
            self.account.capture_hold(CONTEXT, hold_id=hold_id, entry_id="je")
        else:
            self.account.release_hold(CONTEXT, hold_id=hold_id)

    @invariant()
    def posted_held_and_available_add_up(self) -> None:
        held = sum(self.open_holds.values())
        assert self.account.posted.units == self.posted
        assert self.account.held.units == held
        assert self.account.available.units == self.posted - held

    def teardown(self) -> None:
        again = Account(self.account.id)
        for envelope in self.account.collect_events():
            again.follow(envelope)
        assert (again.posted, again.holds, again.version) == (
            self.account.posted,
            self.account.holds,
            self.account.version,
        )


TestGuardedAccount = GuardedAccount.TestCase
TestGuardedAccount.settings = settings(max_examples=100, stateful_step_count=30)


def test_a_hold_may_take_everything_and_not_one_dong_more() -> None:
    account = opened(1_000)
    with pytest.raises(InsufficientFunds):
        account.place_hold(CONTEXT, hold_id="po_1", amount=dong(1_001))
    account.place_hold(CONTEXT, hold_id="po_1", amount=dong(1_000))
    assert account.available == dong(0)


@pytest.mark.parametrize("units", [0, -1])
def test_a_hold_of_nothing_or_less_is_refused(units: int) -> None:
    with pytest.raises(InvalidAmount):
        opened(1_000).place_hold(CONTEXT, hold_id="po_1", amount=dong(units))


def test_a_fact_may_take_available_below_zero_and_then_nothing_can_be_held() -> None:
    account = opened(1_000)
    account.place_hold(CONTEXT, hold_id="po_1", amount=dong(400))
    account.debit(CONTEXT, amount=dong(900), entry_id="je_2")
    assert account.available == dong(-300)
    with pytest.raises(InsufficientFunds):
        account.place_hold(CONTEXT, hold_id="po_2", amount=dong(1))
    account.capture_hold(CONTEXT, hold_id="po_1", entry_id="je_3")
    assert (account.posted, account.held) == (dong(-300), Money(0))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (accounts.bank("ba_acb_main"), AccountKind.ASSET),
        (accounts.UNIDENTIFIED, AccountKind.LIABILITY),
        (accounts.pending("mer_1"), AccountKind.LIABILITY),
        (accounts.available("mer_1"), AccountKind.LIABILITY),
        (accounts.IN_TRANSIT, AccountKind.LIABILITY),
        (accounts.FEES, AccountKind.INCOME),
        (accounts.BANK_FEES, AccountKind.EXPENSE),
        (accounts.ADJUSTMENTS, AccountKind.EQUITY),
    ],
)
def test_every_account_of_the_chart_has_its_kind(name: str, kind: AccountKind) -> None:
    assert kind_of(name) is kind


def test_the_names_of_accounts_are_for_ever() -> None:
    assert accounts.bank("ba_1") == "bank:ba_1"
    assert accounts.pending("mer_1") == "merchant:mer_1:pending"
    assert accounts.available("mer_1") == "merchant:mer_1:available"
    assert (accounts.UNIDENTIFIED, accounts.IN_TRANSIT) == ("unidentified", "payouts:in_transit")
    assert (accounts.FEES, accounts.BANK_FEES, accounts.ADJUSTMENTS) == ("fees", "bank_fees", "adjustments")


@pytest.mark.parametrize("name", ["", "cash", "payouts:", "Fees", "bank"])
def test_a_name_outside_the_chart_has_no_kind(name: str) -> None:
    with pytest.raises(ValueError, match="chart"):
        kind_of(name)
