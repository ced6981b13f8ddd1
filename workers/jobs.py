"""Jobs: what RQ carries between our processes, and how it is rung. RQ is the doorbell, never the mailbox.

A job is a registered function and ids, nothing more: what is to be done, and whether still, stands in the log. It is
harmless when run twice, at once or late. Nothing depends on a job arriving: what is due is found again from the tables,
so Redis may be emptied at any time. RQ 3.0 loses jobs of a worker that listens to several queues and runs retried ones
twice when a process is killed; hence one queue for each worker, and no retry.

Jobs are run in the worker's own process, not in a fork: connections, and a bank's access token, outlive the job.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import ClassVar, Final, ParamSpec

import redis
from msgspec import Struct
from rq import Queue, SimpleWorker
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from rq.utils import now

from banks.bank import Bank
from ledger.errors import Problem, QueueUnavailable
from ledger.ids import derive
from ledger.json_lines import describe
from workers.parts import held

CHECKS: Final = "checks"
WEBHOOKS: Final = "webhooks"
FAILED_KEPT: Final = timedelta(days=7)
"""How long a failed job can be looked at."""
AGAIN_AFTER_FAILURE: Final = timedelta(seconds=30)
LOST_AFTER: Final = timedelta(seconds=60)
"""A job that did not end this long after its own time limit lost its worker, or its place in the queue."""

log = logging.getLogger(__name__)
Ids = ParamSpec("Ids")


class Registered(Struct, frozen=True):
    """A job that may be rung: its function (parts, ids…), its time limit, and how long its end is remembered.

    While it is remembered it is not rung again for the same ids and slot: an economy, on which nothing depends.
    """

    function: Callable[..., None]
    limit_s: int
    remembered_s: int


JOBS: dict[str, Registered] = {}
"""Every job by its name: what is not here cannot be run, whatever stands in Redis."""


def job(*, limit_s: int, remembered_s: int = 0) -> Callable[[Callable[Ids, None]], Callable[Ids, None]]:
    """Registers a function (parts, ids…) under its name as a job. `limit_s`: longer than any of its calls may take."""

    def register(function: Callable[Ids, None]) -> Callable[Ids, None]:
        JOBS[function.__name__] = Registered(function, limit_s, remembered_s)
        return function

    return register


class Ring(Struct, frozen=True, kw_only=True):
    """A job to ring on a queue. `slot` tells one occasion from the next (an attempt, a rung of a ladder)."""

    queue: str
    job: str
    ids: tuple[str, ...]
    slot: str = ""

    @property
    def job_id(self) -> str:
        """The same occasion has the same id."""
        return derive(self.job, *self.ids, self.slot)


def pay_queue(bank: Bank) -> str:
    """Where orders to this bank wait."""
    return f"bank.{bank.code}.pay"


def ask_queue(bank: Bank) -> str:
    """Where questions to this bank wait, so that they never stand behind orders."""
    return f"bank.{bank.code}.ask"


def queue_names(banks: Iterable[Bank]) -> list[str]:
    """Every queue there is, in alphabetical order."""
    return sorted({CHECKS, WEBHOOKS, *(name(bank) for bank in banks for name in (pay_queue, ask_queue))})


class KnownJob(Job):
    """A job that runs registered functions only: RQ alone would import and call any function named in Redis."""

    @property
    def func(self) -> Callable[..., None]:
        """The registered function of this name. Raises LookupError for any other name."""
        return partial(perform, str(self.func_name))

    @property
    def success_callback(self) -> None:
        """None: we use none."""

    @property
    def failure_callback(self) -> None:
        """None: we use none."""

    @property
    def stopped_callback(self) -> None:
        """None: we use none."""

    def send_webhooks(self, status: str | JobStatus, *, exc_string: str | None = None) -> None:
        """Sends nothing: an address from Redis is not called."""


class JobFailed(Exception):
    """A job ended by an exception. RQ keeps this one's text: it names the type and quotes nothing."""


def perform(name: str, *ids: str) -> None:
    """Run a registered job on the parts of this process. Raises LookupError, JobFailed."""
    known = JOBS.get(name)
    if known is None or not all(isinstance(id_, str) for id_ in ids):
        raise LookupError("this is not a job of ours")
    try:
        known.function(held(), *ids)
    except Exception as fault:
        log.error("%s of %s failed", name, " ".join(ids), exc_info=True)
        said = describe(fault)
        raise JobFailed(f"{said.get('problem') or said['exception']} at {said['places']}") from None
    log.info("%s of %s done", name, " ".join(ids))


class Bell:
    """Rings jobs: puts them in their queue, unless the same occasion is waiting, running or done already."""

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection

    def ring(self, ring: Ring) -> bool:
        """Whether the job was put in the queue now. Raises QueueUnavailable when Redis is out of reach."""
        try:
            return self._put(ring) or (self._is_lost(ring) and self._put(ring))
        except redis.RedisError as error:
            raise QueueUnavailable("Redis did not answer; what is due is found again from the tables.") from error

    def ring_all(self, rings: Iterable[Ring]) -> int:
        """How many were put in their queues. Raises QueueUnavailable at the first that Redis did not take."""
        return sum(map(self.ring, rings))

    def _queue(self, name: str) -> Queue:
        return Queue(name, connection=self._connection, serializer=JSONSerializer, job_class=KnownJob)

    def _put(self, ring: Ring) -> bool:
        known = JOBS[ring.job]
        try:
            self._queue(ring.queue).enqueue_call(
                ring.job,
                args=ring.ids,
                timeout=known.limit_s,
                result_ttl=known.remembered_s,
                failure_ttl=int(FAILED_KEPT.total_seconds()),
                job_id=ring.job_id,
                unique=True,
            )
        except DuplicateJobError:
            return False
        return True

    def _is_lost(self, ring: Ring) -> bool:
        """Whether the job of this occasion failed or vanished a while ago; its remains are removed then."""
        try:
            known = KnownJob.fetch(ring.job_id, connection=self._connection, serializer=JSONSerializer)
        except NoSuchJobError:
            return True
        status = known.get_status(refresh=False)
        if status == JobStatus.FINISHED:
            return False
        patience = timedelta(seconds=JOBS[ring.job].limit_s) + LOST_AFTER
        if status in (JobStatus.FAILED, JobStatus.STOPPED, JobStatus.CANCELED):
            patience = AGAIN_AFTER_FAILURE
        since = known.ended_at or known.enqueued_at
        if since is not None and now() - since < patience:
            return False
        known.delete()
        return True


class TwoQueues(Problem):
    """A worker was told to listen to several queues, or to none of ours."""

    title: ClassVar[str] = "A worker listens to exactly one queue"


def assert_one_queue(names: Sequence[str], known: Sequence[str]) -> str:
    """The one queue. Raises TwoQueues: with several, RQ 3.0 loses jobs of a killed worker without a trace."""
    if len(names) != 1 or names[0] not in known:
        raise TwoQueues(f"Name exactly one of these queues: {' '.join(known)}.", field="QUEUE")
    return names[0]


class QueueWorker(SimpleWorker):
    """An RQ worker on exactly one queue that runs registered jobs only, one after the other, in this process."""

    def __init__(self, queues: Sequence[str], known: Sequence[str], connection: redis.Redis) -> None:
        name = assert_one_queue(queues, known)
        super().__init__([name], connection=connection, serializer=JSONSerializer, job_class=KnownJob)
        self.told_to_stop = False

    def handle_warm_shutdown_request(self) -> None:
        """SIGTERM or SIGINT: the job under way is finished, then the worker ends."""
        self.told_to_stop = True
