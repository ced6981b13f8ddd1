"""Pages show every row once, however many share one instant."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from ledger.store import Ledger
from projections.database import Database
from projections.pages import Moment, oldest_first
from projections.payments import PAYMENTS, PaymentRow, payments
from tests.projections.tale import Tale
from tests.story import Story


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_pages_show_every_row_once_even_with_equal_times(
    ledger: Ledger, database: Database, follow: Callable[[], None], size: int
) -> None:
    story = Story(ledger)
    merchant_id = story.merchant()
    made = []
    for number in range(11):
        made.append(story.intent(merchant_id, 1_000 + number).id)
        story.passes(seconds=number % 4 == 3)
    follow()
    seen: list[PaymentRow] = []
    before: Moment | None = None
    while page := payments(database, merchant_id=merchant_id, limit=size, before=before):
        assert len(page) <= size
        seen += page
        before = (page[-1].created_at, page[-1].id)
    assert sorted(row.id for row in seen) == sorted(made)
    assert seen == sorted(seen, key=lambda row: (row.created_at, row.id), reverse=True)


def test_a_row_that_comes_while_pages_are_turned_shifts_nothing(
    ledger: Ledger, database: Database, follow: Callable[[], None]
) -> None:
    story = Story(ledger)
    merchant_id = story.merchant()
    made = [story.intent(merchant_id, 1_000).id for _ in range(4)]
    follow()
    first = payments(database, limit=2)
    story.passes(seconds=1)
    story.intent(merchant_id, 2_000)
    follow()
    second = payments(database, limit=10, before=(first[-1].created_at, first[-1].id))
    assert sorted(row.id for row in [*first, *second]) == sorted(made)


def test_pages_in_the_other_direction_show_every_row_once(tale: Tale, tables: Database) -> None:
    seen: list[PaymentRow] = []
    after: Moment | None = None
    rows = PAYMENTS.c
    while page := tables.all(PaymentRow, oldest_first(select(PAYMENTS), rows.created_at, rows.id, 3, after)):
        seen += page
        after = (page[-1].created_at, page[-1].id)
    assert seen == list(reversed(payments(tables, limit=1000)))
    assert len(seen) >= len(tale.payments)
