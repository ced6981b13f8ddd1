"""Alarm: one for each kind and subject."""

from __future__ import annotations

import pytest
from eventsourcing.persistence import IntegrityError

from ledger import alarms
from ledger.alarms import Alarm, id_of_alarm
from tests.story import Story


def test_an_alarm_says_what_kind_and_about_what() -> None:
    story = Story()
    alarm = Alarm.raise_(story.context(), kind=alarms.UNORDERED_DEBIT, subject="sl_1", detail="Look at it.")
    story.ledger.keep(alarm)
    kept = story.ledger.get(Alarm, id_of_alarm("unordered_debit", "sl_1"))
    assert (kept.kind, kept.subject) == ("unordered_debit", "sl_1")


def test_the_same_alarm_cannot_be_raised_twice() -> None:
    story = Story()
    for _ in range(2):
        alarm = Alarm.raise_(story.context(), kind=alarms.UNORDERED_DEBIT, subject="sl_1", detail="Look at it.")
        if story.log():
            with pytest.raises(IntegrityError):
                story.ledger.keep(alarm)
        else:
            story.ledger.keep(alarm)
    assert len(story.log()) == 1


def test_every_kind_has_its_own_alarm_about_a_subject() -> None:
    kinds = [value for name, value in vars(alarms).items() if name.isupper()]
    assert len(kinds) >= 6
    assert len({id_of_alarm(kind, "sl_1") for kind in kinds}) == len(kinds)
