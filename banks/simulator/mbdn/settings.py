"""What can be turned at MBDN beside what MB has."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from banks.simulator.mb.settings import MbSettings


class MbdnSettings(MbSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Orders wait for a checker unless told otherwise. `reading`: how many questions a file is being read in for."""

    approval: Literal["auto", "by_hand"] = "by_hand"
    reading: Annotated[int, Meta(ge=0, le=1000)] = 1
