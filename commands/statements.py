"""What banks tell of our accounts, and whose each movement is.

The rule of matching in one place: `_decide_credit`, `_decide_debit` and `_decide_reversal`. What a bank has done is a
fact: nothing here refuses it, whatever order the news comes in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple, Protocol, TypeVar

from commands.command import Command, Decided, handler
from commands.overdrafts import overdrawn
from ledger import accounts, alarms, codes, journal
from ledger.accounts import Account
from ledger.aggregate import Aggregate
from ledger.alarms import Alarm
from ledger.context import Context
from ledger.errors import (
    AccountNotFound,
    MerchantNotFound,
    PaymentIntentClosed,
    PaymentIntentNotFound,
    PayoutNotFound,
    PayoutStateConflict,
    StatementLineNotFound,
    StatementLineOwned,
)
from ledger.journal import JournalEntry
from ledger.merchants import Merchant
from ledger.money import Money
from ledger.payments import PaymentIntent, id_of_code
from ledger.payouts import RETURNED, Payout, id_of_end_to_end
from ledger.privacy import Personal, Sealer
from ledger.statements import MATCHED, UNMATCHED, Direction, StatementLine, id_of_line
from ledger.store import Ledger

A = TypeVar("A", bound=Aggregate)

LOOKED_UP: Final = 500
"""Lines looked up in the log together."""


class RecordStatementLine(Command):
    """A bank reports one movement on our account.

    `key`: the bank's natural key of the movement, less its direction; a reversal has the key of the movement it takes
    back. `direction`: the bank's own word. `bank_time`: the bank's own words for when. `balance_after`: what the
    account held then, if the bank says so.
    """

    bank_account_id: str
    key: str
    bank_reference: str
    direction: Direction
    amount: Money
    booked_at: datetime
    bank_time: str
    value_date: date
    memo: Personal
    counterparty_name: Personal
    counterparty_account: Personal
    counterparty_bank: str
    source: str
    is_reversal: bool
    end_to_end_id: str = ""
    balance_after: Money | None = None


class BankRow(Protocol):
    """What a bank's adapter says of one movement; `banks.bank.StatementRow` has this shape."""

    @property
    def bank_reference(self) -> str: ...
    @property
    def direction(self) -> Direction: ...
    @property
    def amount(self) -> Money: ...
    @property
    def booked_at(self) -> datetime: ...
    @property
    def bank_time(self) -> str: ...
    @property
    def value_date(self) -> date: ...
    @property
    def memo(self) -> str: ...
    @property
    def counterparty_name(self) -> str | None: ...
    @property
    def counterparty_account(self) -> str | None: ...
    @property
    def counterparty_bank(self) -> str | None: ...
    @property
    def source(self) -> str: ...
    @property
    def reversal(self) -> bool: ...
    @property
    def end_to_end_id(self) -> str | None: ...
    @property
    def balance_after(self) -> Money | None: ...
    @property
    def movement_key(self) -> str: ...


def from_bank(bank_account_id: str, row: BankRow) -> RecordStatementLine:
    """The command that records one row of a bank's webhook or history."""
    return RecordStatementLine(
        bank_account_id=bank_account_id,
        key=row.movement_key,
        bank_reference=row.bank_reference,
        direction=row.direction,
        amount=row.amount,
        booked_at=row.booked_at,
        bank_time=row.bank_time,
        value_date=row.value_date,
        memo=Personal(row.memo),
        counterparty_name=Personal(row.counterparty_name or ""),
        counterparty_account=Personal(row.counterparty_account or ""),
        counterparty_bank=row.counterparty_bank or "",
        source=row.source,
        is_reversal=row.reversal,
        end_to_end_id=row.end_to_end_id or "",
        balance_after=row.balance_after,
    )


class MatchStatementLine(Command):
    """An operator says which payment intent an unmatched credit belongs to."""

    line_id: str
    payment_intent_id: str
    reason: str


class MatchPayoutLine(Command):
    """An operator says which payout an unmatched debit belongs to: its text lost our id on the way."""

    line_id: str
    payout_id: str
    reason: str


class ExplainBankFee(Command):
    """An operator says an unmatched debit is what the bank charged us."""

    line_id: str
    reason: str


