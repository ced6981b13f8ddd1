"""The trial of a full disk under the read tables in short, where a small disk can be mounted."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from local.mysql import SqlServer
from tests.torture import read_tables_full_disk
from tests.torture.full_disk import NoSmallDisk, small_disk
from tests.torture.read_tables_full_disk import DISK_MB, SHORT, Disk, full_disk
from tests.torture.trial import Bench, Violated


@pytest.fixture
def disk() -> Iterator[Disk]:
    """A small disk with a server on it."""
    try:
        with small_disk(DISK_MB) as folder, SqlServer(folder / "mysql", password=secrets.token_hex(16)) as sql:
            yield Disk(folder, sql)
    except NoSmallDisk as reason:
        pytest.skip(str(reason))


@pytest.mark.timeout(300)
def test_a_full_disk_costs_no_row_of_the_read_tables(sqlite_bench: Bench, disk: Disk) -> None:
    counts = full_disk(sqlite_bench, disk, SHORT)
    assert counts["full while projecting"] == SHORT.rounds
    assert counts["full while rebuilding"] == SHORT.rounds


@pytest.mark.timeout(300)
def test_the_trial_wants_the_disk_to_have_been_full(
    sqlite_bench: Bench, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_tables_full_disk, "ROOM_MB", DISK_MB)
    with pytest.raises(Violated, match="the disk was never full"):
        full_disk(sqlite_bench, disk, SHORT._replace(events_max=100))
