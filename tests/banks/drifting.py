"""A bank's recorded messages with something changed that a new release of the bank may change, and what is made of it.

A bank joins by `tests/banks/<code>/drifts.py` with DRIFTS: what is changed in which message, and the place to be named.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

import pytest

from banks.bank import Capability
from banks.drift import AnswerMisfits
from banks.outcomes import Misfit, Unknown
from ledger.errors import WebhookUnreadable
from tests.banks.contract import TODAY, Rig
from tests.banks.http_server import http


@dataclass(frozen=True)
class Planted:
    """`call`: transfer, status, history, balance, name or webhook; `say`: under which name the rig holds the reply."""

    call: str
    old: bytes
    new: bytes
    place: str
    say: str = ""


NEEDED = {
    Capability.BALANCE: "balance",
    Capability.LOOKUP_NAME: "name",
    Capability.TRANSFER_STATUS: "status",
    Capability.HISTORY: "history",
    Capability.WEBHOOK: "webhook",
}
"""For which calls something is to be planted at a bank that offers them."""


def drifts_of(code: str) -> list[Planted]:
    found: list[Planted] = import_module(f"tests.banks.{code}.drifts").DRIFTS
    return found


def changed(rig: Rig, planted: Planted) -> bytes:
    """The message as it was recorded, changed; it is put before the adapter."""
    if planted.call == "webhook":
        body = rig.notice
    else:
        say = planted.say or {"transfer": "order"}.get(planted.call, planted.call)
        whole = {"order": rig.accepted, "status": rig.executed}.get(say) or rig.say[say]
        body = whole.payload.split(b"\r\n\r\n", 1)[1]
    assert planted.old in body
    body = body.replace(planted.old, planted.new)
    if planted.call != "webhook":
        rig.say[say] = http(200, body)
    return body


def met(rig: Rig, call: str, body: bytes) -> tuple[list[Misfit], int]:
    """Where the message does not fit, and how many movements or outcomes came out of it."""
    bank, order = rig.bank, rig.order
    if call in ("transfer", "status"):
        outcome = bank.transfer(order) if call == "transfer" else bank.transfer_status(order.end_to_end_id, TODAY)
        if isinstance(outcome, Unknown):
            return [outcome.misfit] if outcome.misfit else [], 0
        return [], 1
    if call == "history":
        try:
            page = bank.history(TODAY, TODAY)
        except AnswerMisfits as problem:
            return [problem.misfit], 0
        return [row.misfit for row in page.doubtful if row.misfit], len(page.lines)
    if call == "webhook":
        with pytest.raises(WebhookUnreadable) as refused:
            bank.parse_webhook(body)
        place = refused.value.facts.get("place")
        return [Misfit(str(place), refused.value.detail, body)] if place else [], 0
    with pytest.raises(AnswerMisfits) as misfit:
        bank.balance() if call == "balance" else bank.lookup_name("970436", "0001234567890")
    return [misfit.value.misfit], 0
