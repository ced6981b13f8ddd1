"""An alarm about a read model: once for the same faults of the same night, and once for a night without a check."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from commands.read_models import ReportReadModel, ReportUncheckedNight
from ledger.alarms import READ_MODEL_DIFFERS, READ_MODELS_UNCHECKED, Alarm
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


def test_a_night_without_a_check_is_told_once() -> None:
    story = Story()
    for day in (26, 26, 27):
        receipt = story.when(ReportUncheckedNight(day=date(2026, 11, day)))
    assert len(story.log()) == 2
    alarm = story.ledger.get(Alarm, receipt.subject)
    assert (alarm.kind, alarm.subject) == (READ_MODELS_UNCHECKED, "2026-11-27")
