"""The circumstances of an event."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ledger.calendar import ICT
from ledger.context import Context


def test_a_context_keeps_its_instant_in_utc() -> None:
    context = Context(
        at=datetime(2026, 11, 23, 9, 0, tzinfo=ICT), actor="operator:linh", command_id="c", correlation_id="c"
    )
    assert context.at == datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    assert context.at.tzinfo is UTC
    assert context.causation_id is None


def test_an_instant_without_a_time_zone_is_a_bug() -> None:
    with pytest.raises(ValueError, match="aware"):
        Context(at=datetime(2026, 11, 23, 9, 0), actor="a", command_id="c", correlation_id="c")  # noqa: DTZ001


def test_a_context_does_not_change() -> None:
    context: Any = Context(at=datetime(2026, 11, 23, tzinfo=UTC), actor="a", command_id="c", correlation_id="c")
    with pytest.raises(AttributeError):
        context.actor = "b"
