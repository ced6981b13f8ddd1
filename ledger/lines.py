"""How events are told on a command line: a few lines for people, one JSON object a line for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ledger.aggregate import Envelope, decode
from ledger.calendar import ICT
from ledger.errors import LogDamaged
from ledger.event_log import Recorded
from ledger.ids import of_event
from ledger.story import details


def for_programs(envelope: Envelope) -> str:
    """One JSON object, without the end of the line; `position` is 0 where it is not known."""
    line = {
        "at": envelope.at.isoformat(),
        "effective_on": envelope.effective_on.isoformat(),
        "id": envelope.id,
        "position": envelope.position,
        "name": envelope.name,
        "actor": envelope.actor,
        "causation_id": envelope.causation_id,
        "data": details(envelope),
    }
    return json.dumps(line, ensure_ascii=False)


def for_people(envelope: Envelope) -> Iterator[str]:
    """The lines: when (Vietnamese time) and what, which event, and its payload; personal data stays sealed."""
    at = envelope.at.astimezone(ICT).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    yield f"{at}+07  {envelope.name:32} {envelope.actor}"
    place = f"  at position {envelope.position}" if envelope.position else ""
    yield f"{'':28}{envelope.id}{place}"
    for name, value in details(envelope).items():
        if value not in (None, "", [], False):
            yield f"{'':30}{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"


def recorded(row: Recorded, *, as_json: bool) -> str:
    """An event as it stands in the log; one that this release cannot read is named with the reason."""
    try:
        envelope = decode(row.name, row.stream, row.version, row.state, row.position)
    except LogDamaged as error:
        what = of_event(row.stream, row.version)
        if as_json:
            unreadable = {"id": what, "position": row.position, "name": row.name, "unreadable": error.detail}
            return json.dumps(unreadable, ensure_ascii=False)
        return f"{'(unreadable)':28}{what}  {row.name}  at position {row.position}\n{'':30}{error.detail}"
    return for_programs(envelope) if as_json else "\n".join(for_people(envelope))
