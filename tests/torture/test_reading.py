"""The readers of the trials see every planted fault in what they are shown, and measure stands and reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from projections.balances import BALANCES
from projections.database import Database, Reader, open_database
from projections.follower import run_round
from projections.journal import POSTINGS, TOTALS
from projections.merchants import merchants
from projections.payments import PAYMENTS, payments
from tests.story import START
from tests.torture.feeding import Feeder
from tests.torture.judge import Kind, Violation
from tests.torture.projector import open_ledger
from tests.torture.read_models import Store
from tests.torture.reading import (
    Books,
    Look,
    Merchants,
    Paced,
    Pages,
    Seen,
    Span,
    Watch,
    longest,
    looks,
    meeting,
    stands,
)
from tests.torture.tales import events
from tests.torture.trial import Bench

EVENTS = 600


@pytest.fixture
def database(sqlite_bench: Bench, sqlite_tables: Store) -> Iterator[Database]:
    """Tables that show some tellings."""
    with Feeder(sqlite_bench.url, events(sqlite_bench.dice("events"), EVENTS), sqlite_bench.dice("appends")) as feeder:
        feeder.feed(EVENTS)
    with closing(open_ledger(sqlite_bench.url)) as ledger, closing(open_database(sqlite_tables.tables)) as opened:
        while run_round(ledger, opened, START).applied:
            pass
        yield opened


def change(database: Database, statement: Any) -> None:
    database.write(lambda connection: connection.execute(statement))


def seen(reader: Reader, look: Look, times: int = 1) -> list[Kind]:
    return [violation.kind for _ in range(times) for violation in look(reader)]


def pages() -> Pages:
    return Pages("payment", payments, lambda row: (row.created_at, row.id), limit=7)


def test_what_is_right_is_not_told(database: Database) -> None:
    ids = [row.id for row in merchants(database, limit=5)]
    assert ids
    for look in looks(EVENTS, ids):
        assert seen(database, look, 20) == []


def test_a_row_that_is_missing_or_older_than_before_is_told(database: Database) -> None:
    walk = pages()
    once = 1 + len(database.rows(PAYMENTS.select())) // 7
    assert seen(database, walk.look, once) == []
    assert len(walk.known) == len(database.rows(PAYMENTS.select()))
    change(database, PAYMENTS.update().values(position=PAYMENTS.c.position - 1))
    assert set(seen(database, walk.look, once)) == {Kind.BACKWARDS}
    change(database, PAYMENTS.delete().where(PAYMENTS.c.id == next(iter(walk.known))))
    assert seen(database, walk.look, once) == [Kind.HALF_TABLE]


def test_books_that_do_not_sum_to_zero_go_back_or_change_their_past_are_told(database: Database) -> None:
    kept = Books(EVENTS)
    assert seen(database, kept.now) + seen(database, kept.then) == []
    change(database, TOTALS.update().values(debited=TOTALS.c.debited + 1))
    assert seen(database, kept.now) == [Kind.FOLD]
    change(database, POSTINGS.update().values(units=POSTINGS.c.units * 2))
    assert seen(database, kept.then) == [Kind.FOLD]
    assert seen(database, kept.then) == []
    change(database, POSTINGS.update().where(POSTINGS.c.units > 0).values(units=POSTINGS.c.units + 1))
    assert set(seen(database, kept.then)) == {Kind.FOLD}
    change(database, TOTALS.delete())
    assert seen(database, kept.now) == [Kind.HALF_TABLE]


def test_balances_that_do_not_add_up_or_are_gone_are_told(database: Database) -> None:
    (merchant_id,) = (row.id for row in merchants(database, limit=1))
    kept = Merchants([merchant_id])
    assert seen(database, kept.look) == []
    change(database, BALANCES.update().values(available=BALANCES.c.available + 1))
    assert set(seen(database, kept.look)) == {Kind.FOLD}
    change(database, BALANCES.delete())
    assert seen(database, kept.look) == [Kind.HALF_TABLE]


def test_a_read_that_fails_is_told_and_measured(database: Database) -> None:
    def fails(_: Reader) -> Iterator[Violation]:
        yield from [Violation(Kind.UNREAD, "")][: int("no answer")]

    reader = Paced("", 1, [fails])
    reader._read(database, fails)
    assert [violation.kind for violation in reader.violations] == [Kind.UNREAD]
    assert len(reader.reads) == 1


def test_a_position_that_goes_back_is_told() -> None:
    watch = Watch("", 1)
    for one in (Seen(1.0, 5, 1), Seen(2.0, 5, 1), Seen(3.0, 4, 2)):
        watch.saw("payments", one)
    assert [violation.kind for violation in watch.violations] == [Kind.BACKWARDS]
    assert watch.seen["payments"] == [Seen(1.0, 5, 1), Seen(3.0, 4, 2)]


def test_a_stand_lasts_from_the_last_move_before_an_exchange_to_the_first_behind_it() -> None:
    shown = [Seen(1.0, 5, 1), Seen(2.0, 6, 1), Seen(2.4, 6, 2), Seen(2.9, 7, 2), Seen(3.0, 9, 3)]
    assert [span.ms for span in stands(shown)] == [900, 100]
    assert list(stands(shown[:3])) == []
    assert longest(stands(shown)) == 900
    assert longest([]) == 0
    assert meeting([Span(0, 1), Span(2, 3)], [Span(2.5, 9)]) == [Span(2, 3)]
