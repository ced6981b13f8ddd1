"""The trial of a server of read tables that dies, stops, freezes and hangs up, in short."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.mysql import SqlServer
from tests.torture import read_tables_outages
from tests.torture.disturbed import Fault
from tests.torture.judge import Kind
from tests.torture.read_tables_outages import SHORT
from tests.torture.trial import Bench, Violated


@pytest.fixture
def sql(own_servers: Path) -> Iterator[SqlServer]:
    """A server that may be hurt."""
    with SqlServer(own_servers, password=secrets.token_hex(16)) as server:
        yield server


@pytest.fixture
def bench(event_store_url: str, tmp_path: Path) -> Bench:
    """A bench on an empty log in MongoDB, whose server is left alone."""
    return Bench(read_tables_outages.NAME, "mongodb", event_store_url, tmp_path, 1)


@pytest.mark.timeout(300)
def test_a_server_hurt_while_tables_are_projected_and_rebuilt_costs_no_row(bench: Bench, sql: SqlServer) -> None:
    report = read_tables_outages.run(bench, sql, SHORT)
    assert {"kill", "restart", "freeze", "hang up"} <= set(report.counts)
    assert report.counts["faults"] == SHORT.projecting + SHORT.rebuilding


@pytest.mark.timeout(300)
def test_a_projector_that_commits_its_position_before_its_rows_is_found(
    bench: Bench, sql: SqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_tables_outages, "schedule", lambda *_: [Fault("kill", 0.3, 0.1)] * 3)
    with pytest.raises(Violated) as found:
        read_tables_outages.run(bench, sql, SHORT._replace(more=600), projector_from="tests.torture.careless_projector")
    assert set(found.value.kinds) == {Kind.FOLD}


@pytest.mark.timeout(300)
def test_a_rebuild_that_lets_half_a_table_take_over_is_found(bench: Bench, sql: SqlServer) -> None:
    size = SHORT._replace(projecting=0)
    with pytest.raises(Violated) as found:
        read_tables_outages.run(bench, sql, size, rebuild_from="tests.torture.careless_build")
    assert set(found.value.kinds) == {Kind.FOLD}
