"""What follows when a read model does not fit the log, or was not held against it: people are told."""

from __future__ import annotations

from datetime import date

from commands.command import Command, Decided, handler
from ledger.alarms import READ_MODEL_DIFFERS, READ_MODELS_UNCHECKED, Alarm, id_of_alarm
from ledger.context import Context
from ledger.store import Ledger


class ReportReadModel(Command):
    """A read model was held against the log on this bank day, and is not what follows from it.

    `digest` (hex) is another when something else was found; `detail`: a sentence for people, without any value.
    """

    name: str
    day: date
    digest: str
    detail: str


class ReportUncheckedNight(Command):
    """The check of the night that ended on this bank day should have been over long since, and is not."""

    day: date


@handler(ReportReadModel)
def report_read_model(ledger: Ledger, context: Context, command: ReportReadModel) -> Decided:
    """The alarm, once a day for the same faults, until they are mended."""
    subject = f"{command.name}/{command.day.isoformat()}/{command.digest}"
    return _alarm_once(ledger, context, READ_MODEL_DIFFERS, subject, command.detail)


@handler(ReportUncheckedNight)
def report_unchecked_night(ledger: Ledger, context: Context, command: ReportUncheckedNight) -> Decided:
    """The alarm, once for each night."""
    day = command.day.isoformat()
    detail = (
        f"The read models were not held against the log in the night to {day}. See what the worker of the queue checks"
        " logs; python -m projections check does the same at once."
    )
    return _alarm_once(ledger, context, READ_MODELS_UNCHECKED, day, detail)


def _alarm_once(ledger: Ledger, context: Context, kind: str, subject: str, detail: str) -> Decided:
    known = ledger.find(Alarm, id_of_alarm(kind, subject))
    return Decided(known or Alarm.raise_(context, kind=kind, subject=subject, detail=detail))