@handler(RecordStatementLine)
def record_statement_line(ledger: Ledger, context: Context, command: RecordStatementLine) -> Decided:
    """The line, and in the same insertion whatever it means. The same line again changes nothing, but may be the first
    to tell the balance after it.
    """
    line_id, there = line_of(command), _what_is_there(ledger, command)
    known = there.lines.get(line_id)
    if known is not None:
        known.tell_balance(context, balance_after=command.balance_after)
        return Decided(known)
    if command.is_reversal:
        return _decide_reversal(ledger, context, there, command)
    line = _record(ledger, context, line_id, there, command, command.direction)
    if command.direction == "credit":
        return _decide_credit(ledger, context, line, there, command)
    return _decide_debit(ledger, context, line, there, command)


@handler(MatchStatementLine)
def match_statement_line(ledger: Ledger, context: Context, command: MatchStatementLine) -> Decided:
    """The line goes to the payment intent, out of the unidentified funds."""
    line = _unmatched(ledger, command.line_id, "credit")
    intent = ledger.get(PaymentIntent, command.payment_intent_id, PaymentIntentNotFound)
    if not intent.takes_money:
        raise PaymentIntentClosed(
            f"The payment intent is {intent.status}. Create a new one and match the line to that.", status=intent.status
        )
    entry = _credit_intent(ledger, context, line, intent, source=accounts.UNIDENTIFIED)
    line.match_by_hand(context, owner_id=intent.id, entry_id=entry.id, reason=command.reason)
    return Decided(line, intent, entry)


@handler(MatchPayoutLine)
def match_payout_line(ledger: Ledger, context: Context, command: MatchPayoutLine) -> Decided:
    """The line confirms the payout, out of the unidentified funds."""
    line = _unmatched(ledger, command.line_id, "debit")
    payout = ledger.get(Payout, command.payout_id, PayoutNotFound)
    if not _may_show(line, payout) or payout.submitted_at is None:
        raise PayoutStateConflict(
            "The payout was never sent, is on the statement already, or has another amount or account.",
            status=payout.status,
        )
    entry, others = _confirm(ledger, context, line, payout, source=accounts.UNIDENTIFIED)
    line.match_by_hand(context, owner_id=payout.id, entry_id=entry.id, reason=command.reason)
    return Decided(line, payout, entry, *others)


@handler(ExplainBankFee)
def explain_bank_fee(ledger: Ledger, context: Context, command: ExplainBankFee) -> Decided:
    """The line is the bank's fee."""
    line = _unmatched(ledger, command.line_id, "debit")
    entry = journal.bank_fee(
        context, line_id=line.id, on=line.value_date, source=accounts.UNIDENTIFIED, amount=line.amount
    )
    line.match_by_hand(context, owner_id=accounts.BANK_FEES, entry_id=entry.id, reason=command.reason)
    return Decided(line, entry)


def line_of(command: RecordStatementLine) -> str:
    """The stream of the line this command reports."""
    return _line(command, "reversal" if command.is_reversal else command.direction)


def untold(ledger: Ledger, commands: Sequence[RecordStatementLine]) -> list[RecordStatementLine]:
    """Those of these reports that can change anything: a bank tells the whole day again whenever it is asked.

    Raises EventStoreUnavailable, LogDamaged.
    """
    left: list[RecordStatementLine] = []
    for first in range(0, len(commands), LOOKED_UP):
        some = [(line_of(command), command) for command in commands[first : first + LOOKED_UP]]
        there = _lines(ledger, [line_id for line_id, _ in some])
        left += [command for line_id, command in some if _adds(command, there.get(line_id))]
    return left


def _adds(command: RecordStatementLine, known: StatementLine | None) -> bool:
    return known is None or (command.balance_after is not None and known.balance_after is None)


def _lines(ledger: Ledger, line_ids: Sequence[str]) -> dict[str, StatementLine]:
    return _of(StatementLine, ledger.find_all(line_ids), line_ids)


def _of(kind: type[A], there: Mapping[str, Aggregate], streams: Iterable[str]) -> dict[str, A]:
    """Those of these streams that are there and of this kind, in their order."""
    return {one: found for one in streams if isinstance(found := there.get(one), kind)}


def _line(command: RecordStatementLine, what: str) -> str:
    return id_of_line(command.bank_account_id, f"{command.key}|{what}")


def _opposite(direction: Direction) -> Direction:
    return "debit" if direction == "credit" else "credit"


class _There(NamedTuple):
    """What a report may touch and is on record: the lines of its key, by id, and the payment intents and payouts it
    names.
    """

    lines: dict[str, StatementLine]
    intents: list[PaymentIntent]
    payouts: list[Payout]


