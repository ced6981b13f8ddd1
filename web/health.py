"""Whether this process lives, and whether the parts it needs are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from marshmallow import Schema, fields
from redis.exceptions import RedisError

from banks.circuits import Operation, State
from ledger.errors import Problem, QueueUnavailable, Unavailable
from projections.aside import Pile
from projections.places import cure, lag, piles, places
from projections.projection import PROJECTIONS
from projections.tables import Place
from web.fields import Instant, Word
from web.routes import Answer, Call, route
from web.wiring import Services

T = TypeVar("T")


class Alive(Schema):
    """This process answers."""

    status = Word("ok", required=True)


class Piled(Schema):
    """Events that a follower of the log could not take in, or that wait behind such a one; of how many streams."""

    events = fields.Integer(required=True)
    streams = fields.Integer(required=True)
    oldest_at = Instant(required=True)


class Ready(Schema):
    """Each part and how far behind the log each projection is. `parts`: `ok`, or the code of the problem.

    `set_aside`: by follower, what its answers lack; `stopped`: projections that follow no more; `cures`: the command
    that mends each of these. Operators mend both: every other answer is as good as ever, so this process stays ready.
    `banks`: by bank, the operations that do not go freely, `open` or `half_open`; a bank that is down is no fault of
    ours, and what waits for it waits.
    """

    status = Word("ok", "away", required=True)
    parts = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    position = fields.Integer(required=True, allow_none=True)
    lag = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True, metadata={"description": "Events."})
    set_aside = fields.Dict(keys=fields.String(), values=fields.Nested(Piled), required=True)
    stopped = fields.List(fields.String(), required=True)
    cures = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    banks = fields.Dict(keys=fields.String(), values=fields.Dict(keys=fields.String()), required=True)


@route("GET", "/live", answer=Alive)
def live(call: Call) -> Answer:
    """This process answers; no other part is asked."""
    return Answer(body={"status": "ok"})


@route("GET", "/ready", answer=Ready)
def ready(call: Call) -> Answer:
    """Whether the event store, the read tables and Redis answer: 200, or 503 when one is away."""
    services, parts = call.services, dict[str, str]()
    parts["event_store"], head = _ask(services.ledger.head)
    parts["read_tables"], shown = _ask(lambda: (places(services.reader), piles(services.reader)))
    parts["redis"], _ = _ask(lambda: _ping(services))
    whole, cures = set(parts.values()) == {"ok"}, {} if shown is None else _cures(shown[0])
    return Answer(
        status=200 if whole else 503,
        retry_after_s=None if whole else Unavailable.retry_after_s,
        body={
            "status": "ok" if whole else "away",
            "parts": parts,
            "position": head,
            "lag": {} if head is None or shown is None else lag(shown[0], head),
            "set_aside": {} if shown is None else {name: _piled(pile) for name, pile in sorted(shown[1].items())},
            "stopped": sorted(cures),
            "cures": cures,
            "banks": _held_back(services) if parts["redis"] == "ok" else {},
        },
    )


def _ask(part: Callable[[], T]) -> tuple[str, T | None]:
    try:
        return "ok", part()
    except Problem as problem:
        return problem.slug, None


def _ping(services: Services) -> None:
    try:
        services.redis.ping()
    except RedisError as error:
        raise QueueUnavailable("Redis does not answer.") from error


def _held_back(services: Services) -> dict[str, dict[Operation, State]]:
    held: dict[str, dict[Operation, State]] = {}
    for code, circuits in services.circuits().items():
        for operation, state in circuits.items():
            if state != "closed":
                held.setdefault(code, {})[operation] = state
    return held


def _cures(found: Mapping[str, Place]) -> dict[str, str]:
    commands = {name: cure(PROJECTIONS[name], place) for name, place in found.items()}
    return {name: command for name, command in commands.items() if command is not None}


def _piled(pile: Pile) -> dict[str, object]:
    return {"events": pile.events, "streams": pile.streams, "oldest_at": pile.oldest_at}
