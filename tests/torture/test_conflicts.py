"""Trial (a) in short: many writers, forced conflicts, on every store."""

from __future__ import annotations

import pytest

from tests.torture import conflicts
from tests.torture.trial import MakeBench


@pytest.mark.timeout(600)
def test_32_writers_with_forced_conflicts_leave_no_version_twice_or_out(bench: MakeBench) -> None:
    report = conflicts.run(bench(conflicts.NAME), conflicts.SHORT)
    assert report.counts["writers"] == 32
    assert report.counts["stored"] == 32 * conflicts.SHORT.appends
    assert report.counts["conflict"] >= report.counts["forced conflicts"] > 0.15 * report.counts["stored"]
