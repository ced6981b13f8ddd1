"""Figures for a monitoring system, in the text format that Prometheus reads (exposition format 0.0.4).

    https://prometheus.io/docs/instrumenting/exposition_formats/

For operators' keys: how far behind the read tables are is nobody else's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from banks.circuits import Operation, State
from ledger.errors import EventStoreUnavailable, ReadTablesUnavailable
from projections import PROJECTIONS
from projections.places import lag, piles, places
from web.auth import OPERATORS
from web.routes import Answer, Call, route

MEDIA: Final = "text/plain; version=0.0.4; charset=utf-8"
CIRCUITS: Final[Mapping[State, int]] = {"closed": 0, "half_open": 1, "open": 2}


@route(
    "GET",
    "/metrics",
    roles=OPERATORS,
    media="text/plain",
    refuses=(EventStoreUnavailable, ReadTablesUnavailable),
)
def metrics(call: Call) -> Answer:
    """Log head, how each read model keeps up with it and what it has set aside, and how calls of each bank go."""
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
            _family(
                "socai_bank_circuit",
                "How calls of an operation at a bank go: 0 freely, 1 one tries, 2 held back because the bank is down.",
                _circuits(call.services.circuits()),
            ),
        ]
    )
    return Answer(body=text.encode(), media=MEDIA)


def _by_name(values: dict[str, int], label: str = "projection") -> Iterable[tuple[str, int]]:
    return ((f'{{{label}="{name}"}}', value) for name, value in sorted(values.items()))


def _circuits(found: Mapping[str, Mapping[Operation, State]]) -> Iterable[tuple[str, int]]:
    for code, circuits in sorted(found.items()):
        for operation, state in sorted(circuits.items()):
            yield f'{{bank="{code}",operation="{operation}"}}', CIRCUITS[state]


def _family(name: str, about: str, samples: Iterable[tuple[str, int]]) -> str:
    lines = [f"# HELP {name} {about}", f"# TYPE {name} gauge", *(f"{name}{label} {value}" for label, value in samples)]
    return "\n".join(lines) + "\n"
