"""What can be turned at the bank while it runs: latencies, limits, and wire shapes the specification leaves open."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from banks.simulator.refusals import Impossible

Seconds = Annotated[float, Meta(ge=0, le=86_400 * 400)]
Dong = Annotated[int, Meta(ge=0)]


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Latencies are seconds of the bank's clock, amounts are dong. `rate_max` is requests a minute, 0 for no limit.

    `not_found`: how a status enquiry says so (HTTP 200 or 404 with 30020402, or an empty list; all [assumed]).
    `history_dates`: `plain` renders `yyyy-MM-dd HH:mm:ss`. `webhook_shape`: `older` has no masterMeta.
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
    rate_max: Annotated[int, Meta(ge=0)] = 0
    maintenance: bool = False
    offline_bins: tuple[str, ...] = ()
    not_found: Literal["200", "404", "empty"] = "200"
    history_dates: Literal["iso", "plain"] = "iso"
    webhook_shape: Literal["current", "older"] = "current"
    webhook_header: Literal["x-api-key", "authorization"] = "x-api-key"


def changed(settings: Settings, changes: dict[str, object]) -> Settings:
    """`settings` with `changes` applied. Raises Impossible (400) for an unknown name or a value out of range."""
    try:
        return msgspec.convert(msgspec.to_builtins(settings) | changes, Settings)
    except msgspec.ValidationError as fault:
        raise Impossible(400, f"settings: {fault}") from fault
