"""The parts of the local stage, in the order they come up: servers, the simulated bank, then Socai's own processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from local.environment import DATABASE, EVENTS, Stage, bank_addresses, mysql_password, uses
from local.found import mysqld
from local.mongodb import ReplicaSet
from local.mysql import SqlServer
from local.processes import NotReady, Process, accepts, listens, tail
from local.redis import RedisServer

MARK = "SOCAI_STAGE"
"""In the environment of every process of a stage, so that `down` can tell its own from all others."""

STEADY_S = 1.5
"""Long enough for a program of ours to import everything and meet its servers."""


@dataclass
class Part:
    """Something that shall run: its processes and how to see that it is ready.

    Where nothing can be asked, running for `steady_s` seconds has to be enough: a program that cannot work ends sooner.
    """

    name: str
    processes: list[Process]
    start: Callable[[], object]
    ready: Callable[[], bool] = lambda: True
    steady_s: float = 0.0

    @property
    def running(self) -> bool:
        return all(process.running for process in self.processes)


def servers(stage: Stage, values: Mapping[str, str]) -> list[Part]:
    """The servers this stage runs itself; those the user gave are left alone."""
    found = []
    if uses(values, "mongodb"):
        mongo = ReplicaSet(stage.run / "mongodb", ports=(int(values["SOCAI_LOCAL_MONGO_PORT"]),))
        found.append(Part("mongodb", list(mongo.nodes), mongo.start))
    if uses(values, "mysql"):
        port = int(values["SOCAI_LOCAL_MYSQL_PORT"])
        sql = SqlServer(stage.run / "mysql", password=mysql_password(stage), port=port, binary=mysqld(values))
        found.append(Part("mysql", [sql], lambda: _with_schemas(sql)))
    if uses(values, "redis"):
        redis = RedisServer(stage.run / "redis", port=int(values["SOCAI_LOCAL_REDIS_PORT"]))
        found.append(Part("redis", [redis], redis.start))
    return found


def _with_schemas(sql: SqlServer) -> None:
    sql.start()
    for schema in (DATABASE, EVENTS):
        sql.create_schema(schema)


def programs(stage: Stage, values: Mapping[str, str]) -> Iterator[Part]:
    """The committer, the web, the simulated bank, the followers of the log, and one worker process for each queue.

    One by one: each begins to start while the names of the queues are asked for.
    """
    ports = (address.rpartition(":")[2] for address in bank_addresses(values).values())
    lab = [int(port) for port in (values["SOCAI_SIMULATOR_CONTROL_PORT"], *ports)]
    web = values["SOCAI_PUBLIC_URL"]
    if committer := values["EVENT_STORE_COMMITTER"]:
        yield program(stage, values, "committer", "ledger", "committer", ready=lambda: accepts(Path(committer)))
    yield program(stage, values, "web", "web", ready=lambda: answers(f"{web}/ready"))
    yield program(stage, values, "simulator", "banks.simulator", "serve", ready=lambda: all(map(listens, lab)))
    for verb in ("projector", "reactor", "scheduler"):
        yield program(stage, values, verb, "workers", verb)
    for queue in one_shot(stage, values, "queues", "workers", "queues").split():
        yield program(stage, values, f"worker-{queue}", "workers", "run", queue)


def program(
    stage: Stage, values: Mapping[str, str], name: str, *module: str, ready: Callable[[], bool] | None = None
) -> Part:
    """One of our own processes: `python -m` with these words."""
    process = Process(name, [sys.executable, "-m", *module], stage.log(name), environment=whole(stage, values))
    if ready is None:
        return Part(name, [process], process.start, steady_s=STEADY_S)
    return Part(name, [process], process.start, ready)


def enrol(stage: Stage, values: Mapping[str, str]) -> None:
    """Let the simulated banks take us on: they write their side and ours. An enrolment for these addresses is kept."""
    addresses = bank_addresses(values)
    if all(_is_enrolled(Path(values["SOCAI_BANK_KEYS"]), bank, address) for bank, address in addresses.items()):
        return
    words = [word for bank, address in addresses.items() for word in ("--bank", f"{bank}={address}")]
    one_shot(stage, values, "enrol", "banks.simulator", "enrol", "--keys", values["SOCAI_BANK_KEYS"], *words)


def _is_enrolled(keys: Path, bank: str, address: str) -> bool:
    """Whether a bank has taken us on at this address, and our file says so: asked here, because asking there takes a
    process.
    """
    ours, theirs = keys / "accounts.json", keys / bank / "simulator.json"
    if not (ours.is_file() and theirs.is_file()):
        return False
    rows: list[dict[str, str]] = json.loads(ours.read_text())["bank_accounts"]
    return any(row["bank"] == bank and row["base_url"].startswith(f"{address}/") for row in rows)


def one_shot(stage: Stage, values: Mapping[str, str], name: str, *module: str) -> str:
    """What a short program of ours prints. Raises NotReady with the end of its log when it fails."""
    log = stage.log(name)
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", *module]
    with log.open("ab") as errors:
        done = subprocess.run(
            command,
            cwd=stage.root,
            env=whole(stage, values),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            check=False,
            timeout=60,
        )
    if done.returncode:
        raise NotReady(f"python -m {' '.join(module)} failed.\n{tail(log)}")
    return done.stdout.decode()


def whole(stage: Stage, values: Mapping[str, str]) -> dict[str, str]:
    """The environment of our processes: the caller's, with the stage's variables and its mark."""
    return {**os.environ, **values, MARK: str(stage.run), "PYTHONUNBUFFERED": "1"}


def marked(stage: Stage) -> list[int]:
    """Ids of all running processes of this stage, whoever started them (empty where there is no /proc)."""
    sign = f"{MARK}={stage.run}".encode()
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if sign in (place / "environ").read_bytes().split(b"\0") and int(place.name) != os.getpid():
                found.append(int(place.name))
        except OSError:
            continue
    return sorted(found)


def answers(url: str) -> bool:
    """Whether a GET of this loopback address is answered with 200."""
    try:
        with urlopen(url, timeout=2) as reply:  # noqa: S310  the address is our own
            return bool(reply.status == 200)
    except (URLError, OSError):
        return False