def _what_is_there(ledger: Ledger, command: RecordStatementLine) -> _There:
    """In one reading: of our own field at the bank first, else of its text, a payout is named."""
    lines = [_line(command, what) for what in ("credit", "debit", "reversal")]
    intents = [id_of_code(code) for code in codes.find_payment_codes(command.memo.text)]
    named = codes.find_end_to_end_ids(command.end_to_end_id) or codes.find_end_to_end_ids(command.memo.text)
    payouts = [id_of_end_to_end(one) for one in named]
    there = ledger.find_all([*lines, *intents, *payouts])
    return _There(
        lines=_of(StatementLine, there, lines),
        intents=list(_of(PaymentIntent, there, intents).values()),
        payouts=list(_of(Payout, there, payouts).values()),
    )


def _unmatched(ledger: Ledger, line_id: str, direction: Direction) -> StatementLine:
    line = ledger.get(StatementLine, line_id, StatementLineNotFound)
    if line.status != UNMATCHED or line.direction != direction or line.is_reversal:
        what = "reversal" if line.is_reversal else line.direction
        raise StatementLineOwned(f"The line is a {what} and {line.status}.", id=line_id, status=line.status)
    return line


def _record(
    ledger: Ledger, context: Context, line_id: str, there: _There, command: RecordStatementLine, direction: Direction
) -> StatementLine:
    number = command.counterparty_account.text
    seal = _sealer(ledger, there, command)
    return StatementLine.record(
        context,
        line_id=line_id,
        bank_account_id=command.bank_account_id,
        bank_reference=command.bank_reference,
        direction=direction,
        amount=command.amount,
        booked_at=command.booked_at,
        bank_time=command.bank_time,
        value_date=command.value_date,
        memo=seal(command.memo),
        counterparty_name=seal(command.counterparty_name) if command.counterparty_name.text else None,
        counterparty_account=seal(command.counterparty_account) if number else None,
        counterparty_bank=command.counterparty_bank,
        source=command.source,
        is_reversal=command.is_reversal,
        balance_after=command.balance_after,
    )


def _sealer(ledger: Ledger, there: _There, command: RecordStatementLine) -> Sealer:
    """What seals the data of a line: as the other account's, as that of the payout it names, or as a stranger's."""
    if command.counterparty_account.text:
        return ledger.vault.sealer(ledger.vault.person("account", command.counterparty_account.text))
    if len(there.payouts) == 1:
        return ledger.vault.sealer(there.payouts[0].beneficiary_account.person)
    return ledger.vault.stranger()


def _decide_credit(
    ledger: Ledger, context: Context, line: StatementLine, there: _There, command: RecordStatementLine
) -> Decided:
    reversal = _waiting_reversal(line, there, command)
    if reversal is not None:
        return _take_back_at_once(context, line, reversal)
    if len(there.intents) > 1:
        return _leave_credit(context, line, "several_codes")
    if there.intents:
        return _decide_payment(ledger, context, line, there.intents[0])
    if len(there.payouts) == 1:
        return _decide_return(ledger, context, line, there.payouts[0])
    return _leave_credit(context, line, "no_code")


def _decide_payment(ledger: Ledger, context: Context, line: StatementLine, intent: PaymentIntent) -> Decided:
    if intent.bank_account_id != line.bank_account_id:
        return _leave_credit(context, line, "other_bank_account")
    if not intent.takes_money:
        intent.receive(
            context, line_id=line.id, amount=line.amount, fee=Money(0, line.amount.currency), on=line.value_date
        )
        return _leave_credit(context, line, "late", intent)
    entry = _credit_intent(ledger, context, line, intent, source=accounts.bank(line.bank_account_id))
    line.match(context, owner_id=intent.id, entry_id=entry.id)
    return Decided(line, intent, entry)


def _credit_intent(
    ledger: Ledger, context: Context, line: StatementLine, intent: PaymentIntent, *, source: str
) -> JournalEntry:
    merchant = ledger.get(Merchant, intent.merchant_id, MerchantNotFound)
    fee = line.amount.share(merchant.fee_bps)
    intent.receive(context, line_id=line.id, amount=line.amount, fee=fee, on=line.value_date)
    return journal.payment_matched(
        context,
        line_id=line.id,
        on=line.value_date,
        source=source,
        merchant_id=merchant.id,
        amount=line.amount,
        fee=fee,
    )


