"""A fold with a fault is stopped by the comparison, and what an operator accepts by name takes over, forth and back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, cast

import pytest
from sqlalchemy import Table

from ledger.aggregate import Envelope, Event
from ledger.errors import DifferencesFound, NothingToSwap
from ledger.store import Ledger
from projections.balances import Balances
from projections.database import Database, open_database
from projections.encoding import Row
from projections.follower import run_round
from projections.payments import Payments
from projections.places import places
from projections.projection import PROJECTIONS, Projection
from projections.rebuild import rebuild
from projections.rows import Rows
from projections.swapping import compare_again, swap
from tests.projections.dumped import dump
from tests.projections.tale import Tale
from tests.story import START

Fault = Callable[[Row], None]


def _negate(column: str) -> Fault:
    return lambda row: row.update({column: -row[column]})


def _more(column: str, by: Any) -> Fault:
    return lambda row: row.update({column: None if row[column] is None else row[column] + by})


def _set(column: str, value: object) -> Fault:
    return lambda row: row.update({column: value})


def _swap(one: str, other: str) -> Fault:
    return lambda row: row.update({one: row[other], other: row[one]})


FAULTS: list[tuple[str, str, str, Fault]] = [
    ("payments", "payments", "fees", _negate("fees")),
    ("payments", "payments", "received", _more("received", 1)),
    ("payments", "payments", "created_at", _more("created_at", timedelta(hours=7))),
    ("payments", "payments", "expires_at", _more("expires_at", timedelta(days=1))),
    ("payments", "payments", "expires_at", _set("expires_at", None)),
    ("payments", "payments", "status", _set("status", "paid")),
    ("payments", "payments", "received", _swap("received", "amount")),
    ("payments", "payments", "merchant_id", _set("merchant_id", "mer_other")),
    ("payments", "payments", "description", lambda row: row.update(description=row["description"][:5])),
    ("payments", "payments", "code", lambda row: row.update(code=row["code"].lower())),
    ("payments", "payments", "currency", _set("currency", "USD")),
    ("payments", "payments", "settled", _set("settled", 0)),
    ("payments", "payments", "position", _more("position", -1)),
    ("payouts", "payouts", "status", _set("status", "requested")),
    ("payouts", "payouts", "fee", lambda row: row.update(fee=2 * row["fee"])),
    ("payouts", "payouts", "executed", _set("executed", False)),
    ("payouts", "payouts", "escalated", lambda row: row.update(escalated=not row["escalated"])),
    ("payouts", "payouts", "reason", _set("reason", None)),
    ("payouts", "payouts", "attempt", _more("attempt", 1)),
    ("payouts", "payouts", "status_at", _more("status_at", timedelta(microseconds=1))),
    ("payouts", "payout_timeline", "actor", _set("actor", "worker:nobody")),
    ("payouts", "payout_timeline", "detail", lambda row: row.update(detail=row["detail"] + " ")),
    ("statement_lines", "statement_lines", "value_date", _more("value_date", timedelta(days=1))),
    ("statement_lines", "statement_lines", "direction", _set("direction", "credit")),
    ("statement_lines", "statement_lines", "owner_id", _set("owner_id", None)),
    ("settlements", "settlements", "net", lambda row: row.update(net=row["gross"])),
    ("webhooks", "webhook_deliveries", "next_at", _more("next_at", timedelta(hours=-7))),
    ("webhooks", "webhook_deliveries", "status", _set("status", "pending")),
]
"""Projection, table and column, and what a faulty fold makes of each row it puts."""


class Faulty:
    """Rows as a faulty fold changes them: a fault in each row of one table that is put."""

    def __init__(self, rows: Rows, table: str, fault: Fault) -> None:
        self._rows = rows
        self._table = table
        self._fault = fault

    def put(self, table: Table, row: Row) -> None:
        """The row with the fault."""
        changed = dict(row)
        if table.name == self._table:
            self._fault(changed)
        self._rows.put(table, changed)

    def change(self, table: Table, *key: Any, **values: Any) -> None:
        """The same of a row that was there."""
        self.put(table, self._rows.must_get(table, *key) | values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rows, name)


@pytest.fixture(scope="module")
def served(tale: Tale, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Tables that follow the tale; a rebuild that is stopped leaves them as they are."""
    database = open_database(f"sqlite:///{tmp_path_factory.mktemp('served') / 'read.db'}")
    _follow(tale.story.ledger, database)
    yield database
    database.close()


