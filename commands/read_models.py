"""What follows when a read model does not fit the log: people are told."""

from __future__ import annotations

from datetime import date

from commands.command import Command, Decided, handler
from ledger.alarms import READ_MODEL_DIFFERS, Alarm, id_of_alarm
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


@handler(ReportReadModel)
def report_read_model(ledger: Ledger, context: Context, command: ReportReadModel) -> Decided:
    """The alarm, once a day for the same faults, until they are mended."""
    subject = f"{command.name}/{command.day.isoformat()}/{command.digest}"
    known = ledger.find(Alarm, id_of_alarm(READ_MODEL_DIFFERS, subject))
    if known is not None:
        return Decided(known)
    return Decided(Alarm.raise_(context, kind=READ_MODEL_DIFFERS, subject=subject, detail=command.detail))
