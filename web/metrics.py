"""Figures for a monitoring system, in the text format that Prometheus reads (exposition format 0.0.4).

    https://prometheus.io/docs/instrumenting/exposition_formats/

For operators' keys: how far behind the read tables are is nobody else's business.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ledger.errors import EventStoreUnavailable, ReadTablesUnavailable
from projections import PROJECTIONS
from projections.places import lag, piles, places
from web.auth import OPERATORS
from web.routes import Answer, Call, route

MEDIA: Final = "text/plain; version=0.0.4; charset=utf-8"


@route(
    "GET",
    "/metrics",
    roles=OPERATORS,
    media="text/plain",
    refuses=(EventStoreUnavailable, ReadTablesUnavailable),
)
def metrics(call: Call) -> Answer:
    """Log head, and for each read model its lag in events, what it has set aside, and whether it follows."""
    # The positions first: asked after the head they could be past it.
    found, aside = places(call.services.reader), piles(call.services.reader)
    head = call.services.ledger.head()
    follows = {name: int(name in found and found[name].follows(one)) for name, one in PROJECTIONS.items()}
    text = "".join(
        [
            _family("socai_log_head", "Last position of the event log.", [("", head)]),
            _family("socai_projection_lag_events", "Log head minus position.", _by_name(lag(found, head))),
            _family("socai_projection_follows", "1 while it follows the log, 0 when it stands.", _by_name(follows)),
            _family(
                "socai_set_aside_events",
                "Events a follower could not take in, and what waits behind them.",
                _by_name({name: pile.events for name, pile in aside.items()}, "follower"),
            ),
        ]
    )
    return Answer(body=text.encode(), media=MEDIA)


def _by_name(values: dict[str, int], label: str = "projection") -> Iterable[tuple[str, int]]:
    return ((f'{{{label}="{name}"}}', value) for name, value in sorted(values.items()))


def _family(name: str, about: str, samples: Iterable[tuple[str, int]]) -> str:
    lines = [f"# HELP {name} {about}", f"# TYPE {name} gauge", *(f"{name}{label} {value}" for label, value in samples)]
    return "\n".join(lines) + "\n"
