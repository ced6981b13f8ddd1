"""The trial of feeds in short, and what it finds: a history that lacks what the feeds lost, and a hole of nothing."""

from __future__ import annotations

from datetime import date

import pytest

from banks.bank import HistoryPage
from ledger.calendar import bank_day
from tests.torture import feeds
from tests.torture.feeds import SHORT, Plan, judged, plan
from tests.torture.judge import Kind
from tests.torture.paper_bank import PaperBank
from tests.torture.read_models import Store
from tests.torture.trial import Bench, Violated

pytestmark = pytest.mark.timeout(300)


def test_every_hole_is_closed_and_none_is_noticed_where_nothing_lacks(
    sqlite_bench: Bench, sqlite_tables: Store
) -> None:
    counts = feeds.run(sqlite_bench._replace(trial=feeds.NAME), sqlite_tables.tables, SHORT).counts
    assert counts["movements"] == SHORT.movements + SHORT.without_loss
    assert 0 < counts["holes noticed"] <= counts["lost"]
    assert counts["lost"] > SHORT.movements / 200


class ForgetsWhatFeedsLost(PaperBank):
    """A bank whose history has no rows."""

    def history(self, day_from: date, day_to: date, cursor: str | None = None) -> HistoryPage:
        return HistoryPage(lines=(), next_cursor=None)


def test_what_no_history_brings_is_lost_and_its_hole_stays_open(sqlite_bench: Bench, sqlite_tables: Store) -> None:
    few = plan(sqlite_bench.dice("few"), 200, lost_of_100=3)
    with pytest.raises(Violated) as found:
        judged(sqlite_bench, sqlite_tables.tables, {"few": few}, ForgetsWhatFeedsLost)
    assert set(found.value.kinds) == {Kind.LOST, Kind.MODEL, Kind.UNDONE, Kind.STALLED}
    assert found.value.kinds[Kind.LOST] == len(few.lost)


def test_a_loss_that_the_plan_does_not_know_is_a_false_hole(sqlite_bench: Bench, sqlite_tables: Store) -> None:
    few = plan(sqlite_bench.dice("few"), 200, lost_of_100=3)
    with pytest.raises(Violated) as found:
        judged(sqlite_bench, sqlite_tables.tables, {"few": Plan(few.rows, few.told, [])})
    assert set(found.value.kinds) == {Kind.INVENTED}


def test_twins_come_in_one_second_and_every_plan_follows_from_its_seed(sqlite_bench: Bench) -> None:
    one = plan(sqlite_bench.dice("one"), 500, lost_of_100=1)
    assert one == plan(sqlite_bench.dice("one"), 500, lost_of_100=1)
    twins = {(row.booked_at, row.amount, row.direction) for row in one.rows}
    assert len(twins) < len(one.rows)
    assert len({bank_day(row.booked_at) for row in one.rows}) > 1
    assert len(one.told) > len(one.rows)
