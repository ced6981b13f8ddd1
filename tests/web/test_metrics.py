"""Metrics tell what a monitoring system must know of the read tables, in the form it reads, to operators only."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import get_args

from eventsourcing.persistence import StoredEvent
from redis import Redis
from sqlalchemy import update

from banks.circuits import FAILURES_MAX, PAUSE_S, Operation
from banks.gate import Gate
from banks.pace import Pace
from banks.shared_state import SharedState
from projections import PROJECTIONS
from projections.database import open_database
from projections.tables import serving
from tests.web.stage import OPERATOR_KEYS, Clock, Stage, said, services, settings

SAMPLE = re.compile(r'([a-z_]+)(?:\{([a-z]+)="([a-z_]+)"(?:,operation="([a-z]+)")?\})? (\d+)')


def _samples(text: str) -> dict[tuple[str, str], int]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    found = [SAMPLE.fullmatch(line) for line in lines]
    assert all(found)
    return {(one[1], " ".join(filter(None, (one[3], one[4])))): int(one[5]) for one in found if one}


def test_lag_and_what_is_set_aside_are_told(stage: Stage) -> None:
    stage.shop()
    head = stage.services.ledger.head()
    behind = _samples(stage.ask("GET", "/metrics", bearer=OPERATOR_KEYS["admin"]).text)
    assert behind["socai_log_head", ""] == head
    assert {behind["socai_projection_lag_events", name] for name in PROJECTIONS} == {head}
    stage.services.ledger.recorder.insert_events([StoredEvent("po_x", 1, "payout.levitated", b"{}")])
    stage.project()
    answer = stage.ask("GET", "/metrics", bearer=OPERATOR_KEYS["admin"])
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    followed = _samples(answer.text)
    assert {followed["socai_projection_lag_events", name] for name in PROJECTIONS} == {0}
    assert {followed["socai_projection_follows", name] for name in PROJECTIONS} == {1}
    assert followed["socai_set_aside_events", "payouts"] == 1
    families = [line.split()[2] for line in answer.text.splitlines() if line.startswith("# TYPE")]
    assert sorted(families) == sorted({name for name, _ in followed})


def test_a_projection_that_stands_is_told(stage: Stage) -> None:
    stage.project()
    database = open_database(stage.services.settings.read_tables_url)
    place = serving(PROJECTIONS["payments"]).place
    database.write(lambda connection: connection.execute(update(place).values(definition="older")))
    database.close()
    assert (
        _samples(stage.ask("GET", "/metrics", bearer=OPERATOR_KEYS["admin"]).text)[
            "socai_projection_follows", "payments"
        ]
        == 0
    )


def test_how_calls_of_a_bank_go_is_told(event_store_url: str, sqlite_url: str, redis_url: str) -> None:
    clock = Clock()
    stage = Stage(services(settings(event_store_url, sqlite_url, redis_url=redis_url), clock), clock)
    stage.project()
    worker = Redis.from_url(redis_url)
    gate = Gate("acb", Pace(), SharedState(worker, clock), clock)
    for _ in range(FAILURES_MAX):
        gate.tell("history", has_answered=False)
    told = _samples(stage.ask("GET", "/metrics", bearer=OPERATOR_KEYS["admin"]).text)
    assert {name: value for (family, name), value in told.items() if family == "socai_bank_circuit"} == {
        f"acb {operation}": 2 if operation == "history" else 0 for operation in get_args(Operation)
    }
    ready = stage.ask("GET", "/ready")
    assert (ready.status_code, said(ready)["banks"]) == (200, {"acb": {"history": "open"}})
    clock.passed += timedelta(seconds=PAUSE_S)
    assert said(stage.ask("GET", "/ready"))["banks"] == {"acb": {"history": "half_open"}}
    gate.tell("history", has_answered=True)
    assert said(stage.ask("GET", "/ready"))["banks"] == {}
    worker.close()
    stage.services.redis.close()
    stage.services.ledger.close()


def test_it_is_not_for_merchants_or_strangers(stage: Stage) -> None:
    shop = stage.shop()
    assert stage.ask("GET", "/metrics").status_code == 401
    assert stage.ask("GET", "/metrics", bearer=shop.keys["owner"]).status_code == 403
