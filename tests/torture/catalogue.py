"""Every trial by name: what it shows, on which stores it runs, and how it is run at either length."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from local.mongodb import ReplicaSet
from local.mysql import SqlServer
from tests.torture import (
    committed,
    conflicts,
    disturbed,
    failover,
    feeds,
    full_disk,
    held,
    kills,
    model,
    on_mysql,
    outages,
    projector_kills,
    read_tables_full_disk,
    read_tables_outages,
    rebuild_in_use,
    rebuild_kills,
    transfers,
)
from tests.torture.servers import STORES, Servers
from tests.torture.trial import Bench, Report

Run = Callable[[Servers, Bench, bool], Report]


class Trial(NamedTuple):
    """One trial. `letter` is its name in the list of what shows the log to be right."""

    name: str
    letter: str
    about: str
    stores: tuple[str, ...]
    perform: Run

    def run(self, servers: Servers, store: str, records: Path, seed: int, *, short: bool) -> Report:
        """Run it on a fresh log. Raises Violated."""
        own = self.name in OWN_SERVERS
        url = "" if own else servers.fresh_log(store)
        return self.perform(servers, Bench(self.name, store, url, records, seed), short)


OWN_SERVERS = {failover.NAME, outages.NAME, full_disk.NAME, on_mysql.NAME}
"""Trials that hurt their servers and so have their own."""


def _feeds(_: Servers, bench: Bench, short: bool) -> Report:
    return feeds.run(bench, f"sqlite:///{bench.directory / 'read.db'}", feeds.SHORT if short else feeds.FULL)


def _conflicts(_: Servers, bench: Bench, short: bool) -> Report:
    return conflicts.run(bench, conflicts.SHORT if short else conflicts.FULL)


def _held(_: Servers, bench: Bench, short: bool) -> Report:
    return held.run(bench, held.SHORT if short else held.FULL)


def _failover(servers: Servers, bench: Bench, short: bool) -> Report:
    with ReplicaSet(servers.directory / "three", nodes=3, election_ms=failover.ELECTION_MS) as mongo:
        own = bench._replace(url=mongo.url_of("torture"))
        return disturbed.run(own, failover.faults_of(mongo), failover.SHORT if short else failover.FULL)


def _outages(servers: Servers, bench: Bench, short: bool) -> Report:
    with SqlServer(servers.directory / "hurt", password=secrets.token_hex(16)) as sql:
        own = bench._replace(url=sql.create_schema("torture"))
        return disturbed.run(own, outages.faults_of(sql), outages.SHORT if short else outages.FULL)


def _kills(_: Servers, bench: Bench, short: bool) -> Report:
    return kills.run(bench, kills.SHORT if short else kills.FULL)


def _committed(_: Servers, bench: Bench, short: bool) -> Report:
    return committed.run(bench, committed.SHORT if short else committed.FULL)


def _full_disk(_: Servers, bench: Bench, short: bool) -> Report:
    return full_disk.run(bench, 1 if short else 3)


def _model(_: Servers, bench: Bench, short: bool) -> Report:
    return model.run(bench, model.SHORT if short else model.FULL)


def _on_mysql(_: Servers, bench: Bench, short: bool) -> Report:
    return on_mysql.run(bench, on_mysql.server(), on_mysql.SHORT if short else on_mysql.FULL)


def _projector_kills(servers: Servers, bench: Bench, short: bool) -> Report:
    full = projector_kills.FULL if bench.store == "mongodb" else projector_kills.FEWER
    return projector_kills.run(bench, servers.fresh_tables(), projector_kills.SHORT if short else full)


def _read_tables_outages(servers: Servers, bench: Bench, short: bool) -> Report:
    with SqlServer(servers.directory / "hurt_tables", password=secrets.token_hex(16)) as sql:
        return read_tables_outages.run(bench, sql, read_tables_outages.SHORT if short else read_tables_outages.FULL)


def _read_tables_full_disk(_: Servers, bench: Bench, short: bool) -> Report:
    return read_tables_full_disk.run(bench, read_tables_full_disk.SHORT if short else read_tables_full_disk.FULL)


def _rebuild_in_use(servers: Servers, bench: Bench, short: bool) -> Report:
    return rebuild_in_use.run(bench, servers.fresh_tables(), rebuild_in_use.SHORT if short else rebuild_in_use.FULL)


def _rebuild_kills(servers: Servers, bench: Bench, short: bool) -> Report:
    return rebuild_kills.run(bench, servers.fresh_tables(), rebuild_kills.SHORT if short else rebuild_kills.FULL)


def _transfers(servers: Servers, bench: Bench, short: bool) -> Report:
    return transfers.run(bench, servers.directory, transfers.SHORT if short else transfers.FULL)


EVERYWHERE = tuple(STORES)

TRIALS = [
    Trial(conflicts.NAME, "a", "32 writers, forced version conflicts", EVERYWHERE, _conflicts),
    Trial(held.NAME, "b", "a writer held before its commit while others commit", EVERYWHERE, _held),
    Trial(failover.NAME, "c", "primaries killed, paused, deposed, cut off", ("mongodb",), _failover),
    Trial(outages.NAME, "c", "a server killed, frozen, hanging up", ("mysql",), _outages),
    Trial(kills.NAME, "d", "kill -9 of writers and followers at work", EVERYWHERE, _kills),
    Trial(committed.NAME, "d", "a host's committer killed, frozen, replaced", ("mongodb",), _committed),
    Trial(full_disk.NAME, "", "a disk that fills up and gets room again", ("mongodb",), _full_disk),
    Trial(model.NAME, "e", "a state machine beside a model in memory", EVERYWHERE, _model),
    Trial(projector_kills.NAME, "d", "kill -9 of the projector, tables compared", EVERYWHERE, _projector_kills),
    Trial(read_tables_outages.NAME, "c", "the server of the read tables hurt", ("mongodb",), _read_tables_outages),
    Trial(read_tables_full_disk.NAME, "", "the disk of the read tables fills up", ("mongodb",), _read_tables_full_disk),
    Trial(rebuild_in_use.NAME, "", "rebuilds while all is read and written", ("mongodb",), _rebuild_in_use),
    Trial(rebuild_kills.NAME, "d", "kill -9 of rebuilds and of those that fold", ("mongodb",), _rebuild_kills),
    Trial(transfers.NAME, "", "orders at every simulated bank, with faults", ("sqlite",), _transfers),
    Trial(feeds.NAME, "", "feeds that lose, double and reorder movements", ("sqlite",), _feeds),
    Trial(on_mysql.NAME, "", "the tests of MariaDB on Oracle's MySQL", ("mysql",), _on_mysql),
]
