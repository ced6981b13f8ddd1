"""What is done with a bank's message that nobody can read yet: keep it whole, raise an alarm, read it again later."""

from __future__ import annotations

from commands.command import Command, Decided, handler
from ledger.alarms import UNREADABLE_NOTICE, Alarm
from ledger.context import Context
from ledger.errors import NotFound
from ledger.notices import BankNotice, id_of_notice
from ledger.privacy import Personal
from ledger.store import Ledger


class KeepUnreadableNotice(Command):
    """An authentic message we could not read. `body_digest`: SHA-256 (hex); `body`: the raw bytes in base64; `feed`:
    the aggregator that said it, if it was not the bank.
    """

    bank_account_id: str
    body_digest: str
    body: Personal
    reason: str
    feed: str = ""


class RecordNoticeReplayed(Command):
    """The message was read after all, and so many movements recorded from it."""

    notice_id: str
    lines: int


@handler(KeepUnreadableNotice)
def keep_unreadable_notice(ledger: Ledger, context: Context, command: KeepUnreadableNotice) -> Decided:
    """The notice and its alarm; the same body again changes nothing."""
    notice_id = id_of_notice(command.bank_account_id, command.body_digest)
    known = ledger.find(BankNotice, notice_id)
    if known is not None:
        return Decided(known)
    notice = BankNotice.keep(
        context,
        notice_id=notice_id,
        bank_account_id=command.bank_account_id,
        body=ledger.vault.seal(ledger.vault.person("bank_notice", notice_id), command.body),
        reason=command.reason,
        feed=command.feed,
    )
    alarm = Alarm.raise_(context, kind=UNREADABLE_NOTICE, subject=notice_id, detail=command.reason)
    return Decided(notice, alarm)


@handler(RecordNoticeReplayed)
def record_notice_replayed(ledger: Ledger, context: Context, command: RecordNoticeReplayed) -> Decided:
    """The notice, marked as read."""
    notice = ledger.get(BankNotice, command.notice_id, NotFound)
    notice.replay(context, lines=command.lines)
    return Decided(notice)
