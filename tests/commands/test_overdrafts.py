"""An account below zero is told of, once for each entry that took it there."""

from __future__ import annotations

from commands.overdrafts import overdrawn
from ledger.accounts import Account
from tests.story import Story, dong


def test_only_an_account_below_zero_rings() -> None:
    context = Story().context()
    account = Account.open(context, name="merchant:mer_1:available", currency="VND")
    assert overdrawn(context, account, "je_1") == []
    account.debit(context, amount=dong(1), entry_id="je_2")
    (alarm,) = overdrawn(context, account, "je_2")
    (again,) = overdrawn(context, account, "je_3")
    assert alarm.id != again.id
