"""The worker processes as they are started: refused when told nonsense, ended gently, killed without harm."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from eventsourcing.persistence import StoredEvent

from ledger.money import Money
from ledger.payouts import ANSWER_WITHIN
from local.redis import RedisServer
from projections.places import heads, piles, position_of
from tests.story import MASTER_KEY
from tests.workers.world import ASK, PAY, PAYEE, WEBHOOKS, World, eventually, waiting
from workers.jobs import CHECKS, Ring
from workers.parts import connect
from workers.scheduler import Scheduler

ROOT = Path(__file__).parents[2]


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "workers", *words]


def ran(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("SOCAI_", "EVENT_", "READ_"))
    }
    return subprocess.run(
        command(*words), cwd=ROOT, env=inherited | environment, capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def running(world: World, log: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process; killed at the end if it still runs."""
    with log.open("ab") as errors:
        process = subprocess.Popen(command(*words), cwd=ROOT, env=os.environ | world.environment, stderr=errors)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def ended(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(30)


@pytest.mark.parametrize(
    "words",
    [
        *(
            [],
            ["nonsense"],
            ["projector", "twice"],
            ["retry"],
            ["retry", "projector"],
            ["retry", "reactor", "--stream"],
        ),
        *(["replay", "acb"], ["replay", "--bank"]),
    ],
)
def test_other_words_are_answered_with_the_usage(words: list[str]) -> None:
    done = ran({}, *words)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: python -m workers")


def test_an_incomplete_environment_is_answered_with_everything_that_is_missing() -> None:
    done = ran({}, "projector")
    assert done.returncode == 2
    for name in ("EVENT_STORE_URL", "READ_TABLES_URL", "REDIS_URL", "SOCAI_MASTER_KEY", "SOCAI_BANK_ACCOUNTS"):
        assert name in done.stderr


def test_a_url_with_a_bare_stroke_in_its_password_is_a_sentence_without_it() -> None:
    chosen = {
        "EVENT_STORE_URL": "mongodb://socai:se/cret@mongodb:27017/socai",
        "READ_TABLES_URL": "sqlite:///unused.db",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SOCAI_MASTER_KEY": b64encode(MASTER_KEY).decode(),
        "SOCAI_BANK_ACCOUNTS": "unused.json",
    }
    done = ran(chosen, "projector")
    assert done.returncode == 2
    assert done.stderr.startswith("EVENT_STORE_URL is not a MongoDB connection string")
    assert "cret" not in done.stderr


def test_queues_are_printed_one_a_line(world: World) -> None:
    done = ran(world.environment, "queues")
    assert done.stdout.splitlines() == [ASK, PAY, CHECKS, WEBHOOKS]
    assert done.returncode == 0


@pytest.mark.parametrize("queues", [[], [PAY, ASK], ["default"]])
def test_a_worker_told_other_than_one_queue_refuses_to_start(world: World, queues: list[str]) -> None:
    done = ran(world.environment, "run", *queues)
    assert done.returncode == 2
    assert "exactly one queue" in done.stderr


def test_what_the_reactor_has_set_aside_is_retried_while_it_runs(world: World, tmp_path: Path) -> None:
    world.merchant()
    log = tmp_path / "log"
    with running(world, log, "reactor") as reactor:
        eventually(lambda: position_of(world.parts.reader, "reactor"))
        world.parts.ledger.recorder.insert_events([StoredEvent("po_new", 1, "payout.levitated", b"{}")])
        eventually(lambda: piles(world.parts.reader).get("reactor"))
        done = ran(world.environment, "retry", "reactor")
        assert (done.returncode, done.stdout) == (1, "reactor: 0 events taken in, 1 still set aside.\n")
        assert heads(world.parts.reader, 9)[0].attempts == 2
        done = ran(world.environment, "retry", "reactor", "--stream", "po_other")
        assert done.returncode == 2
        assert "Nothing of this stream is set aside" in done.stderr
        assert ended(reactor) == 0
    errors = [line for line in map(json.loads, log.read_text().splitlines()) if line["level"] == "error"]
    assert len(errors) == 1
    assert "payout.levitated po_new@1" in errors[0]["message"]


def test_all_processes_together_pay_out_and_end_gently(world: World, tmp_path: Path) -> None:
    merchant_id = world.funded_merchant()
    log = tmp_path / "log"
    with (
        running(world, log, "projector") as projector,
        running(world, log, "reactor") as reactor,
        running(world, log, "scheduler") as scheduler,
        running(world, log, "run", PAY) as pay,
        running(world, log, "run", ASK) as ask,
    ):
        payout_id = world.request_payout(merchant_id)
        eventually(lambda: world.payout(payout_id).status in ("accepted", "confirmed"))
        eventually(lambda: world.payout(payout_id).executed or world.payout(payout_id).shown_on_statement)
        assert [ended(process) for process in (projector, reactor, scheduler, pay, ask)] == [0] * 5
    lines = log.read_text().splitlines()
    assert all(json.loads(line)["level"] != "error" for line in lines), log.read_text()
    for canary in (PAYEE, "NGUYEN VAN A", "Tra luong", world.environment["SOCAI_MASTER_KEY"]):
        assert canary not in log.read_text()


def test_a_worker_told_to_stop_finishes_its_job_first(world: World, tmp_path: Path) -> None:
    payout_id = world.request_payout(world.funded_merchant())
    world.control("/next-order", {"fault": "slow", "seconds": 2})
    world.bell.ring(Ring(queue=PAY, job="submit_payout", ids=(payout_id,)))
    with running(world, tmp_path / "log", "run", PAY) as worker:
        eventually(lambda: world.received(payout_id))
        assert world.payout(payout_id).status == "submitted"
        assert ended(worker) == 0
    assert world.payout(payout_id).status == "accepted"


def test_a_worker_outlives_a_redis_that_goes_away_and_comes_back_empty(world: World, tmp_path: Path) -> None:
    merchant_id = world.funded_merchant()
    with RedisServer(tmp_path / "redis") as server:
        parts = replace(world.parts, redis=connect(server.url))
        world.environment["REDIS_URL"] = server.url
        with running(world, tmp_path / "log", "run", PAY) as worker:
            eventually(lambda: parts.redis.scard("rq:workers") == 1)
            server.stop()
            server.start()
            payout_id = world.request_payout(merchant_id)
            world.project()
            Scheduler(parts).tick()
            eventually(lambda: world.payout(payout_id).status in ("accepted", "confirmed"))
            assert ended(worker) == 0
        parts.redis.close()
    assert world.received(payout_id) == 1


def submitted(world: World, payout_id: str) -> bool:
    return world.payout(payout_id).status == "submitted"


def received(world: World, payout_id: str) -> bool:
    return world.received(payout_id) > 0


@pytest.mark.parametrize("moment", [submitted, received])
def test_a_worker_killed_between_record_and_answer_never_leads_to_a_second_order(
    world: World, tmp_path: Path, moment: object
) -> None:
    merchant_id = world.funded_merchant()
    payout_id = world.request_payout(merchant_id)
    world.control("/next-order", {"fault": "slow", "seconds": 5})  # slower than a worker starts again
    ring = Ring(queue=PAY, job="submit_payout", ids=(payout_id,))
    world.bell.ring(ring)
    with running(world, tmp_path / "log", "run", PAY) as worker:
        eventually(lambda: moment(world, payout_id))  # type: ignore[operator]  # one of the two functions above
        worker.send_signal(signal.SIGKILL)
    world.parts.redis.flushall()
    world.bell.ring(ring)
    with running(world, tmp_path / "log", "run", PAY) as worker:
        eventually(lambda: not waiting(world, PAY))
        assert ended(worker) == 0
    assert world.payout(payout_id).status == "submitted"
    world.advance(seconds=ANSWER_WITHIN.total_seconds() + 1)
    world.round()
    stored = world.control("/orders")
    assert len(stored) <= 1
    if stored:
        world.booked(payout_id)
        world.round()
        assert world.payout(payout_id).status == "confirmed"
        assert world.received(payout_id) == 1
    else:
        assert world.payout(payout_id).status == "unknown"
        for _ in range(4):
            world.advance(minutes=15)
            world.round()
        assert world.payout(payout_id).status == "failed"
        assert world.available(merchant_id).held == Money(0)
