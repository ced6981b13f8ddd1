"""The one place of web where a Context is made: when, who, and as part of what."""

from __future__ import annotations

from ledger.context import Context
from ledger.ids import derive
from web.wiring import Services


def context(services: Services, *, actor: str, request_id: str, natural_key: tuple[str, ...]) -> Context:
    """The circumstances of a command asked for over HTTP.

    `natural_key` names the command for ever: scope and idempotency key, or what the command is about. The same request
    sent again has the same command id, so all ids derived from it are the same.
    """
    return Context(at=services.clock(), actor=actor, command_id=derive("cmd", *natural_key), correlation_id=request_id)
