"""Money: whole minor units of a currency, and nothing else.

VND has no minor unit (ISO 4217, exponent 0), so one unit is one dong. Floats, decimals and booleans are refused at the
door; rounding exists only where it is named.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from ledger.errors import CurrencyMismatch, InvalidAmount, UnknownCurrency

EXPONENTS: Final = {"VND": 0}
"""Currencies handled, with the number of digits behind the point (ISO 4217)."""

UNITS_MAX: Final = 10**15
"""A thousand million million dong: more than every account in the country. An amount beyond it is a mistake."""


class Money(msgspec.Struct, frozen=True, order=False, gc=False):
    """An amount: `units` minor units (int, may be negative in a posting) of `currency` (ISO 4217 code).

    Raises InvalidAmount for anything but an int within ±UNITS_MAX, UnknownCurrency for a code not handled.
    """

    units: int
    currency: str = "VND"

    def __post_init__(self) -> None:
        units = self.units
        if type(units) is not int:
            raise InvalidAmount(
                "An amount is a whole number of minor units; fractions and text are refused.", field="amount"
            )
        if not -UNITS_MAX <= units <= UNITS_MAX:
            raise InvalidAmount(f"An amount lies within ±{UNITS_MAX} minor units.", field="amount")
        if self.currency not in EXPONENTS:
            raise UnknownCurrency(f"Use one of: {', '.join(sorted(EXPONENTS))}.", field="currency")

    def __add__(self, other: Money) -> Money:
        return Money(self.units + self._same(other).units, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.units - self._same(other).units, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.units, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.units < self._same(other).units

    def __le__(self, other: Money) -> bool:
        return self.units <= self._same(other).units

    def __gt__(self, other: Money) -> bool:
        return self.units > self._same(other).units

    def __ge__(self, other: Money) -> bool:
        return self.units >= self._same(other).units

    def __bool__(self) -> bool:
        return self.units != 0

    def __str__(self) -> str:
        return f"{self.units:,} {self.currency}"

    def share(self, bps: int) -> Money:
        """`bps` ten-thousandths of this amount, rounded half up (away from zero): what a percentage fee takes."""
        units, rest = divmod(abs(self.units) * bps, 10_000)
        units += rest * 2 >= 10_000
        return Money(units if self.units >= 0 else -units, self.currency)

    def split(self, weights: list[int]) -> list[Money]:
        """Parts in proportion to `weights` that sum to exactly this amount (largest remainder, earlier part first).

        Raises InvalidAmount when the weights are negative or all zero.
        """
        total = sum(weights)
        if total <= 0 or min(weights) < 0:
            raise InvalidAmount("Weights are not negative, and one of them is positive.", field="weights")
        sign = -1 if self.units < 0 else 1
        shares = [divmod(abs(self.units) * weight, total) for weight in weights]
        parts = [quotient for quotient, _ in shares]
        by_remainder = sorted(range(len(weights)), key=lambda i: (-shares[i][1], i))
        for i in by_remainder[: abs(self.units) - sum(parts)]:
            parts[i] += 1
        return [Money(sign * part, self.currency) for part in parts]

    def _same(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} do not add up.", field="currency")
        return other


def positive(amount: Money, *, field: str = "amount") -> Money:
    """The amount itself when it is above zero; raises InvalidAmount otherwise."""
    if amount.units <= 0:
        raise InvalidAmount("The amount must be above zero.", field=field)
    return amount


_BANK_AMOUNT = re.compile(r"([0-9]+)(?:\.0*)?")


def from_bank(text: str | int, currency: str = "VND") -> Money:
    """An amount as banks write it: JSON number, digits, thousands commas, or a fraction of zeros only.

    `text` is what stood on the wire (int or text, never a float: parse JSON numbers as text). The rule is chapter 1.1
    of the bank wire specification. Raises InvalidAmount for signs, other fractions and everything else.
    """
    if type(text) is int:
        return Money(text, currency)
    match = _BANK_AMOUNT.fullmatch(re.sub(r"[,_ ]", "", str(text)))
    if match is None or isinstance(text, bool | float):
        raise InvalidAmount("A bank amount is digits, with at most a fraction of zeros.", field="amount")
    return Money(int(match[1]), currency)


def balance_from_bank(text: str | int, currency: str = "VND") -> Money:
    """A balance as banks write it: an amount that may be below zero, with a minus in front. Raises InvalidAmount."""
    written = str(text)
    return -from_bank(written[1:], currency) if written.startswith("-") else from_bank(text, currency)
