"""A MySQL or MariaDB that dies, freezes and hangs up: nothing acknowledged is lost, nothing is doubled."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from local.mysql import SqlServer
from tests.torture import disturbed, outages
from tests.torture.outages import SHORT, faults_of
from tests.torture.trial import Bench


@pytest.mark.timeout(600)
def test_a_server_that_dies_freezes_and_hangs_up_costs_no_acknowledged_event(tmp_path: Path, own_servers: Path) -> None:
    with SqlServer(own_servers, password=secrets.token_hex(16)) as sql:
        bench = Bench(outages.NAME, "mysql", sql.create_schema("torture"), tmp_path, 1)
        report = disturbed.run(bench, faults_of(sql), SHORT)
    assert {"kill", "freeze", "hang up"} <= set(report.counts)
    assert report.counts["stored"] > 0
