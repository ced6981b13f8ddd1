"""Any (position, value date) shows what a plain fold of the events that count by then shows; balances do as well.

Five hundred random pairs, in halves on each kind of database; and the comparison is seen to find planted faults.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

import msgspec
import pytest
from sqlalchemy import ColumnElement, Select, Table, false

from ledger.aggregate import Envelope
from ledger.privacy import KeysInMemory
from ledger.store import Ledger
from local.mysql import SqlServer
from projections import PROJECTIONS, books, past_pages
from projections.as_of import AsOf
from projections.database import Database, open_database
from projections.follower import run_round
from projections.journal import Journal
from projections.pages import Looked, Moment
from tests.projections.long_tale import SlowStory, tell_long
from tests.projections.naive import counting, folded, sides
from tests.projections.tale import Tale
from tests.story import MASTER_KEY, START, counted_bytes

BLOCK = 8
"""Positions in a block of sums here: the log has several hundred."""

PAIRS = 250


@dataclass
class Stage:
    """The long story, its log, and the read tables made of it."""

    tale: Tale
    log: list[Envelope]
    tables: Database

    @property
    def ledger(self) -> Ledger:
        return self.tale.story.ledger


@pytest.fixture(scope="module")
def small_blocks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "block_size", BLOCK)
        yield


@pytest.fixture(scope="module")
def long_tale(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tale]:
    url = f"sqlite:///{tmp_path_factory.mktemp('long') / 'events.db'}"
    with Ledger.at(url, MASTER_KEY, counted_bytes(), keys=KeysInMemory()) as ledger:
        yield tell_long(SlowStory(ledger))


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def stage(
    request: pytest.FixtureRequest,
    small_blocks: None,
    long_tale: Tale,
    mysql_server: SqlServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    mysql = request.param == "mysql"
    url = mysql_server.create_schema("socai_past") if mysql else f"sqlite:///{tmp_path_factory.mktemp('past') / 'r.db'}"
    tables = open_database(url)
    while run_round(long_tale.story.ledger, tables, START).applied:
        pass
    yield Stage(long_tale, long_tale.story.log(), tables)
    tables.close()


def moments(stage: Stage, seed: int, count: int) -> list[AsOf]:
    """Random pairs, ends and beginnings among them."""
    dice = Random(seed)
    days = sorted({envelope.effective_on for envelope in stage.log})
    last = stage.log[-1].position
    found = [AsOf(0), AsOf(last), AsOf(last, days[0] - timedelta(days=1)), AsOf(last, days[-1]), AsOf(BLOCK - 1)]
    while len(found) < count:
        position = dice.choice([dice.randint(0, last), dice.randint(last * 2 // 3, last), dice.randint(0, 40) * BLOCK])
        found.append(AsOf(min(position, last), dice.choice([None, dice.choice(days), dice.choice(days)])))
    return found


def pages(fetch: Callable[[Moment | None], Looked[Any, Moment]]) -> list[dict[str, Any]]:
    """All rows of a list, page by page."""
    found = []
    place: Moment | None = None
    while True:
        looked = fetch(place)
        found += [msgspec.structs.asdict(row) for row in looked.rows]
        if looked.behind is None:
            return found
        place = looked.behind


def newest(rows: list[dict[str, Any]], at: str) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row[at], row["id"]), reverse=True)


def payments(stage: Stage, as_of: AsOf, events: list[Envelope]) -> tuple[Any, Any]:
    shown = pages(lambda place: past_pages.payments(stage.tables, stage.ledger, as_of, limit=4, before=place))
    return shown, newest(folded(PROJECTIONS["payments"], events)["payments"], "created_at")


def payouts(stage: Stage, as_of: AsOf, events: list[Envelope]) -> tuple[Any, Any]:
    shown = pages(lambda place: past_pages.payouts(stage.tables, stage.ledger, as_of, limit=4, before=place))
    stories = [
        msgspec.structs.asdict(happening)
        for row in sorted(shown, key=lambda row: str(row["id"]))
        for happening in past_pages.timeline(stage.ledger, row["id"], as_of)
    ]
    rows = folded(PROJECTIONS["payouts"], events)
    return (shown, stories), (newest(rows["payouts"], "created_at"), rows["payout_timeline"])


def statement_lines(stage: Stage, as_of: AsOf, events: list[Envelope]) -> tuple[Any, Any]:
    shown = pages(lambda place: past_pages.lines(stage.tables, stage.ledger, as_of, limit=4, before=place))
    return shown, newest(folded(PROJECTIONS["statement_lines"], events)["statement_lines"], "booked_at")


def balances(stage: Stage, as_of: AsOf, events: list[Envelope]) -> tuple[Any, Any]:
    shown = books.balances(stage.tables, as_of, limit=100)
    assert shown.behind is None
    told = {(row.account, row.currency): [row.posted, row.held, row.available] for row in shown.rows}
    expected = {}
    for (account, currency), (debited, credited, held) in sides(events).items():
        grows_by_debits = account.startswith("bank:") or account == "bank_fees"
        posted = debited - credited if grows_by_debits else credited - debited
        expected[account, currency] = [posted, held, posted - held]
    return told, expected


def trial_balance(stage: Stage, as_of: AsOf, events: list[Envelope]) -> tuple[Any, Any]:
    shown = books.trial_balance(stage.tables, as_of)
    assert all(debit == credit for debit, credit in shown.totals().values())
    told = [(row.account, row.currency, row.debit, row.credit) for row in shown.rows]
    expected = [
        (account, currency, max(debited - credited, 0), max(credited - debited, 0))
        for (account, currency), (debited, credited, _) in sorted(sides(events).items())
    ]
    return told, expected


KINDS = (payments, payouts, statement_lines, balances, trial_balance)


def differing(stage: Stage, wanted: list[AsOf], *kinds: Callable[..., tuple[Any, Any]]) -> Iterator[tuple[str, AsOf]]:
    """The moments at which what is shown is not what a plain fold gives; each kind in its turn."""
    for number, as_of in enumerate(wanted):
        kind = kinds[number % len(kinds)]
        shown, expected = kind(stage, as_of, counting(stage.log, as_of.known_at, as_of.effective_at))
        if shown != expected:
            yield kind.__name__, as_of


@pytest.mark.parametrize("kind", KINDS)
def test_the_past_is_what_a_plain_fold_of_the_log_gives(stage: Stage, kind: Callable[..., tuple[Any, Any]]) -> None:
    assert list(differing(stage, moments(stage, KINDS.index(kind), PAIRS // len(KINDS)), kind)) == []


def _two(fetch: Callable[..., Looked[Any, Moment]], place: Moment | None) -> Looked[Any, Moment]:
    return fetch(limit=2, before=place)


@pytest.mark.parametrize(("at_once", "at_most"), [(3, 6), (100, 1_000)])
def test_a_list_shows_what_fitted_then_however_little_is_looked_at_for_a_page(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, at_once: int, at_most: int
) -> None:
    monkeypatch.setattr(past_pages, "AT_ONCE", at_once)
    monkeypatch.setattr(past_pages, "LOOKED_AT_MAX", at_most)
    seen: Counter[str] = Counter()
    for as_of in moments(stage, 3, 14):
        events = counting(stage.log, as_of.known_at, as_of.effective_at)
        everything = newest(folded(PROJECTIONS["payouts"], events)["payouts"], "created_at")
        for status in ("requested", "confirmed", "failed"):
            mine = stage.tale.merchant
            fitting = [row for row in everything if (row["merchant_id"], row["status"]) == (mine, status)]
            fetch = partial(past_pages.payouts, stage.tables, stage.ledger, as_of, merchant_id=mine, status=status)
            assert pages(partial(_two, fetch)) == fitting
            seen[status] += len(fitting)
    assert min(seen.values()) > 0


def test_a_line_was_its_merchants_only_once_it_had_an_owner(stage: Stage) -> None:
    last = stage.log[-1].position
    owned = past_pages.lines(stage.tables, stage.ledger, AsOf(last), merchant_id=stage.tale.merchant, limit=100).rows
    assert len(owned) > 5
    for row in owned:
        matched = next(one for one in stage.log if one.stream == row.id and one.name == "statement_line.matched")
        before = AsOf(matched.position - 1)
        shown = past_pages.lines(stage.tables, stage.ledger, before, merchant_id=stage.tale.merchant, limit=100).rows
        assert row.id not in {one.id for one in shown}
        alone = past_pages.line(stage.ledger, row.id, before)
        assert alone is None or alone.merchant_id is None
        assert past_pages.line(stage.ledger, row.id, AsOf(last)) == row


def test_the_story_has_what_the_past_is_about(stage: Stage) -> None:
    back = [one for one in stage.log if one.effective_on < one.at.date()]
    ahead = [one for one in stage.log if one.effective_on > one.at.date()]
    names = {one.name for one in stage.log}
    assert len(stage.log) > 30 * BLOCK
    assert len(back) > 30
    assert len(ahead) > 5
    assert {"account.hold_captured", "account.hold_released", "statement_line.reversed", "payout.returned"} <= names
    assert {"payment_intent.reversed", "payment_intent.settled"} <= names


def _exclusive(as_of: AsOf, envelope: Envelope) -> bool:
    known = envelope.position < as_of.known_at
    return known and (as_of.effective_at is None or envelope.effective_on <= as_of.effective_at)


def _any_day(as_of: AsOf, envelope: Envelope) -> bool:
    return envelope.position <= as_of.known_at


def _days_before(as_of: AsOf, envelope: Envelope) -> bool:
    known = envelope.position <= as_of.known_at
    return known and (as_of.effective_at is None or envelope.effective_on < as_of.effective_at)


@pytest.mark.parametrize("covers", [_exclusive, _any_day, _days_before])
@pytest.mark.parametrize("kind", [payments, payouts, statement_lines])
def test_a_wrong_bound_of_a_replay_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, covers: Callable[[AsOf, Envelope], bool], kind: Any
) -> None:
    monkeypatch.setattr(AsOf, "covers", covers)
    assert next(differing(stage, moments(stage, 7, 60), kind))


single = books._single


def _without_days_of_holds(table: Table, as_of: AsOf, names: list[str], *amounts: ColumnElement[int]) -> Select[Any]:
    return single(table, AsOf(as_of.known_at) if table.name == "journal_holds" else as_of, names, *amounts)


def _up_to_the_one_before(table: Table, as_of: AsOf, names: list[str], *amounts: ColumnElement[int]) -> Select[Any]:
    return single(table, as_of, names, *amounts).where(table.c.position < as_of.known_at)


def _of_no_holds(table: Table, as_of: AsOf, names: list[str], *amounts: ColumnElement[int]) -> Select[Any]:
    query = single(table, as_of, names, *amounts)
    return query.where(false()) if table.name == "journal_holds" else query


def _of_the_block_before_too(table: Table, as_of: AsOf, names: list[str], *amounts: ColumnElement[int]) -> Select[Any]:
    position = as_of.known_at // BLOCK * BLOCK - 1
    return single(table, AsOf(position, as_of.effective_at), names, *amounts)


FAULTS = [_without_days_of_holds, _up_to_the_one_before, _of_no_holds, _of_the_block_before_too]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_adding_up_is_found(stage: Stage, monkeypatch: pytest.MonkeyPatch, fault: Any) -> None:
    monkeypatch.setattr(books, "_single", fault)
    assert next(differing(stage, moments(stage, 8, 60), balances))


def test_a_block_of_another_size_is_found(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Journal, "block_size", BLOCK + 1)
    assert next(differing(stage, moments(stage, 9, 60), balances, trial_balance))
