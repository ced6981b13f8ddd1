"""Pages of the past: payments, payouts and statement lines of a merchant as they were, each a fold of their streams."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

from sqlalchemy import func, select

from ledger.store import Ledger
from projections import past_pages
from projections.as_of import AsOf
from projections.database import Database
from projections.payments import PAYMENTS
from tests.bench.measure import Figure, percentile

PAGES: Final = 100
PAGE: Final = 50


def figures(ledger: Ledger, database: Database) -> Iterator[Figure]:
    """The slowest twentieth of pages of fifty, of the ten merchants with most payments, at any time of the log."""
    counted = select(PAYMENTS.c.merchant_id).group_by(PAYMENTS.c.merchant_id).order_by(func.count().desc()).limit(10)
    merchants, head = database.column(counted), ledger.head()
    questions: dict[str, Callable[..., Any]] = {
        "payments": past_pages.payments,
        "payouts": past_pages.payouts,
        "statement lines": past_pages.lines,
    }
    for name, question in questions.items():
        dice, times = Random(name), []
        for _ in range(PAGES):
            as_of = AsOf(dice.randrange(head // 10, head))
            began = time.perf_counter()
            question(database, ledger, as_of, merchant_id=dice.choice(merchants), limit=PAGE)
            times.append((time.perf_counter() - began) * 1_000)
        yield Figure(f"a page of {PAGE} {name} in the past, p95", "ms", percentile(times, 0.95))
