"""`python -m projections show`: balances, trial balance, payments, payouts and statement lines, now or as they were.

For operators and auditors at a terminal: a line for each thing, in columns. What is sealed of a person stays sealed.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import msgspec
from rich.console import Console

from ledger.calendar import day_written
from ledger.errors import InvalidField, ReadTablesUnavailable
from ledger.privacy import Sealed
from ledger.store import Ledger
from projections import books, past_pages
from projections.as_of import AsOf, position_at
from projections.database import Reader
from projections.exit_codes import FINE
from projections.pages import Looked
from projections.places import positions

SHOWN: Final = 50
PAGES_MAX: Final = 1_000
"""Pages that are looked through for one command."""

SEALED: Final = "(sealed)"

Fetch = Callable[[Reader, Ledger, AsOf, argparse.Namespace, int, Any], Looked[Any, Any]]


class Kind(NamedTuple):
    """What can be shown: from which projection, which columns, by which options beside the two times."""

    projection: str
    columns: str
    by: tuple[str, ...]
    fetch: Fetch


def _balances(reader: Reader, _: Ledger, as_of: AsOf, asked: argparse.Namespace, limit: int, after: Any) -> Any:
    if asked.account is not None:
        found = books.balance(reader, asked.account, as_of)
        return Looked([] if found is None else [found], None)
    prefix = "" if asked.merchant is None else f"merchant:{asked.merchant}:"
    return books.balances(reader, as_of, prefix=prefix, limit=limit, after=after or "")


def _trial_balance(reader: Reader, _: Ledger, as_of: AsOf, asked: argparse.Namespace, limit: int, after: Any) -> Any:
    rows = books.trial_balance(reader, as_of).rows
    return Looked(rows[:limit], limit if len(rows) > limit else None)


def _payments(reader: Reader, ledger: Ledger, as_of: AsOf, asked: argparse.Namespace, limit: int, after: Any) -> Any:
    return past_pages.payments(reader, ledger, as_of, merchant_id=asked.merchant, limit=limit, before=after)


def _payouts(reader: Reader, ledger: Ledger, as_of: AsOf, asked: argparse.Namespace, limit: int, after: Any) -> Any:
    return past_pages.payouts(reader, ledger, as_of, merchant_id=asked.merchant, limit=limit, before=after)


def _lines(reader: Reader, ledger: Ledger, as_of: AsOf, asked: argparse.Namespace, limit: int, after: Any) -> Any:
    whose = {"merchant_id": asked.merchant, "bank_account_id": asked.account}
    return past_pages.lines(reader, ledger, as_of, **whose, limit=limit, before=after)


KINDS: Final = {
    "balances": Kind("journal", "account kind currency posted held available", ("merchant", "account"), _balances),
    "trial_balance": Kind("journal", "account kind currency debit credit", (), _trial_balance),
    "payments": Kind(
        "payments",
        "id merchant_id status amount currency received fees settled created_at position",
        ("merchant",),
        _payments,
    ),
    "payouts": Kind(
        "payouts",
        "id merchant_id status amount fee currency beneficiary_bin beneficiary_account beneficiary_name created_at"
        " position",
        ("merchant",),
        _payouts,
    ),
    "statement_lines": Kind(
        "statement_lines",
        "id bank_account_id direction amount currency value_date status owner_id merchant_id counterparty_name"
        " booked_at position",
        ("merchant", "account"),
        _lines,
    ),
}


def add_to(commands: Any) -> None:
    """Add the command to those of a parser (what `add_subparsers` gave)."""
    parser = commands.add_parser("show", help="balances, payments … as they are, or as they were at any time")
    parser.add_argument("kind", choices=list(KINDS), help="what")
    parser.add_argument("--known-at", metavar="K", help="as known at this log position, or instant with its offset")
    parser.add_argument("--effective-at", metavar="DAY", help="leave out what has a later value date")
    parser.add_argument("--merchant", metavar="ID", help="of this merchant only")
    parser.add_argument("--account", metavar="A", help="of this ledger account, or bank account (statement_lines)")
    parser.add_argument("--limit", type=int, default=SHOWN, metavar="N", help=f"at most N lines ({SHOWN})")


def show(asked: argparse.Namespace, ledger: Ledger, reader: Reader, console: Console) -> int:
    """Do what the command line asks for; its exit code.

    Raises InvalidField for what cannot be asked, ReadTablesUnavailable, and what reading the log raises.
    """
    kind = KINDS[asked.kind]
    for option in ("merchant", "account"):
        if getattr(asked, option) is not None and option not in kind.by:
            raise InvalidField(f"{asked.kind} cannot be asked for by {option}; leave it out.", field=option)
    if asked.limit < 1:
        raise InvalidField("Show at least one line.", field="limit")
    as_of = _as_of(asked, ledger, reader, kind.projection)
    rows, more = _rows(asked, ledger, reader, as_of, kind)
    day = "" if as_of.effective_at is None else f", in effect by {as_of.effective_at}"
    _say(console, f"{asked.kind} as known at position {as_of.known_at}{day}")
    names = kind.columns.split()
    _say_in_columns(console, [names, *([_text(getattr(row, name)) for name in names] for row in rows)])
    if asked.kind == "trial_balance":
        _say_totals(console, reader, as_of)
    if more:
        _say(console, "There are more: ask for them with a larger --limit.")
    return FINE


def _as_of(asked: argparse.Namespace, ledger: Ledger, reader: Reader, projection: str) -> AsOf:
    shown = positions(reader).get(projection, 0)
    known = shown if asked.known_at is None else _position(ledger, asked.known_at)
    if known > shown:
        raise ReadTablesUnavailable(
            f"The tables of {projection} show position {shown}, not yet {known}: see lag, and ask again when the"
            " projector is there."
        )
    return AsOf(known, None if asked.effective_at is None else _day(asked.effective_at))


def _position(ledger: Ledger, text: str) -> int:
    if re.fullmatch(r"[0-9]{1,18}", text):
        if int(text) > (head := ledger.head()):
            raise InvalidField(f"The log ends at position {head}.", field="known-at")
        return int(text)
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            raise ValueError
    except ValueError:
        told = "Give a log position, or an instant with its offset such as 2026-11-23T09:30:00+07:00."
        raise InvalidField(told, field="known-at") from None
    return position_at(ledger, instant)


def _day(text: str) -> date:
    try:
        return day_written(text)
    except ValueError:
        raise InvalidField("Give a day such as 2026-11-23.", field="effective-at") from None


def _rows(
    asked: argparse.Namespace, ledger: Ledger, reader: Reader, as_of: AsOf, kind: Kind
) -> tuple[list[msgspec.Struct], bool]:
    """As many rows as are asked for, through pages that may be short; and whether there may be more."""
    found: list[msgspec.Struct] = []
    place: Any = None
    for _ in range(PAGES_MAX):
        page = kind.fetch(reader, ledger, as_of, asked, asked.limit - len(found), place)
        found += page.rows
        place = page.behind
        if place is None or len(found) == asked.limit:
            break
    return found, place is not None


def _say_totals(console: Console, reader: Reader, as_of: AsOf) -> None:
    for currency, (debit, credit) in sorted(books.trial_balance(reader, as_of).totals().items()):
        _say(console, f"total {currency}: {debit} debit, {credit} credit")


def _say_in_columns(console: Console, rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        _say(console, "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _say(console: Console, words: str) -> None:
    console.print(words, markup=False, highlight=False, soft_wrap=True)


def _text(value: object) -> str:
    if isinstance(value, Sealed):
        return SEALED
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    return "-" if value is None else str(value)
