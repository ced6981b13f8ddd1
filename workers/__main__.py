"""The door of the worker processes: `python -m workers projector | reactor | scheduler | run QUEUE`.

Each of these verbs is one process of `docker-compose.yml`; `queues` lists the queues, `retry reactor` tries again what
the reactor has set aside, and `replay` reads again what banks sent and nobody could read. SIGTERM ends a process when
what is under way is done. Logs are JSON lines on standard error.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import sys
from collections.abc import Callable, Collection
from contextlib import closing
from datetime import UTC, datetime
from threading import Event
from types import FrameType
from typing import Final

import redis

import workers
from banks.registry import bank_class
from ledger.discovery import import_all
from ledger.errors import Problem
from ledger.json_lines import log_json_lines
from ledger.settings import SettingsInvalid, read_settings
from workers import projector, replay
from workers.jobs import QueueWorker, assert_one_queue, queue_names
from workers.parts import Parts, connect, hold
from workers.reactor import NAME, Reactor
from workers.scheduler import Scheduler

USAGE: Final = (
    "usage: python -m workers projector | reactor | scheduler | run QUEUE | queues | retry reactor [--stream ID]"
    " | replay [--bank CODE]"
)
PAUSE_S: Final = 1.0
"""Pause before a worker whose Redis went away begins anew."""

log = logging.getLogger("workers")

Verb = Callable[[Parts, list[str], Event], int | None]
"""Parts, the other words, and the flag that SIGTERM sets; gives an exit code other than 0 where there is one."""


def main(words: list[str]) -> int:
    """Run one verb; the exit code (1: a retry left something set aside; 2: the words or the environment are wrong)."""
    verbs: dict[str, Verb] = {"projector": _projector, "reactor": _reactor, "scheduler": _scheduler}
    verbs |= {"run": _run, "queues": _queues, "retry": _retry, "replay": _replay}
    if not _are_known(words, verbs):
        print(USAGE, file=sys.stderr)
        return 2
    log_json_lines()
    import_all(workers)
    try:
        settings = read_settings(os.environ)
        with closing(Parts.open(settings, lambda: datetime.now(UTC), secrets.token_bytes)) as parts:
            return verbs[words[0]](parts, words[1:], _stop_flag()) or 0
    except SettingsInvalid as fault:
        print(fault, file=sys.stderr)
        return 2
    except Problem as problem:
        print(f"{problem.title}: {problem.detail}", file=sys.stderr)
        return 2


def _are_known(words: list[str], verbs: Collection[str]) -> bool:
    if words[:1] == ["retry"]:
        stream = len(words) == 4 and words[2] == "--stream"
        return words[1:2] == [NAME] and (len(words) == 2 or stream)
    if words[:1] == ["replay"]:
        return len(words) == 1 or (len(words) == 3 and words[1] == "--bank")
    return bool(words) and words[0] in verbs and (len(words) == 1 or words[0] == "run")


def _stop_flag() -> Event:
    """Set by SIGTERM and SIGINT."""
    stop = Event()
    _listen(stop)
    return stop


def _listen(stop: Event) -> None:
    def ask_to_stop(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)


def _projector(parts: Parts, words: list[str], stop: Event) -> None:
    projector.run(parts, stop)


def _reactor(parts: Parts, words: list[str], stop: Event) -> None:
    Reactor(parts).run(stop)


def _scheduler(parts: Parts, words: list[str], stop: Event) -> None:
    Scheduler(parts).run(stop)


def _retry(parts: Parts, words: list[str], stop: Event) -> int:
    """What the reactor has set aside is tried again, whether a reactor runs or not."""
    done = Reactor(parts).retry(words[2] if len(words) > 1 else None)
    print(f"{NAME}: {done.taken} events taken in, {done.left} still set aside.")
    return 1 if done.left else 0


def _replay(parts: Parts, words: list[str], stop: Event) -> int:
    """What was set aside of banks' messages is gone through again. The alarms follow within a minute."""
    bank = bank_class(words[1], field="--bank").code if words else None
    done = replay.replay(parts, bank)
    print(f"{done.read} messages read, {len(done.left)} still set aside.", *done.left, sep="\n")
    return 1 if done.left else 0


def _queues(parts: Parts, words: list[str], stop: Event) -> None:
    print("\n".join(queue_names(parts.banks.values())))


def _run(parts: Parts, words: list[str], stop: Event) -> None:
    """An RQ worker on one queue. RQ ends its loop when Redis goes away; it is begun anew until SIGTERM."""
    known = queue_names(parts.banks.values())
    assert_one_queue(words, known)
    hold(parts)
    while not stop.is_set():
        try:
            worker = QueueWorker(words, known, connect(parts.settings.redis_url))
            worker.work()
            if worker.told_to_stop:
                return
        except redis.RedisError as error:
            log.warning("waiting for Redis: %s", type(error).__name__)
        _listen(stop)  # the worker had handlers of its own
        stop.wait(PAUSE_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
