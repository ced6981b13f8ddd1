"""What is done with a bank's message: record what it says, or keep it whole, raise an alarm, and read it again later.

A message of another shape than we know is contract drift: its alarm rings once for each place of each bank, however
many messages come, and ends when nothing of its kind is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from commands.command import Command, Decided, handler
from commands.order_news import BankNews, from_news
from commands.statements import BankRow, from_bank, line_of
from ledger.alarms import BANK_CONTRACT_DRIFT, UNREADABLE_NOTICE, Alarm, id_of_alarm
from ledger.context import Context
from ledger.errors import NotFound, WebhookUnreadable
from ledger.notices import WEBHOOK, BankNotice, id_of_notice
from ledger.privacy import Personal
from ledger.statement_hints import StatementHint, id_of_hint
from ledger.store import Ledger

LINE: Final = "statement_line"


class NoticeRow(BankRow, Protocol):
    """One movement of a webhook."""

    @property
    def account_number(self) -> str: ...


class Said(Protocol):
    """What a webhook says once it is read; `banks.bank.BankNotice` has this shape."""

    @property
    def kind(self) -> str: ...
    @property
    def proof(self) -> str: ...
    @property
    def lines(self) -> Sequence[NoticeRow]: ...
    @property
    def orders(self) -> Sequence[BankNews]: ...


class KeepUnreadableNotice(Command):
    """A bank sent what we could not read: an authentic webhook, or an answer to `operation`, `about` a payout or days.

    `body_digest`: SHA-256 (hex) of what makes it one and the same: a webhook's body, what was asked otherwise; `body`:
    the raw bytes in base64; `feed`: the aggregator that said it, if it was not the bank; `drift`: what of the contract
    has drifted (`ledger.alarms.drift_of`), empty where the message fits and says what cannot be.
    """

    bank_account_id: str
    body_digest: str
    body: Personal
    reason: str
    feed: str = ""
    operation: str = WEBHOOK
    about: str = ""
    drift: str = ""


class RecordStatementHint(Command):
    """A bank's authentic message says that the statement has changed, and no more. `proof`: what only the bank can
    make of its words; everything else about the message anybody could change who saw it once.
    """

    bank_account_id: str
    proof: str


class RecordNoticeReplayed(Command):
    """The message was read after all, and so many movements recorded from it."""

    notice_id: str
    lines: int


class RingContractDrift(Command):
    """Something of this drift still waits, and its alarm was closed meanwhile."""

    drift: str


class CloseContractDrift(Command):
    """Nothing of this drift waits any more."""

    drift: str


def commands_of(
    ledger: Ledger, bank_account_id: str, account_number: str, said: Said
) -> list[tuple[Command, tuple[str, ...]]]:
    """The commands that record a webhook, each with its natural key (that of a line is LINE and its id), orders first.
    Raises WebhookUnreadable when it tells of what is none of this account's.
    """
    if any(row.account_number != account_number for row in said.lines):
        raise WebhookUnreadable("A movement names another account than the one this address belongs to.")
    found: list[tuple[Command, tuple[str, ...]]] = []
    for news in said.orders:
        told = from_news(ledger, bank_account_id, news)
        found.append((told, ("order_news", told.payout_id, told.told, told.bank_code)))
    for row in said.lines:
        command = from_bank(bank_account_id, row)
        found.append((command, (LINE, line_of(command))))
    if said.kind == "hint":
        hint = RecordStatementHint(bank_account_id=bank_account_id, proof=said.proof)
        found.append((hint, ("statement_hint", bank_account_id, said.proof)))
    return found


@handler(KeepUnreadableNotice)
def keep_unreadable_notice(ledger: Ledger, context: Context, command: KeepUnreadableNotice) -> Decided:
    """The notice and its alarm; the same again changes nothing while it waits."""
    notice_id = id_of_notice(command.bank_account_id, command.body_digest)
    known = ledger.find(BankNotice, notice_id)
    if known is not None and not (known.replayed and command.drift):
        return Decided(known)
    kept = BankNotice.Kept(
        bank_account_id=command.bank_account_id,
        body=ledger.vault.seal(ledger.vault.person("bank_notice", notice_id), command.body),
        reason=command.reason,
        feed=command.feed,
        operation=command.operation,
        about=command.about,
        drift=command.drift,
    )
    if known is not None:
        known.keep_again(context, kept=kept)
    notice = known or BankNotice.keep(context, notice_id=notice_id, kept=kept)
    if command.drift:
        return Decided(notice, *_drifted(ledger, context, command.drift, f"{command.reason} Kept first: {notice_id}."))
    alarm = Alarm.raise_(context, kind=UNREADABLE_NOTICE, subject=notice_id, detail=command.reason)
    return Decided(notice, alarm)


@handler(RecordStatementHint)
def record_statement_hint(ledger: Ledger, context: Context, command: RecordStatementHint) -> Decided:
    """The hint; the same again changes nothing."""
    hint_id = id_of_hint(command.bank_account_id, command.proof)
    known = ledger.find(StatementHint, hint_id)
    return Decided(known or StatementHint.receive(context, hint_id=hint_id, bank_account_id=command.bank_account_id))


@handler(RecordNoticeReplayed)
def record_notice_replayed(ledger: Ledger, context: Context, command: RecordNoticeReplayed) -> Decided:
    """The notice, marked as read."""
    notice = ledger.get(BankNotice, command.notice_id, NotFound)
    notice.replay(context, lines=command.lines)
    return Decided(notice)


@handler(RingContractDrift)
def ring_contract_drift(ledger: Ledger, context: Context, command: RingContractDrift) -> Decided:
    """The alarm, open."""
    detail = f"What was set aside of {command.drift} still waits: python -m workers replay."
    alarms = _drifted(ledger, context, command.drift, detail)
    return Decided(*alarms or [ledger.get(Alarm, id_of_alarm(BANK_CONTRACT_DRIFT, command.drift))])


@handler(CloseContractDrift)
def close_contract_drift(ledger: Ledger, context: Context, command: CloseContractDrift) -> Decided:
    """The alarm, closed."""
    alarm = ledger.get(Alarm, id_of_alarm(BANK_CONTRACT_DRIFT, command.drift), NotFound)
    alarm.close(context)
    return Decided(alarm)


def _drifted(ledger: Ledger, context: Context, drift: str, detail: str) -> list[Alarm]:
    """The alarm of this drift where it is not open: a storm of messages writes no common stream."""
    known = ledger.find(Alarm, id_of_alarm(BANK_CONTRACT_DRIFT, drift))
    if known is None:
        return [Alarm.raise_(context, kind=BANK_CONTRACT_DRIFT, subject=drift, detail=detail)]
    if known.open:
        return []
    known.raise_again(context, detail=detail)
    return [known]
