"""Alive is one thing, ready another; a part that is away is named."""

from __future__ import annotations

import secrets
from contextlib import closing
from dataclasses import replace

from eventsourcing.persistence import StoredEvent
from redis import Redis
from sqlalchemy import update
from sqlalchemy.schema import DropTable

from ledger.store import Ledger
from projections import PROJECTIONS
from projections.database import open_reader
from projections.follower import run_round
from projections.merchants import MERCHANTS
from tests.story import START
from tests.web.stage import NOWHERE, Clock, Stage, said, services, settings

NO_MONGO = "mongodb://127.0.0.1:9/socai?replicaSet=rs0&timeoutMS=300"
NO_MYSQL = (
    "mysql+mysqlconnector://u:p@127.0.0.1:9/socai?charset=utf8mb4&collation=utf8mb4_unicode_520_ci&connection_timeout=1"
)


def test_it_is_ready_when_every_part_is_there(event_store_url: str, sqlite_url: str, redis_url: str) -> None:
    clock = Clock()
    stage = Stage(services(settings(event_store_url, sqlite_url, redis_url=redis_url), clock), clock)
    stage.project()
    stage.shop()
    answer = stage.ask("GET", "/ready")
    assert answer.status_code == 200
    assert "Retry-After" not in answer.headers
    body = said(answer)
    assert body["parts"] == {"event_store": "ok", "read_tables": "ok", "redis": "ok"}
    assert set(body["lag"]) == set(PROJECTIONS)
    assert set(body["lag"].values()) == {body["position"]}
    stage.project()
    assert set(said(stage.ask("GET", "/ready"))["lag"].values()) == {0}
    stage.services.redis.close()
    stage.services.ledger.close()


def test_each_part_that_is_away_is_named(stage: Stage) -> None:
    healthy = stage.services
    away = replace(
        healthy,
        ledger=Ledger.open(settings(NO_MONGO, NO_MYSQL), secrets.token_bytes),
        reader=open_reader(NO_MYSQL),
        redis=Redis.from_url(NOWHERE, socket_timeout=1, socket_connect_timeout=1),
    )
    answer = Stage(away, stage.clock).ask("GET", "/ready")
    assert answer.status_code == 503
    assert said(answer)["parts"] == {
        "event_store": "event-store-unavailable",
        "read_tables": "read-tables-unavailable",
        "redis": "queue-unavailable",
    }
    assert said(Stage(away, stage.clock).ask("GET", "/live")) == {"status": "ok"}


def test_while_redis_is_away_it_says_when_to_ask_again(stage: Stage) -> None:
    answer = stage.ask("GET", "/ready")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "2"
    assert said(answer)["status"] == "away"
    assert said(answer)["parts"] == {"event_store": "ok", "read_tables": "ok", "redis": "queue-unavailable"}


def test_what_is_set_aside_is_shown_to_operators_and_told_to_who_reads(stage: Stage) -> None:
    shop = stage.shop()
    stage.project()
    clean = stage.ask("GET", "/v1/payouts", bearer=shop.keys["owner"])
    assert "Socai-Set-Aside" not in clean.headers
    stage.services.ledger.recorder.insert_events([StoredEvent("po_x", 1, "payout.levitated", b"{}")])
    stage.services.ledger.recorder.insert_events([StoredEvent("po_x", 2, "payout.levitated", b"{}")])
    stage.project()
    body = said(stage.ask("GET", "/ready"))
    assert body["set_aside"].keys() == {"payouts", "statement_lines", "webhooks"}
    assert body["set_aside"]["payouts"] == {"events": 2, "streams": 1, "oldest_at": "2026-11-23T02:00:00Z"}
    assert (body["stopped"], body["cures"]) == ([], {})
    assert stage.ask("GET", "/v1/payouts", bearer=shop.keys["owner"]).headers["Socai-Set-Aside"] == "2"
    assert "Socai-Set-Aside" not in stage.ask("GET", "/v1/payment-intents", bearer=shop.keys["owner"]).headers


def test_what_stands_still_is_named_with_its_cure(stage: Stage) -> None:
    stage.shop()
    stage.project()
    with closing(stage.database) as database:
        outdated = update(PROJECTIONS["payouts"].place).values(definition="0" * 64)
        database.write(lambda connection: connection.execute(outdated))
        database.write(lambda connection: connection.execute(DropTable(MERCHANTS)))
        stage.shop()
        while run_round(stage.services.ledger, database, START).applied:
            pass
    body = said(stage.ask("GET", "/ready"))
    assert body["parts"]["read_tables"] == "ok"
    assert body["stopped"] == ["merchants", "payouts"]
    assert body["cures"] == {name: f"python -m projections rebuild {name}" for name in ("merchants", "payouts")}
    assert body["lag"]["merchants"] > 0 == body["lag"]["payments"]
