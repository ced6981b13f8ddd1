"""Whether an account of ours can be worked with: the calls that change nothing, each with how it went (`check`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from enum import StrEnum
from typing import NamedTuple, TextIO

from banks.bank import Bank, Capability
from banks.bank_text import plain
from banks.history_table import read_history
from banks.outcomes import NotFound, Unknown
from ledger.errors import Problem


class Verdict(StrEnum):
    """How a call went. SKIPPED: the bank does not offer it."""

    PASSED = "pass"
    FAILED = "FAIL"
    SKIPPED = "skip"


class Finding(NamedTuple):
    """How one call went, and what there is to say of it: no name, number or amount."""

    verdict: Verdict
    said: str


def run(bank: Bank, today: date, unused_id: str, outward: TextIO) -> int:
    """Makes the calls one after the other and writes a sheet of them; 1 when one failed. `unused_id` is an id of an
    order that was never sent.
    """
    outward.write(f"{bank.account.id} at {bank.name}\n")
    calls: dict[str, Callable[[], Finding]] = {
        "token": lambda: _token(bank),
        "balance": lambda: _balance(bank),
        "history": lambda: _history(bank, today),
        "lookup": lambda: _lookup(bank),
        "enquiry": lambda: _enquiry(bank, today, unused_id),
    }
    failed = 0
    for name, call in calls.items():
        try:
            found = call()
        except Problem as problem:
            found = Finding(Verdict.FAILED, problem.detail)
        failed += found.verdict is Verdict.FAILED
        outward.write(f"  {found.verdict}  {name:<8}  {found.said}\n")
        outward.flush()
    outward.write(f"{failed} failed\n" if failed else "all is well\n")
    return 1 if failed else 0


def _token(bank: Bank) -> Finding:
    if bank.sign_in():
        return Finding(Verdict.PASSED, "the bank gave an access token")
    return Finding(Verdict.SKIPPED, "this bank gives none; each call proves itself")


def _balance(bank: Bank) -> Finding:
    if Capability.BALANCE not in bank.capabilities:
        return _not_offered(bank)
    bank.balance()
    return Finding(Verdict.PASSED, "told")


def _history(bank: Bank, today: date) -> Finding:
    """Rows that are not understood are a failure: money might come in that nobody sees."""
    if Capability.HISTORY not in bank.capabilities:
        return _not_offered(bank)
    found = read_history(bank, today, today)
    said = (
        f"{len(found.rows)} rows today, {len(found.doubtful)} not understood{'' if found.whole else ', and more pages'}"
    )
    return Finding(Verdict.FAILED if found.doubtful else Verdict.PASSED, said)


def _lookup(bank: Bank) -> Finding:
    """Our own account is asked for: its name is known to us."""
    if Capability.LOOKUP_NAME not in bank.capabilities:
        return _not_offered(bank)
    found = bank.lookup_name(bank.bin, bank.account.account_number)
    if found is None or not found.active:
        return Finding(Verdict.FAILED, f"the bank says that our own account {'takes no money' if found else 'is none'}")
    same = plain(found.name) == plain(bank.account.holder)
    said = "our own name" if same else "our own account, in another name than the accounts file has"
    return Finding(Verdict.PASSED, said)


def _enquiry(bank: Bank, today: date, unused_id: str) -> Finding:
    """A bank that knows an order which never was, or answers what is not understood, could not be asked in earnest."""
    if Capability.TRANSFER_STATUS not in bank.capabilities:
        return _not_offered(bank)
    outcome = bank.transfer_status(unused_id, today)
    if isinstance(outcome, NotFound):
        return Finding(Verdict.PASSED, "an order that never was is not found")
    why = f": {outcome.why}" if isinstance(outcome, Unknown) else ""
    return Finding(Verdict.FAILED, f"an order that never was is {type(outcome).__name__}{why}")


def _not_offered(bank: Bank) -> Finding:
    return Finding(Verdict.SKIPPED, f"{bank.name} does not offer it")
