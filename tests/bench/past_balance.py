"""A balance in the past: one merchant with a million entries, at random positions and value dates.

Its postings and their sums are put into the tables as the fold would have made them, one entry a log position, over
ninety value dates, every fifth of them a day back.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Final

from sqlalchemy import Connection

from projections.as_of import AsOf
from projections.books import balance
from projections.database import Database
from projections.encoding import Row, encoder
from projections.journal import POSTINGS, SUMS, TOTALS, Journal
from projections.live_rows import LiveRows
from projections.loading import Loading
from projections.projection import PROJECTIONS
from projections.tables import make_tables
from tests.bench.measure import Figure, percentile

ENTRIES: Final = 1_000_000
MERCHANT: Final = "mer_" + "a" * 26
ACCOUNT: Final = f"merchant:{MERCHANT}:pending"
BEGAN: Final = date(2026, 8, 1)
READINGS: Final = 300
P95_MS: Final = 50


def figures(database: Database) -> list[Figure]:
    """The p95 with a tenth of the entries, and with all of them."""
    make_tables(database, [PROJECTIONS["journal"]])
    tenth = ENTRIES // 10
    _fill(database, 0, tenth)
    few = _p95(database, tenth)
    _fill(database, tenth, ENTRIES)
    many = _p95(database, ENTRIES)
    return [
        Figure(f"balance in the past, {ENTRIES} entries, p95", "ms", many, None, P95_MS, at_most=True),
        Figure("the same, against a tenth of the entries", "ms", many, few),
    ]


def _p95(database: Database, upto: int) -> float:
    dice, taken = Random(5), list[float]()
    for number in range(READINGS):
        day = BEGAN + timedelta(days=dice.randrange(92)) if number % 2 else None
        as_of = AsOf(dice.randrange(1, upto + 1), day)
        began = time.perf_counter()
        balance(database, ACCOUNT, as_of)
        taken.append((time.perf_counter() - began) * 1_000)
    return percentile(taken, 0.95)


def _value_date(position: int) -> date:
    return BEGAN + timedelta(days=position * 90 // ENTRIES - (position % 5 == 0))


def _postings(after: int, upto: int) -> Iterator[Row]:
    for position in range(after + 1, upto + 1):
        yield {
            "entry_id": f"je_{position:026d}",
            "number": 0,
            "position": position,
            "account": ACCOUNT,
            "merchant_id": MERCHANT,
            "units": -(position % 1_000) - 1,
            "currency": "VND",
            "value_date": _value_date(position),
        }


def _fill(database: Database, after: int, upto: int) -> None:
    sums: dict[tuple[int, date], int] = {}
    with Loading(database) as loading:
        form, some = encoder(POSTINGS), list[Row]()
        for row in _postings(after, upto):
            key = (row["position"] // Journal.block_size, row["value_date"])
            sums[key] = sums.get(key, 0) - row["units"]
            some.append(row)
            if len(some) == 50_000:
                loading.insert(POSTINGS, form.encoded(some))
                some = []
        loading.insert(POSTINGS, form.encoded(some))
        rows = [
            {
                "account": ACCOUNT,
                "block": block,
                "value_date": day,
                "currency": "VND",
                "debited": 0,
                "credited": credited,
            }
            | {"held": 0}
            for (block, day), credited in sums.items()
        ]
        _add(loading, rows)
        total = {"account": ACCOUNT, "currency": "VND", "debited": 0, "credited": 0}
        loading.upsert(TOTALS, encoder(TOTALS).encoded([total]))
        loading.wait()


def _add(loading: Loading, rows: list[Row]) -> None:
    """Sums of blocks that lie across the two fillings are added up, as a fold does it."""

    def work(connection: Connection) -> None:
        live = LiveRows(connection, {"journal_sums": SUMS})
        for row in rows:
            amounts = {name: row.pop(name) for name in ("debited", "credited", "held")}
            live.add(SUMS, row, **amounts)
        live.flush()

    loading.write(work)