def _follow(ledger: Ledger, database: Database) -> None:
    while run_round(ledger, database, START).applied:
        pass


@pytest.mark.parametrize(("name", "table", "column", "fault"), FAULTS)
def test_a_fault_is_stopped_with_the_column_named(
    tale: Tale, served: Database, monkeypatch: pytest.MonkeyPatch, name: str, table: str, column: str, fault: Fault
) -> None:
    _stopped(tale, served, monkeypatch, name, table, column, fault)


@pytest.mark.parametrize(("name", "table", "column", "fault"), FAULTS[:3])
def test_so_it_is_on_mysql(
    tale: Tale, mysql_url: str, monkeypatch: pytest.MonkeyPatch, name: str, table: str, column: str, fault: Fault
) -> None:
    database = open_database(mysql_url)
    _follow(tale.story.ledger, database)
    _stopped(tale, database, monkeypatch, name, table, column, fault)
    database.close()


def _faulty(right: Callable[..., None], table: str, fault: Fault, rows: Rows, event: Event, envelope: Envelope) -> None:
    right(cast(Rows, Faulty(rows, table, fault)), event, envelope)


def _stopped(
    tale: Tale,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    table: str,
    column: str,
    fault: Fault,
) -> None:
    projection, methods = PROJECTIONS[name], Projection.methods
    before = dump(database, projection)

    def faulty(self: Projection) -> dict[type[Event], list[Callable[..., None]]]:
        return {kind: [partial(_faulty, right, table, fault) for right in some] for kind, some in methods(self).items()}

    monkeypatch.setattr(Projection, "methods", faulty)
    with pytest.raises(DifferencesFound) as stopped:
        rebuild(tale.story.ledger, database, projection, START)
    assert f"{table}.{column}: " in stopped.value.detail
    assert dump(database, projection) == before
    assert {one.group.partition(":")[0] for one in _compared(tale, database, name)} >= {f"{table}.{column}"}


def _compared(tale: Tale, database: Database, name: str) -> Any:
    return compare_again(tale.story.ledger, database, PROJECTIONS[name], START).differences


def test_an_event_that_is_forgotten_and_a_sum_with_the_wrong_sign_are_stopped(
    tale: Tale, served: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Payments, "settled", lambda *_: None)
    with pytest.raises(DifferencesFound, match=r"payments\.settled: "):
        rebuild(tale.story.ledger, served, PROJECTIONS["payments"], START)
    monkeypatch.setattr(Balances, "hold_ended", Balances.hold_placed)
    with pytest.raises(DifferencesFound, match=r"balances\.held: "):
        rebuild(tale.story.ledger, served, PROJECTIONS["balances"], START)


def test_what_is_accepted_by_name_takes_over_and_swaps_back(
    tale: Tale, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, payments = tale.story.ledger, PROJECTIONS["payments"]
    _follow(ledger, database)
    before = dump(database, payments)
    with pytest.raises(NothingToSwap, match="No tables wait"):
        swap(ledger, database, payments, START)
    with monkeypatch.context() as faulty:
        faulty.setattr(Payments, "settled", lambda *_: None)
        with pytest.raises(DifferencesFound):
            rebuild(ledger, database, payments, START)
    groups = [one.group for one in _compared(tale, database, "payments")]
    assert len(groups) > 1
    assert not swap(ledger, database, payments, START, groups[1:]).swapped
    assert places(database)["payments"].generation == 0
    assert swap(ledger, database, payments, START, groups).swapped
    assert places(database)["payments"].generation == 1
    assert dump(database, payments) != before
    back = [one.group for one in compare_again(ledger, database, payments, START, back=True).differences]
    assert not swap(ledger, database, payments, START, back=True).swapped
    assert swap(ledger, database, payments, START, back, back=True).swapped
    assert dump(database, payments) == before
