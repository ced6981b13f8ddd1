"""An alarm about a read model: once for the same faults of the same night."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from commands.read_models import ReportReadModel
from ledger.alarms import READ_MODEL_DIFFERS, Alarm
from tests.story import Story

REPORT = ReportReadModel(name="payments", day=date(2026, 11, 26), digest="ab12", detail="payments: row missing: pi_1")


def test_a_report_is_an_alarm_that_says_what_was_found() -> None:
    story = Story()
    receipt = story.when(REPORT, actor="worker:checks")
    alarm = story.ledger.get(Alarm, receipt.subject)
    assert (alarm.kind, alarm.subject) == (READ_MODEL_DIFFERS, "payments/2026-11-26/ab12")
    assert [envelope.name for envelope in story.log()] == ["alarm.raised"]


@pytest.mark.parametrize("changed", [{"name": "payouts"}, {"day": date(2026, 11, 27)}, {"digest": "cd34"}])
def test_the_same_again_changes_nothing_and_another_is_another_alarm(changed: dict[str, object]) -> None:
    story = Story()
    for _ in range(3):
        story.when(REPORT)
    assert len(story.log()) == 1
    story.when(msgspec.structs.replace(REPORT, **changed))
    assert len(story.log()) == 2
