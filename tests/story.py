"""Given events, when a command, then events: a ledger in memory and the few words to tell a payments story with it.

Everything here needs no server: the library's in-memory recorder keeps the events. Flows over real parts are in
`tests/flows/`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

from commands import Command, IdempotencyKey, Receipt, dispatch
from commands.merchants import RegisterMerchant
from commands.payments import CreatePaymentIntent
from commands.payouts import ApprovePayout, RequestPayout, SubmitPayout
from commands.settlements import CloseSettlement, ReleaseSettlement
from commands.statements import RecordStatementLine
from ledger import accounts
from ledger.accounts import Account
from ledger.aggregate import Envelope, decode
from ledger.context import Context
from ledger.ids import derive
from ledger.journal import JournalEntry
from ledger.money import Money
from ledger.payments import PaymentIntent
from ledger.payouts import Payout
from ledger.privacy import KeysInMemory, Personal, Vault
from ledger.statements import Direction
from ledger.store import Ledger

START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
BANK_ACCOUNT = "ba_acb_main"
MASTER_KEY = bytes(range(32))


def counted_bytes() -> Callable[[int], bytes]:
    """A source of "random" bytes that is the same in every run."""
    numbers = count(1)

    def token(length: int) -> bytes:
        return hashlib.shake_256(str(next(numbers)).encode()).digest(length)

    return token


def dong(units: int) -> Money:
    """So many dong."""
    return Money(units, "VND")


def ledger_in_memory() -> Ledger:
    """An empty ledger that needs no server."""
    return Ledger({"PERSISTENCE_MODULE": "eventsourcing.popo"}, Vault(MASTER_KEY, KeysInMemory(), counted_bytes()))


class Story:
    """One ledger, one clock that only the story moves, and everybody's moves in a line each."""

    def __init__(self, ledger: Ledger | None = None) -> None:
        self.ledger = ledger or ledger_in_memory()
        self.now = START
        self._numbers = count(1)

    def context(self, actor: str = "operator:linh", name: str = "") -> Context:
        """A context at the story's time."""
        command_id = name or f"cmd_{next(self._numbers)}"
        return Context(at=self.now, actor=actor, command_id=command_id, correlation_id=command_id)

    def passes(self, **time: float) -> None:
        """Let time pass: `passes(minutes=15)`."""
        self.now += timedelta(**time)

    def when(self, command: Command, *, actor: str = "operator:linh", key: IdempotencyKey | None = None) -> Receipt:
        """Dispatch a command."""
        name = derive("cmd", key.scope, key.key) if key else ""
        return dispatch(self.ledger, command, self.context(actor, name), key)

    def merchant(self, *, fee_bps: int = 100, payout_fee: int = 3_300, approvals: int = 1) -> str:
        """A registered merchant's id."""
        command = RegisterMerchant(
            name="Cửa hàng Hoa Sen",
            bank_account_id=BANK_ACCOUNT,
            fee_bps=fee_bps,
            payout_fee=dong(payout_fee),
            approvals_needed=approvals,
        )
        return self.when(command).subject

    def intent(self, merchant_id: str, units: int, expires_at: datetime | None = None) -> PaymentIntent:
        """A payment intent of a merchant."""
        command = CreatePaymentIntent(
            merchant_id=merchant_id,
            amount=dong(units),
            description="Đơn hàng 17",
            merchant_reference="17",
            expires_at=expires_at,
        )
        return self.payment(self.when(command).subject)

    def row(
        self,
        units: int,
        memo: str,
        *,
        direction: Direction = "credit",
        reference: str = "",
        is_reversal: bool = False,
        bank_account_id: str = BANK_ACCOUNT,
        source: str = "webhook",
    ) -> RecordStatementLine:
        """What a bank reports."""
        reference = reference or f"FT{next(self._numbers):012d}"
        return RecordStatementLine(
            bank_account_id=bank_account_id,
            key=f"{reference}|{units}",
            bank_reference=reference,
            direction=direction,
            amount=dong(units),
            booked_at=self.now,
            bank_time=self.now.isoformat(),
            value_date=self.now.date(),
            memo=Personal(memo),
            counterparty_name=Personal("NGUYEN VAN ANH"),
            counterparty_account=Personal("1012345678"),
            counterparty_bank="970415",
            source=source,
            is_reversal=is_reversal,
        )

    def bank_says(self, row: RecordStatementLine) -> Receipt:
        """A bank reports a movement."""
        return self.when(row, actor="bank:acb")

    def funded(self, units: int, **terms: int) -> str:
        """A merchant with exactly so much available (no fees)."""
        merchant_id = self.merchant(fee_bps=0, **terms)
        intent = self.intent(merchant_id, units)
        self.bank_says(self.row(units, intent.code))
        settlement = self.when(CloseSettlement(merchant_id=merchant_id, payment_intent_ids=(intent.id,)))
        self.when(ReleaseSettlement(settlement_id=settlement.subject))
        return merchant_id

    def requested(self, merchant_id: str, units: int, memo: str = "luong thang 11") -> Payout:
        """A payout a merchant asks for."""
        command = RequestPayout(
            merchant_id=merchant_id,
            amount=dong(units),
            beneficiary_bin="970422",
            beneficiary_account=Personal("0001234567890"),
            beneficiary_name=Personal("TRAN THI BINH"),
            memo=memo,
        )
        return self.payout(self.when(command, actor=f"merchant:{merchant_id}/key:asks").subject)

    def submitted(self, merchant_id: str, units: int) -> Payout:
        """A payout that was approved and is being sent."""
        payout = self.requested(merchant_id, units)
        if payout.status == "requested":
            self.when(ApprovePayout(merchant_id=merchant_id, payout_id=payout.id))
        self.when(SubmitPayout(payout_id=payout.id), actor="worker:pay")
        return self.payout(payout.id)

    def payment(self, payment_intent_id: str) -> PaymentIntent:
        """The payment intent as it is now."""
        return self.ledger.get(PaymentIntent, payment_intent_id)

    def payout(self, payout_id: str) -> Payout:
        """The payout as it is now."""
        return self.ledger.get(Payout, payout_id)

    def available(self, merchant_id: str) -> int:
        """What a merchant may be paid out, in dong."""
        return self.account(merchant_id).available.units

    def account(self, merchant_id: str) -> Account:
        """A merchant's guarded account."""
        return self.ledger.get(Account, accounts.available(merchant_id))

    def log(self) -> list[Envelope]:
        """Every event, in order."""
        stored = self.ledger.recorder.select_notifications(start=1, limit=1_000_000)
        return [decode(n.topic, str(n.originator_id), n.originator_version, n.state, n.id) for n in stored]

    def names(self, stream: str) -> list[str]:
        """The stored names of a stream's events."""
        return [envelope.name for envelope in self.ledger.history(stream)]

    def books(self) -> dict[str, int]:
        """Every ledger account's sum of postings, debits positive; checks on the way that each entry sums to zero."""
        sums: dict[str, int] = {}
        for envelope in self.log():
            if isinstance(envelope.event, JournalEntry.Posted):
                assert sum(posting.amount.units for posting in envelope.event.postings) == 0
                for posting in envelope.event.postings:
                    sums[posting.account] = sums.get(posting.account, 0) + posting.amount.units
        return {account: units for account, units in sums.items() if units}
