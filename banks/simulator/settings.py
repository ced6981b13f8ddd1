"""What can be turned at the bank while it runs: latencies, limits, and wire shapes the specification leaves open."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from banks.simulator.refusals import Impossible

Seconds = Annotated[float, Meta(ge=0, le=86_400 * 400)]
Dong = Annotated[int, Meta(ge=0)]
Handshake = Literal["good", "other_ca", "refuse"]


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Latencies are seconds of the bank's clock, amounts are dong. `rate_max` is requests a minute, 0 for no limit.
    `approval` by_hand: an order waits for a person (the control port) and is refused when the bank day ends before.
    `tls`: how a connection over HTTPS begins (tls.py).

    A bank whose wire has shapes of its own to turn adds them in a subclass.
    """

    answer_s: Seconds = 0.05
    validate_s: Seconds = 0.3
    transfer_s: Seconds = 0.5
    webhook_s: Seconds = 0.2
    history_s: Seconds = 0.0
    token_s: Annotated[int, Meta(ge=1, le=86_400)] = 3600
    webhook_timeout_s: Annotated[float, Meta(gt=0, le=60)] = 10.0
    service_charge: Dong = 0
    napas_max: Dong = 499_999_999
    approval: Literal["auto", "by_hand"] = "auto"
    rate_max: Annotated[int, Meta(ge=0)] = 0
    maintenance: bool = False
    tls: Handshake = "good"
    offline_bins: tuple[str, ...] = ()


def changed(settings: Settings, changes: dict[str, object]) -> Settings:
    """`settings` with `changes` applied. Raises Impossible (400) for an unknown name or a value out of range."""
    try:
        return msgspec.convert(msgspec.to_builtins(settings) | changes, type(settings))
    except msgspec.ValidationError as fault:
        raise Impossible(400, f"settings: {fault}") from fault
