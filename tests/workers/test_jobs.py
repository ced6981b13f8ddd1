"""Jobs: registered functions and ids only, one queue a worker, rung again when lost."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import redis
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from rq.utils import now

from ledger.errors import QueueUnavailable
from ledger.payouts import ANSWER_WITHIN, ASKING_ENDS
from local.processes import free_port
from tests.workers.world import ASK, BANK_ACCOUNT, PAY, PAYEE, WEBHOOKS, World, waiting
from workers.jobs import (
    CHECKS,
    JOBS,
    Bell,
    JobFailed,
    KnownJob,
    QueueWorker,
    Ring,
    TwoQueues,
    assert_one_queue,
    perform,
    queue_names,
)
from workers.payouts import SEND_WITHIN

SEND = Ring(queue=PAY, job="submit_payout", ids=("po_1",))


def fetched(world: World, ring: Ring) -> Job:
    return KnownJob.fetch(ring.job_id, connection=world.parts.redis, serializer=JSONSerializer)


def test_there_is_a_queue_to_pay_and_one_to_ask_for_each_bank_and_one_each_for_webhooks_and_checks(
    world: World,
) -> None:
    assert queue_names(world.parts.banks.values()) == [ASK, PAY, CHECKS, WEBHOOKS]


@pytest.mark.parametrize("names", [[], [PAY, ASK], [PAY, PAY], ["bank.none.pay"], ["default"]])
def test_a_worker_told_other_than_one_of_our_queues_refuses_to_start(world: World, names: list[str]) -> None:
    known = queue_names(world.parts.banks.values())
    with pytest.raises(TwoQueues):
        assert_one_queue(names, known)
    with pytest.raises(TwoQueues):
        QueueWorker(names, known, world.parts.redis)


def test_a_job_stands_in_redis_as_json_with_ids_only(world: World) -> None:
    payout_id = world.request_payout(world.funded_merchant())
    world.schedule()
    (job_id,) = waiting(world, PAY)
    raw = world.parts.redis.hget(f"rq:job:{job_id.decode()}", "data")
    assert json.loads(fetched(world, Ring(queue=PAY, job="submit_payout", ids=(payout_id,))).data) == [
        "submit_payout",
        None,
        [payout_id],
        {},
    ]
    assert raw is not None
    for key in world.parts.redis.scan_iter():
        kept = world.parts.redis.dump(key) or b""
        for canary in (PAYEE, "NGUYEN VAN A", "Tra luong", "1000000"):
            assert canary.encode() not in kept


def test_a_bank_job_has_no_retry(world: World) -> None:
    world.bell.ring(SEND)
    job = fetched(world, SEND)
    assert job.retries_left is None
    assert job.timeout == JOBS["submit_payout"].limit_s


def test_the_same_occasion_is_rung_once_and_another_again(world: World) -> None:
    assert world.bell.ring(SEND)
    assert not world.bell.ring(SEND)
    assert world.bell.ring(Ring(queue=PAY, job="submit_payout", ids=("po_1",), slot="2"))
    assert world.bell.ring(Ring(queue=PAY, job="submit_payout", ids=("po_2",)))
    assert len(waiting(world, PAY)) == 3


def test_a_job_that_lost_its_worker_or_its_place_is_rung_again(world: World) -> None:
    world.bell.ring(SEND)
    world.parts.redis.delete(f"rq:queue:{PAY}")  # taken by a worker that died
    assert not world.bell.ring(SEND)
    job = fetched(world, SEND)
    job.enqueued_at = now() - timedelta(seconds=JOBS["submit_payout"].limit_s + 61)
    job.save()
    assert world.bell.ring(SEND)
    assert len(waiting(world, PAY)) == 1


def test_a_failed_job_is_rung_again_after_a_pause(world: World) -> None:
    world.bell.ring(SEND)
    world.work(PAY)  # there is no such payout
    job = fetched(world, SEND)
    assert job.get_status() == JobStatus.FAILED
    assert not world.bell.ring(SEND)
    job = fetched(world, SEND)
    job.ended_at = now() - timedelta(seconds=31)
    job.save()
    assert world.bell.ring(SEND)


def test_what_is_kept_of_a_failed_job_quotes_nothing(world: World) -> None:
    world.bell.ring(SEND)
    world.work(PAY)
    result = fetched(world, SEND).latest_result()
    assert result is not None
    assert "JobFailed: payout-not-found at" in str(result.exc_string)
    assert "po_1" not in str(result.exc_string)


def test_a_job_that_is_done_leaves_nothing_once_it_is_forgotten(world: World) -> None:
    ring = Ring(queue=ASK, job="poll_statement", ids=(BANK_ACCOUNT, "2026-11-23"))
    world.bell.ring(ring)
    world.work(ASK)
    assert not world.parts.redis.exists(f"rq:job:{ring.job_id}")
    assert world.bell.ring(ring)


def test_a_function_named_in_redis_that_is_no_job_is_not_run(world: World) -> None:
    ring = Ring(queue=PAY, job="submit_payout", ids=("po_1",))
    world.bell.ring(ring)
    planted = json.dumps(["os.putenv", None, ["SOCAI_CANARY", "1"], {}])
    key = f"rq:job:{ring.job_id}"
    job = fetched(world, ring)
    world.parts.redis.hset(key, "data", planted)
    world.parts.redis.hset(key, "success_callback_name", "os.putenv")
    world.work(PAY)
    assert fetched(world, ring).get_status() == JobStatus.FAILED
    assert job.success_callback is None
    with pytest.raises(LookupError):
        perform("os.putenv", "SOCAI_CANARY", "1")


def test_an_argument_that_is_no_id_is_not_run(world: World) -> None:
    with pytest.raises(LookupError):
        perform("submit_payout", json.loads("[1]"))
    with pytest.raises(JobFailed):
        perform("submit_payout", "po_1")


def test_ringing_without_redis_is_a_problem_of_ours() -> None:
    bell = Bell(redis.Redis(port=free_port(), socket_connect_timeout=1))
    with pytest.raises(QueueUnavailable):
        bell.ring(SEND)
    with pytest.raises(QueueUnavailable):
        bell.ring_all([SEND])


def test_the_time_limit_of_a_job_lies_above_the_calls_it_makes() -> None:
    token, order = 2 * 45, 45  # banks.transport.Limits.call_s; a read is tried twice
    assert JOBS["submit_payout"].limit_s >= SEND_WITHIN.total_seconds() + 2 * (token + order)
    assert JOBS["deliver_webhook"].limit_s > 10
    assert timedelta(seconds=JOBS["enquire_payout"].remembered_s) > timedelta(hours=1) > ANSWER_WITHIN
    assert timedelta(days=1) == ASKING_ENDS


def test_a_sender_is_broken_off_before_anybody_asks_about_its_payout() -> None:
    assert timedelta(seconds=JOBS["submit_payout"].limit_s) < ANSWER_WITHIN
