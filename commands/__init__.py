"""What may be asked. `dispatch` finds the handler, lets it decide, and keeps what it decided in one insertion."""

from __future__ import annotations

import sys
from typing import Final

from eventsourcing.persistence import IntegrityError

from commands.command import HANDLERS, Command, Decided, IdempotencyKey, Receipt
from ledger.context import Context
from ledger.discovery import import_all
from ledger.errors import LostRace, UnknownCommand
from ledger.receipts import CommandReceipt, id_of_receipt
from ledger.store import Ledger

__all__ = ["Command", "IdempotencyKey", "Receipt", "dispatch"]

TRIES_MAX: Final = 100
"""A lost race is decided again this often: enough for a hundred writers on one merchant's available funds."""


def dispatch(ledger: Ledger, command: Command, context: Context, key: IdempotencyKey | None = None) -> Receipt:
    """Decide a command and keep what was decided, durably.

    With a key: the same key and content gives the first receipt again; other content raises IdempotencyKeyReused.
    Raises the handler's refusals, UnknownCommand, LostRace after TRIES_MAX lost races, EventStoreUnavailable.
    """
    decide = HANDLERS.get(type(command))
    if decide is None:
        raise UnknownCommand(f"Nothing handles {type(command).__name__}.")
    for _ in range(TRIES_MAX):
        given = key and _given(ledger, key)
        if given:
            return given
        decided = decide(ledger, context, command)
        try:
            return _keep(ledger, decided, context, key)
        except IntegrityError:
            continue
    raise LostRace("Too many requests change the same thing at once; send it again with the same key.")


def _given(ledger: Ledger, key: IdempotencyKey) -> Receipt | None:
    receipt = ledger.find(CommandReceipt, id_of_receipt(key.scope, key.key))
    if receipt is None:
        return None
    receipt.must_be_for(key.fingerprint)
    return Receipt(subject=receipt.subject, version=receipt.subject_version, position=ledger.head(), replayed=True)


def _keep(ledger: Ledger, decided: Decided, context: Context, key: IdempotencyKey | None) -> Receipt:
    subject = decided.subject
    aggregates = list(decided.aggregates)
    if key is not None:
        receipt = CommandReceipt.give(
            context,
            receipt_id=id_of_receipt(key.scope, key.key),
            fingerprint=key.fingerprint,
            subject=subject.id,
            subject_version=subject.version,
        )
        aggregates.append(receipt)
    position = ledger.keep(*aggregates)
    return Receipt(subject=subject.id, version=subject.version, position=position)


import_all(sys.modules[__name__])
