"""What each bank offers and within which bounds, told to people and to programs: one shape for both doors."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, get_args

import msgspec

from banks.bank import Bank, Capability, NotFoundFinal, Rail, Window
from banks.registry import bank_classes

ALWAYS: Final = "at any time"


class RailFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A rail the bank offers. `amount_max` in minor units, None where no limit is published; `opens` and `closes` as
    "08:00", Vietnam time on working days, None where it never closes.
    """

    rail: Rail
    amount_max: int | None
    opens: str | None
    closes: str | None


class NotFoundFacts(msgspec.Struct, frozen=True, kw_only=True):
    """When "not found" may count as "never happened": seconds after sending, enquiries in a row, seconds apart."""

    after_s: int
    enquiries: int
    apart_s: int


class BankFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One bank. `amount_min` in minor units of `currency`; `end_to_end_id_max` in characters."""

    code: str
    name: str
    bin: str
    capabilities: list[str]
    lacks: list[str]
    currency: str
    amount_min: int
    end_to_end_id_max: int
    rails: list[RailFacts]
    not_found_final: NotFoundFacts


def every_bank(used: Collection[str] = ()) -> list[BankFacts]:
    """The facts of every bank that is offered, by code. An example is, where its code is in `used`: an account of ours
    is met by it.
    """
    return [facts_of(bank) for code, bank in bank_classes().items() if not bank.example or code in used]


def facts_of(bank: type[Bank]) -> BankFacts:
    """What this bank's adapter states of it."""
    return BankFacts(
        code=bank.code,
        name=bank.name,
        bin=bank.bin,
        capabilities=sorted(one.value for one in bank.capabilities),
        lacks=sorted(one.value for one in frozenset(Capability) - bank.capabilities),
        currency=bank.limits.amount_min.currency,
        amount_min=bank.limits.amount_min.units,
        end_to_end_id_max=bank.limits.end_to_end_id_max,
        rails=[_rail(bank, rail) for rail in get_args(Rail) if Capability(f"transfer_{rail}") in bank.capabilities],
        not_found_final=_final(bank.not_found_final),
    )


def as_json() -> str:
    """Every bank as one JSON list."""
    return msgspec.json.format(msgspec.json.encode(every_bank())).decode() + "\n"


def as_text() -> str:
    """Every bank for people to read."""
    return "".join(line + "\n" for bank in every_bank() for line in _lines(bank))


def _rail(bank: type[Bank], rail: Rail) -> RailFacts:
    limit, window = bank.limits.amount_max.get(rail), bank.cut_offs.get(rail)
    return RailFacts(
        rail=rail,
        amount_max=None if limit is None else limit.units,
        opens=_clock(window, "opens"),
        closes=_clock(window, "closes"),
    )


def _clock(window: Window | None, end: str) -> str | None:
    return None if window is None else f"{getattr(window, end):%H:%M}"


def _final(rule: NotFoundFinal) -> NotFoundFacts:
    return NotFoundFacts(
        after_s=int(rule.after.total_seconds()), enquiries=rule.enquiries, apart_s=int(rule.apart.total_seconds())
    )


def _lines(bank: BankFacts) -> list[str]:
    rule = bank.not_found_final
    return [
        f"{bank.code}: {bank.name} (BIN {bank.bin})",
        *(f"  {'yes' if one.value in bank.capabilities else ' no'}  {one}" for one in Capability),
        *(f"  {_rail_line(rail, bank)}" for rail in bank.rails),
        f"  our id: up to {bank.end_to_end_id_max} characters",
        f'  "not found" counts after {rule.after_s} s and {rule.enquiries} enquiries {rule.apart_s} s apart',
    ]


def _rail_line(rail: RailFacts, bank: BankFacts) -> str:
    most = "no published limit" if rail.amount_max is None else f"{rail.amount_max:,}"
    hours = ALWAYS if rail.opens is None else f"on working days {rail.opens} to {rail.closes}, Vietnam time"
    return f"{rail.rail}: {bank.currency} {bank.amount_min:,} to {most}, {hours}"
