"""What was set aside is gone through again: `python -m workers replay`, after a release that reads what it could not.

Webhooks are read from what was kept: movements that are known already stay as they are, by their natural key.
Statement days and balances are read from the bank, orders whose outcome is open are asked about. What still cannot be
read goes on waiting.
"""

from __future__ import annotations

import logging
from base64 import b64decode
from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Final, Protocol

from msgspec import Struct

from banks.accounts import BankAccount
from banks.bank import BankNotice as Said
from commands import dispatch
from commands.notices import LINE, commands_of
from ledger.errors import BankNoticeNotFound, PayoutNotFound, Problem, UnknownBankAccount, WebhookUnreadable
from ledger.notices import WEBHOOK, BankNotice
from ledger.payouts import ASKED_ABOUT, Payout
from ledger.privacy import ERASED
from projections import alarms
from projections.alarms import NoticeRow
from workers.completeness import ask_balance
from workers.drifts import hold_alarms_against_what_waits, settle, settled
from workers.jobs import Ring
from workers.parts import Parts
from workers.payouts import enquire_payout
from workers.scheduler import every
from workers.statements import read_statement

PAGE: Final = 200
PAGES_MAX: Final = 100_000

log = logging.getLogger(__name__)


class Teller(Protocol):
    """Who told of an account: its bank, or an aggregator in the bank's place."""

    @property
    def account(self) -> BankAccount: ...
    def parse_webhook(self, raw_body: bytes, /) -> Said: ...


class Replayed(Struct, frozen=True):
    """How many were read, and the ids of those that still wait."""

    read: int
    left: tuple[str, ...]


def replay(parts: Parts, bank: str | None) -> Replayed:
    """Goes through all that waits, of one bank's accounts or of all. Raises ReadTablesUnavailable."""
    ours = [id_ for id_, one in parts.banks.items() if bank in (None, one.code)]
    asked: set[tuple[str, str]] = set()
    read, left = 0, []
    for row in _waiting(parts, ours):
        question = (row.bank_account_id, row.about)
        try:
            if row.operation == WEBHOOK:
                _read_webhook(parts, row.id)
            elif question not in asked:
                asked.add(question)
                _ask_again(parts, row)
        except Problem as problem:
            log.warning("%s still waits: %s (%s)", row.id, problem.slug, problem.detail)
        if parts.ledger.get(BankNotice, row.id, BankNoticeNotFound).replayed:
            read += 1
        else:
            left.append(row.id)
    return Replayed(read, tuple(left))


@every(seconds=60)
def alarms_of_drift(parts: Parts, now: datetime) -> Iterable[Ring]:
    """Rings nothing on a queue: the alarms of contract drift are held against what waits."""
    hold_alarms_against_what_waits(parts)
    return ()


def _waiting(parts: Parts, bank_account_ids: Collection[str]) -> Iterable[NoticeRow]:
    after = None
    for _ in range(PAGES_MAX):
        page = alarms.waiting(parts.reader, bank_account_ids=bank_account_ids, limit=PAGE, after=after)
        yield from page
        if len(page) < PAGE:
            return
        after = (page[-1].kept_at, page[-1].id)


def _read_webhook(parts: Parts, notice_id: str) -> None:
    """Records what a kept webhook says. Raises WebhookUnreadable, UnknownBankAccount."""
    notice = parts.ledger.get(BankNotice, notice_id, BankNoticeNotFound)
    teller, body = _teller(parts, notice), parts.ledger.vault.open(notice.body)
    if body == ERASED:
        raise WebhookUnreadable("The message was erased.")
    account = teller.account
    said = teller.parse_webhook(b64decode(body))
    recording = commands_of(parts.ledger, account.id, account.account_number, said)
    for command, _ in recording:
        dispatch(parts.ledger, command, parts.context("replay", notice_id))
    settled(parts, notice_id, lines=sum(key[0] == LINE for _, key in recording))


def _teller(parts: Parts, notice: BankNotice) -> Teller:
    if not notice.feed:
        return parts.bank(notice.bank_account_id)
    feed = parts.feeds.get(notice.bank_account_id)
    if feed is None or feed.code != notice.feed:
        raise UnknownBankAccount("The account of this message has another feed now, or none.")
    return feed


def _ask_again(parts: Parts, row: NoticeRow) -> None:
    """The bank is asked again, and what it answers recorded; who is understood settles what waits."""
    if row.operation == "history":
        day_from, _, day_to = row.about.partition("/")
        read_statement(parts, row.bank_account_id, date.fromisoformat(day_from), date.fromisoformat(day_to))
        return
    if row.operation == "balance":
        ask_balance(parts, parts.bank(row.bank_account_id))
        return
    enquire_payout(parts, row.about)
    payout = parts.ledger.get(Payout, row.about, PayoutNotFound)
    if payout.status not in ASKED_ABOUT or payout.shown_on_statement:
        # What became of it is known by other ways; nobody is asked about it any more.
        settle(parts, row.bank_account_id, row.about)
