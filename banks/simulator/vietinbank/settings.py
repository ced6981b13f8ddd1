"""What can be turned at VietinBank beside what all banks have."""

from __future__ import annotations

from banks.simulator.settings import Settings


class VietinSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`listed` false: the customer's address is not on the bank's list, so connections are closed without an answer."""

    listed: bool = True
