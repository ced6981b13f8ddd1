"""A real MongoDB replica set of one or more nodes on loopback, in a directory of its own.

with ReplicaSet(directory, nodes=3) as mongo:
    mongo.url                  # mongodb://127.0.0.1:p1,.../?replicaSet=rs0
    mongo.primary().kill()     # nodes can be killed, paused, resumed and started again on their data
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from local.found import mongod
from local.processes import NotReady, Process, free_port

_NOT_YET_INITIATED = 94
_Document = dict[str, Any]  # what a MongoDB server answers has no fixed type


class Node(Process):
    """One mongod. `start()` returns when it answers, with the data of its directory."""

    def __init__(self, directory: Path, port: int, parameters: Mapping[str, str]) -> None:
        self.port = port
        self.data = directory / "data"
        command = [str(mongod()), "--replSet", "rs0", "--bind_ip", "127.0.0.1", "--port", str(port)]
        command += ["--dbpath", str(self.data), "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64"]
        # A socket file is of no use here, and its path would be too long in a deep directory.
        command += ["--nounixsocket", "--quiet", "--setParameter", "diagnosticDataCollectionEnabled=false"]
        # Our clients find a new primary by themselves; the default keeps a stopping one for 15 seconds.
        command += ["--setParameter", "shutdownTimeoutMillisForSignaledShutdown=500"]
        command += [part for name, value in parameters.items() for part in ("--setParameter", f"{name}={value}")]
        super().__init__(f"mongod:{port}", command, directory / "mongod.log")

    def start(self) -> Self:
        self.launch()
        self.wait_until(self.answers)
        return self

    def launch(self) -> Self:
        """Start without waiting, so that several nodes come up side by side."""
        self.data.mkdir(parents=True, exist_ok=True)
        super().start()
        return self

    def answers(self) -> bool:
        """Whether this node answers at all, whatever its role."""
        return bool(self.ask("ping"))

    def is_primary(self) -> bool:
        """Whether this node takes writes now."""
        return bool(self.ask("hello").get("isWritablePrimary"))

    def has_the_data(self) -> bool:
        """Whether this node is past its first copy of the data: before that it neither votes nor can be elected."""
        hello = self.ask("hello")
        return bool(hello.get("isWritablePrimary") or hello.get("secondary"))

    def step_down(self, for_s: int = 10) -> None:
        """Have this primary give up its role for `for_s` seconds; does nothing when it is none."""
        self.ask("replSetStepDown", for_s, secondaryCatchUpPeriodSecs=min(2, for_s - 1), force=True)

    def ask(self, command: str, value: object = 1, **options: object) -> _Document:
        """The answer to one admin command sent to this very node; empty when it is not there (or in no set) yet."""
        url = f"mongodb://127.0.0.1:{self.port}/?directConnection=true"
        with MongoClient[_Document](url, serverSelectionTimeoutMS=300, socketTimeoutMS=5_000) as client:
            try:
                return client.admin.command({command: value, **options})
            except OperationFailure as refused:
                if refused.code == _NOT_YET_INITIATED:
                    return {}
                raise
            except PyMongoError:
                return {}


class ReplicaSet:
    """`nodes` mongods as replica set rs0 under `directory`.

    `ports` are taken when free (any free ones otherwise); `parameters` go to `--setParameter`; a lower
    `election_ms` makes failover tests quicker.
    """

    def __init__(
        self,
        directory: Path,
        *,
        nodes: int = 1,
        ports: tuple[int, ...] = (),
        parameters: Mapping[str, str] | None = None,
        election_ms: int = 2_000,
    ) -> None:
        wanted: list[int | None] = [*ports, *[None] * nodes]
        self._election_ms = election_ms
        self.nodes = [Node(directory / f"n{i}", free_port(wanted[i]), parameters or {}) for i in range(nodes)]

    @property
    def url(self) -> str:
        """URL of the whole set, without a database name."""
        return f"mongodb://{','.join(f'127.0.0.1:{node.port}' for node in self.nodes)}/?replicaSet=rs0"

    def url_of(self, database: str) -> str:
        """URL of one database on the whole set."""
        return self.url.replace("/?", f"/{database}?")

    def start(self) -> Self:
        """Start every node, form the set where it is new, and wait for a primary."""
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait_until(node.answers)
        self._form()
        for node in self.nodes:
            node.wait_until(node.has_the_data)
        self.wait_for_primary()
        return self

    def _form(self) -> None:
        """Initiate the set, or tell it its ports of today where the data remembers others."""
        first = self.nodes[0]
        members = [{"_id": i, "host": f"127.0.0.1:{node.port}"} for i, node in enumerate(self.nodes)]
        config: _Document = first.ask("replSetGetConfig").get("config", {})
        if not config:
            settings = {"electionTimeoutMillis": self._election_ms, "heartbeatIntervalMillis": self._election_ms // 2}
            first.ask("replSetInitiate", {"_id": "rs0", "members": members, "settings": settings})
        elif [member["host"] for member in config["members"]] != [member["host"] for member in members]:
            moved = config | {"members": members, "version": config["version"] + 1}
            first.ask("replSetReconfig", moved, force=True)

    def wait_for_primary(self, *, within_s: float = 30.0) -> Node:
        """The node that takes writes, as soon as there is one. Raises NotReady when none is elected in time."""
        witness = next((node for node in self.nodes if node.running), None)
        if witness is None:
            raise NotReady("No node of the replica set is running.")
        witness.wait_until(lambda: self._primary() is not None, within_s=within_s)
        return self.primary()

    def primary(self) -> Node:
        """The node that takes writes now; raises NotReady when there is none."""
        primary = self._primary()
        if primary is None:
            raise NotReady("The replica set has no primary now.")
        return primary

    def secondaries(self) -> list[Node]:
        """Every other node than the one that takes writes now; raises NotReady when none does."""
        primary = self.primary()
        return [node for node in self.nodes if node is not primary]

    def _primary(self) -> Node | None:
        return next((node for node in self.nodes if node.running and node.is_primary()), None)

    def stop(self) -> None:
        """Stop every node."""
        for node in self.nodes:
            node.stop()

    def kill(self) -> None:
        """Kill every node at once."""
        for node in self.nodes:
            node.kill()

    def pause(self) -> None:
        """Freeze every node."""
        for node in self.nodes:
            node.pause()

    def resume(self) -> None:
        """Let every frozen node go on."""
        for node in self.nodes:
            node.resume()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.kill()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