def _decide_return(ledger: Ledger, context: Context, line: StatementLine, payout: Payout) -> Decided:
    # A payout recorded as failed may have left us all the same: what comes back under its id says that it did.
    if payout.amount != line.amount or payout.submitted_at is None or payout.status == RETURNED:
        return _leave_credit(context, line, "return_of_nothing_sent")
    entry = journal.payout_returned(
        context,
        line_id=line.id,
        on=line.value_date,
        bank=line.bank_account_id,
        merchant_id=payout.merchant_id,
        amount=line.amount,
    )
    account = ledger.get(Account, accounts.available(payout.merchant_id), AccountNotFound)
    captured = _accept_first(context, payout, account, line.value_date)
    account.credit(context, amount=line.amount, entry_id=entry.id)
    payout.give_back(context, line_id=line.id, amount=line.amount, on=line.value_date)
    line.match(context, owner_id=payout.id, entry_id=entry.id)
    return Decided(line, payout, account, entry, *captured)


def _decide_debit(
    ledger: Ledger, context: Context, line: StatementLine, there: _There, command: RecordStatementLine
) -> Decided:
    reversal = _waiting_reversal(line, there, command)
    if reversal is not None:
        return _take_back_at_once(context, line, reversal)
    payouts = there.payouts
    if len(payouts) == 1 and _may_show(line, payouts[0]):
        entry, others = _confirm(ledger, context, line, payouts[0], source=accounts.bank(line.bank_account_id))
        line.match(context, owner_id=payouts[0].id, entry_id=entry.id)
        return Decided(line, payouts[0], entry, *others)
    entry = journal.debit_unidentified(
        context, line_id=line.id, on=line.value_date, bank=line.bank_account_id, amount=line.amount
    )
    line.leave_unmatched(context, reason="unordered", entry_id=entry.id)
    alarm = Alarm.raise_(
        context,
        kind=alarms.UNORDERED_DEBIT,
        subject=line.id,
        detail=f"{line.amount} left {line.bank_account_id} and no payout of ours explains it.",
    )
    return Decided(line, entry, alarm)


def _may_show(line: StatementLine, payout: Payout) -> bool:
    """Whether this debit can be the payout's: its account, its amount, and not shown before."""
    ours = payout.bank_account_id == line.bank_account_id and payout.amount == line.amount
    return ours and not payout.shown_on_statement


def _confirm(
    ledger: Ledger, context: Context, line: StatementLine, payout: Payout, *, source: str
) -> tuple[JournalEntry, list[Aggregate]]:
    """The payout, confirmed by this line: the entry, and what else is to be kept. `source`: where the money stood."""
    account = ledger.get(Account, accounts.available(payout.merchant_id), AccountNotFound)
    others: list[Aggregate] = [account, *_accept_first(context, payout, account, line.value_date)]
    late = len(others) == 1 and payout.is_unpaid_for
    payout.confirm(context, line_id=line.id, on=line.value_date)
    if late:
        entry = journal.payout_confirmed_after_failure(
            context,
            payout_id=payout.id,
            on=line.value_date,
            source=source,
            merchant_id=payout.merchant_id,
            amount=payout.amount,
            fee=payout.fee,
        )
        account.debit(context, amount=payout.cost, entry_id=entry.id)
        detail = f"The statement shows a payout that was {payout.reason or 'ended'}; it is confirmed now."
        others.append(Alarm.raise_(context, kind=alarms.CONFIRMED_AFTER_FAILURE, subject=payout.id, detail=detail))
        others += overdrawn(context, account, entry.id)
    else:
        entry = journal.payout_confirmed(
            context, payout_id=payout.id, on=line.value_date, source=source, amount=payout.amount
        )
    return entry, others


def _accept_first(context: Context, payout: Payout, account: Account, on: date) -> tuple[Aggregate, ...]:
    """The statement was quicker than the bank's answer: what acceptance does is done now."""
    if not payout.holds_funds:
        return ()
    entry = journal.payout_accepted(
        context,
        payout_id=payout.id,
        on=on,
        merchant_id=payout.merchant_id,
        amount=payout.amount,
        fee=payout.fee,
    )
    account.capture_hold(context, hold_id=payout.id, entry_id=entry.id)
    return (entry,)


def _decide_reversal(ledger: Ledger, context: Context, there: _There, command: RecordStatementLine) -> Decided:
    original = _taken_back(ledger, there, command)
    # Whether a bank's word on a reversal repeats the direction of what it takes back is not public: our record of that
    # movement decides; without one the word is taken for how the money moved (wire specification, chapter 10).
    direction = _opposite(original.direction) if original else command.direction
    line = _record(ledger, context, line_of(command), there, command, direction)
    if original is None or original.status == "reversed" or original.entry_id is None:
        return _leave_reversal(context, line)
    payout = ledger.find(Payout, original.owner_id or "")
    if payout is not None:
        return _reverse_payout(ledger, context, line, original, payout)
    back = _reversal_of(ledger, context, line, original, original.entry_id)
    others: list[Aggregate] = [original, back]
    intent = ledger.find(PaymentIntent, original.owner_id or "")
    if intent is not None:
        fee = intent.lines[original.id]
        intent.reverse(context, line_id=original.id, amount=original.amount, fee=fee, on=line.value_date)
        others.append(intent)
    original.reverse(context, by_line_id=line.id, entry_id=back.id, on=line.value_date)
    line.match(context, owner_id=original.id, entry_id=back.id)
    return Decided(line, *others)


