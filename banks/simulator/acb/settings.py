"""ACB's wire shapes that the specification leaves open."""

from __future__ import annotations

from typing import Literal

from banks.simulator.settings import Settings


class AcbSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`not_found`: how a status enquiry says so (HTTP 200 or 404 with 30020402, or an empty list; all [assumed]).
    `history_dates`: `plain` renders `yyyy-MM-dd HH:mm:ss`. `webhook_shape`: `older` has no masterMeta.
    """

    not_found: Literal["200", "404", "empty"] = "200"
    history_dates: Literal["iso", "plain"] = "iso"
    webhook_shape: Literal["current", "older"] = "current"
    webhook_header: Literal["x-api-key", "authorization"] = "x-api-key"
