"""Under what circumstances an event is made. No event can be made outside a Context."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Taken once, at a door: when, who, and as part of what.

    `at`: aware instant (UTC), from the door's clock. `actor`: `merchant:mer_…/key:ak_…`, `operator:name`, `bank:acb`,
    `feed:sepay`, `worker:name`. `command_id`: this command. `correlation_id`: the whole conversation. `causation_id`:
    the event (`stream@version`) that led here, if one did.
    """

    at: datetime
    actor: str
    command_id: str
    correlation_id: str
    causation_id: str | None = None

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("Context.at must be an aware datetime")
        if self.at.tzinfo is not UTC:
            msgspec.structs.force_setattr(self, "at", self.at.astimezone(UTC))