def _taken_back(ledger: Ledger, there: _There, command: RecordStatementLine) -> StatementLine | None:
    """The movement a reversal takes back: under the same reference, or named by a code of ours in its text."""
    opposite = _opposite(command.direction)
    for direction in (command.direction, opposite):
        if (line := there.lines.get(_line(command, direction))) is not None:
            return line
    named = [line_id for intent in there.intents for line_id in intent.lines]
    named += [payout.line_id for payout in there.payouts if payout.line_id]
    for line in _lines(ledger, named).values():
        if line.amount == command.amount and line.direction == opposite and line.status == MATCHED:
            return line
    return None


def _reversal_of(
    ledger: Ledger, context: Context, line: StatementLine, original: StatementLine, entry_id: str
) -> JournalEntry:
    """The entry that takes the original back; a line matched by hand was unidentified first, so both entries end."""
    entry = ledger.get(JournalEntry, entry_id)
    if original.reason is None or original.status != MATCHED:
        return entry.reversal(context, happening="line_reversed", subject=line.id, value_date=line.value_date)
    first = ledger.get(JournalEntry, journal.id_of_entry(f"{original.direction}_unidentified", original.id))
    legs: dict[str, Money] = {}
    for posting in (*first.postings, *entry.postings):
        legs[posting.account] = legs.get(posting.account, Money(0, posting.amount.currency)) - posting.amount
    return JournalEntry.post(
        context,
        happening="line_reversed",
        subject=line.id,
        value_date=line.value_date,
        postings=[journal.Posting(account, amount) for account, amount in legs.items()],
        reverses=entry.id,
    )


def _reverse_payout(
    ledger: Ledger, context: Context, line: StatementLine, original: StatementLine, payout: Payout
) -> Decided:
    if original.direction == "credit":
        return _leave_reversal(context, line)
    decided = _decide_return(ledger, context, line, payout)
    if line.status == MATCHED:
        original.reverse(context, by_line_id=line.id, entry_id=line.entry_id or "", on=line.value_date)
        return Decided(*decided.aggregates, original)
    return decided


def _waiting_reversal(line: StatementLine, there: _There, command: RecordStatementLine) -> StatementLine | None:
    """The reversal of this line that came before it, if one waits."""
    reversal = there.lines.get(_line(command, "reversal"))
    waits = reversal is not None and reversal.status == UNMATCHED and reversal.direction != line.direction
    return reversal if waits else None


def _leave_reversal(context: Context, line: StatementLine) -> Decided:
    post = journal.credit_unidentified if line.direction == "credit" else journal.debit_unidentified
    entry = post(context, line_id=line.id, on=line.value_date, bank=line.bank_account_id, amount=line.amount)
    line.leave_unmatched(context, reason="reversal_without_original", entry_id=entry.id)
    alarm = Alarm.raise_(
        context,
        kind=alarms.REVERSAL_WITHOUT_ORIGINAL,
        subject=line.id,
        detail="A bank took back a movement we have not seen, or not as it stands.",
    )
    return Decided(line, entry, alarm)


def _take_back_at_once(context: Context, line: StatementLine, reversal: StatementLine) -> Decided:
    """The reversal came before the movement it takes back: both stand as unidentified and cancel out."""
    post = journal.credit_unidentified if line.direction == "credit" else journal.debit_unidentified
    entry = post(context, line_id=line.id, on=line.value_date, bank=line.bank_account_id, amount=line.amount)
    line.leave_unmatched(context, reason="reversed_before", entry_id=entry.id)
    line.reverse(context, by_line_id=reversal.id, entry_id=reversal.entry_id or "", on=line.value_date)
    reversal.match(context, owner_id=line.id, entry_id=entry.id)
    return Decided(line, entry, reversal)


def _leave_credit(context: Context, line: StatementLine, reason: str, *others: Aggregate) -> Decided:
    entry = journal.credit_unidentified(
        context, line_id=line.id, on=line.value_date, bank=line.bank_account_id, amount=line.amount
    )
    line.leave_unmatched(context, reason=reason, entry_id=entry.id)
    return Decided(line, entry, *others)
