"""Payment intents whose time to pay is over.

Ending one asks nobody outside, so the timetable does it without a job. Money that comes later is late, not lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from commands import dispatch
from commands.payments import ExpirePaymentIntent
from ledger.errors import PaymentIntentClosed
from projections.payments import due_to_expire
from workers.jobs import Ring
from workers.parts import Parts
from workers.scheduler import every

DUE_MAX: Final = 100
"""Intents ended in one round."""


@every(seconds=10)
def payment_intents_to_expire(parts: Parts, now: datetime) -> Iterable[Ring]:
    """Ends them; rings nothing."""
    for payment_intent_id in due_to_expire(parts.reader, now=now, limit=DUE_MAX):
        command = ExpirePaymentIntent(payment_intent_id=payment_intent_id)
        try:
            dispatch(parts.ledger, command, parts.context("payments", payment_intent_id))
        except PaymentIntentClosed:
            continue  # paid or cancelled since the tables were read
    return ()
