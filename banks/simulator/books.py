"""The bank's double-entry books: nothing moves except by an entry whose legs sum to zero.

An account's balance is the sum of its legs: positive means the bank owes the customer. Accounts that are not
customers': `napas` and `citad` (clearing with other banks), `income:charges`, `expense:interest`, and `capital` (where
opening balances come from). Histories are read from the movements of the entries and from nowhere else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from banks.simulator.clock import bank_day
from banks.simulator.records import Account, Entry, Movement

CAPITAL: Final = "capital"
CHARGES: Final = "income:charges"
INTEREST: Final = "expense:interest"
CLEARING: Final = {"napas": "napas", "citad": "citad"}


class Unbalanced(Exception):
    """An entry that does not sum to zero, or whose movements differ from its legs: a bug, never a customer's fault."""


class Books:
    """Customers' accounts, entries and movements; kept in memory, rebuilt from the journal."""

    def __init__(self) -> None:
        self._accounts: dict[tuple[str | None, str], Account] = {}
        self._balances: defaultdict[str, int] = defaultdict(int)
        self._entries: list[Entry] = []
        self._movements: dict[str, Movement] = {}
        self._entry_of: dict[str, int] = {}

    def open(self, account: Account) -> None:
        """Know `account` from now on; opening it again changes its name."""
        self._accounts[account.bin, account.number] = account

    def account(self, number: str, bin_: str | None = None) -> Account | None:
        """The account `number` at this bank, or at the bank `bin_` if that one was made known."""
        return self._accounts.get((bin_, number))

    @property
    def accounts(self) -> Sequence[Account]:
        """All known accounts, this bank's and other banks'."""
        return list(self._accounts.values())

    def book(self, entry: Entry) -> None:
        """Add `entry`. Raises Unbalanced when legs do not sum to zero or movements do not explain customers' legs."""
        if sum(entry.legs.values()) != 0 or not entry.legs:
            raise Unbalanced(f"entry {entry.number} sums to {sum(entry.legs.values())}")
        shown: defaultdict[str, int] = defaultdict(int)
        for movement in entry.movements:
            shown[movement.account] += movement.amount if movement.direction == "credit" else -movement.amount
        customers = {name: units for name, units in entry.legs.items() if (None, name) in self._accounts}
        if entry.cause != "opening" and dict(shown) != customers:
            raise Unbalanced(f"entry {entry.number}: movements {dict(shown)} against legs {customers}")
        for name, units in entry.legs.items():
            self._balances[name] += units
        self._entries.append(entry)
        for movement in entry.movements:
            self._movements[movement.reference] = movement
            self._entry_of[movement.reference] = entry.number

    def balance(self, name: str) -> int:
        """What the bank owes on the account `name`, in dong."""
        return self._balances.get(name, 0)

    @property
    def trial_balance(self) -> Mapping[str, int]:
        """Every account that was ever moved with its balance; the values sum to zero."""
        return dict(self._balances)

    @property
    def entries(self) -> Sequence[Entry]:
        """All entries in the order they were booked; entry `n` stands at index `n - 1`."""
        return self._entries

    def movement(self, reference: str) -> Movement | None:
        """The movement with this reference."""
        return self._movements.get(reference)

    def entry_of(self, reference: str) -> Entry:
        """The entry that holds the movement `reference`."""
        return self._entries[self._entry_of[reference] - 1]

    def movements(
        self, account: str | None = None, first: date | None = None, last: date | None = None
    ) -> list[Movement]:
        """Movements in booking order; of one account, and from bank day `first` to `last`, where given."""
        return [
            row
            for row in self._movements.values()
            if (account is None or row.account == account)
            and (first is None or first <= bank_day(row.at))
            and (last is None or bank_day(row.at) <= last)
        ]

    def reversal_of(self, reference: str) -> Movement | None:
        """The movement that reversed `reference`, if one did."""
        return next((row for row in self._movements.values() if row.reverses == reference), None)
