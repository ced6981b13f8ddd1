"""Whatever a hand, a crash or another release did to the tables of one read model: the others go on, and it is mended.

That a fold which raises is set aside also by a rebuild, and a server without LOCAL INFILE sent statements, is told in
`test_rebuild.py` and `test_loading.py`.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Connection, delete, update
from sqlalchemy.schema import DropTable

from ledger.errors import LogCutShort, NothingToSwap, ReadTablesUnavailable
from ledger.privacy import KeysInMemory
from ledger.store import Ledger
from projections import PROJECTIONS, beside, proof, rebuild, tables
from projections.alarms import ALARMS
from projections.checking import check
from projections.database import Database, open_database
from projections.follower import run_round
from projections.payments import PAYMENTS
from projections.places import cure, places
from projections.rebuild import Rebuilt, rebuild_all
from projections.swapping import swap
from projections.tables import serving, standing_beside
from tests.projections.dumped import dump, dump_all
from tests.projections.tale import Tale
from tests.story import MASTER_KEY, START

NAME = "payments"
ONE = PROJECTIONS[NAME]
PLACE = serving(ONE).place


@pytest.fixture
def half(tale: Tale, database: Database) -> Database:
    """Tables that follow the tale and have not come far."""
    run_round(tale.story.ledger, database, START, limit=tale.story.ledger.head() // 2)
    return database


def _follow(tale: Tale, database: Database) -> None:
    while run_round(tale.story.ledger, database, START).applied:
        pass


def _behind(tale: Tale, database: Database) -> set[str]:
    """Who has not come to the end of the log."""
    found = places(database)
    return {name for name in PROJECTIONS if name not in found or found[name].position != tale.story.ledger.head()}


def _mended(tale: Tale, database: Database, name: str = NAME) -> Rebuilt:
    """The one is rebuilt, whatever it showed before is given up for that, and it follows to the end."""
    ledger, one = tale.story.ledger, PROJECTIONS[name]
    (done,) = rebuild_all(ledger, database, [one], START)
    if not done.swapped:
        groups = [group.group for group in done.compared.differences]
        done = swap(ledger, database, one, START, groups)
    _follow(tale, database)
    return done


def _sql(database: Database, *statements: str) -> None:
    database.write(lambda connection: [connection.exec_driver_sql(statement) for statement in statements])


def _hand(database: Database, **values: Any) -> None:
    """Somebody writes into the place of the one."""
    database.write(lambda connection: connection.execute(update(PLACE).values(**values)))


# what was taken away

STOPS = [
    f"DROP TABLE {NAME}",
    f"ALTER TABLE {NAME} DROP COLUMN received",
    "ALTER TABLE alarms DROP COLUMN position",
    f"DROP TABLE {NAME}__proof",
    f"ALTER TABLE {NAME}__proof DROP COLUMN high",
    f"DROP TABLE {NAME}__proof_noted",
    f"ALTER TABLE {NAME}__proof_noted DROP COLUMN changes",
]
"""Not to be had without it."""

GOES_ON = [
    f"DROP TABLE {NAME}__aside",
    f"ALTER TABLE {NAME}__aside DROP COLUMN attempts",
    f"ALTER TABLE {NAME}__place DROP COLUMN generation",
    "DELETE FROM payments__place",
    "UPDATE payments__place SET name = 'nobody'",
]
"""Not needed while nothing is set aside, or made anew from the beginning of the log."""


@pytest.mark.parametrize("taken", STOPS)
def test_what_was_taken_stops_its_own_read_model_and_the_cure_named_mends_it(
    tale: Tale,
    half: Database,
    tables_on_sqlite: Database,
    taken: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Set hashes are needed where what was noted is added up: here in every round.
    monkeypatch.setattr(proof, "NOTED_FOR", 1)
    name = ALARMS.name if ALARMS.name in taken else NAME
    _sql(half, taken)
    _follow(tale, half)
    assert _behind(tale, half) == {name}
    place = places(half)[name]
    assert (place.aside, place.failing_at) == (0, place.position + 1)
    command = f"python -m projections rebuild {name}"
    assert str(place.failing).endswith(f" is not there: {command}")
    assert cure(PROJECTIONS[name], place) == command
    assert command in caplog.text
    _mended(tale, half, name)
    assert dump_all(half) == dump_all(tables_on_sqlite)


@pytest.mark.parametrize("taken", GOES_ON)
def test_what_is_not_needed_or_can_be_made_anew_stops_nobody(
    tale: Tale, half: Database, tables_on_sqlite: Database, taken: str
) -> None:
    _sql(half, taken)
    _follow(tale, half)
    assert not _behind(tale, half)
    assert dump_all(half) == dump_all(tables_on_sqlite)
    assert _mended(tale, half).swapped
    assert dump(half, ONE) == dump(tables_on_sqlite, ONE)


def test_a_column_that_was_put_back_behind_the_others_is_no_other_column(
    tale: Tale, half: Database, tables_on_sqlite: Database
) -> None:
    _sql(half, f"ALTER TABLE {NAME} DROP COLUMN fees", f"ALTER TABLE {NAME} ADD COLUMN fees BIGINT NOT NULL DEFAULT 0")
    assert _mended(tale, half).swapped
    _sql(half, "ALTER TABLE alarms ADD COLUMN remark BIGINT NULL")
    _follow(tale, half)
    assert dump_all(half) == dump_all(tables_on_sqlite)


# what another release made


def test_tables_of_a_later_release_are_left_alone_until_they_are_rebuilt(
    tale: Tale, half: Database, tables_on_sqlite: Database
) -> None:
    _sql(
        half,
        f"ALTER TABLE {NAME} ADD COLUMN refunded BIGINT NULL",
        f"ALTER TABLE {NAME}__place ADD COLUMN mood BIGINT NULL",
        "UPDATE payments__place SET definition = 'of a later release'",
        f"CREATE TABLE {NAME}__mood (id BIGINT)",
    )
    before = places(half)[NAME]
    _follow(tale, half)
    assert _behind(tale, half) == {NAME}
    assert places(half)[NAME] == before
    assert cure(ONE, before) == f"python -m projections rebuild {NAME}"
    (done,) = rebuild_all(tale.story.ledger, half, [ONE], START)
    assert done.swapped
    assert [(one.group, one.explained) for one in done.compared.differences] == [
        (f"{NAME}.refunded: column gone", True)
    ]
    with pytest.raises(NothingToSwap, match="another definition"):
        swap(tale.story.ledger, half, ONE, START, back=True)
    _follow(tale, half)
    assert dump_all(half) == dump_all(tables_on_sqlite)
    assert f"{NAME}__mood" in sqlalchemy.inspect(half.engine).get_table_names()


# what a hand wrote into the place


@pytest.mark.parametrize("forth", [False, True])
def test_a_position_that_was_changed_is_found_by_the_check_and_mended(
    tale: Tale, half: Database, tables_on_sqlite: Database, forth: bool
) -> None:
    _hand(half, position=tale.story.ledger.head() if forth else PLACE.c.position - 40)
    _follow(tale, half)
    assert not _behind(tale, half) - {NAME}
    found = check(tale.story.ledger, half, list(PROJECTIONS.values()), START)
    assert {one.projection for one in found} == {NAME}
    _mended(tale, half)
    assert dump_all(half) == dump_all(tables_on_sqlite)


@pytest.mark.parametrize(("name", "position"), [(NAME, 10**9), ("alarms", 10**9), (NAME, -5)])
def test_a_position_where_no_event_is_holds_up_nobody_else(
    tale: Tale, half: Database, tables_on_sqlite: Database, name: str, position: int
) -> None:
    place = serving(PROJECTIONS[name]).place
    half.write(lambda connection: connection.execute(update(place).values(position=position)))
    for _ in range(3):
        try:
            _follow(tale, half)
        except LogCutShort:
            assert position > 0
    assert _behind(tale, half) == {name}
    (found,) = check(tale.story.ledger, half, list(PROJECTIONS.values()), START)
    assert (found.projection, found.kind) == (name, "place")
    assert found.detail.endswith(f"python -m projections rebuild {name}")
    done = _mended(tale, half, name)
    assert str(position) in done.compared.not_compared
    assert dump_all(half) == dump_all(tables_on_sqlite)


@pytest.mark.parametrize(("generation", "waits"), [(-3, False), (0, False), (0, True), (2, True), (7, True)])
def test_a_generation_that_was_changed_leaves_what_serves_and_a_rebuild_in_order(
    tale: Tale, half: Database, tables_on_sqlite: Database, generation: int, waits: bool
) -> None:
    ledger = tale.story.ledger
    assert _mended(tale, half).swapped
    if waits:
        half.write(lambda connection: connection.execute(update(PAYMENTS).values(received=1)))
        assert not rebuild_all(ledger, half, [ONE], START)[0].swapped
    _hand(half, generation=generation)
    _follow(tale, half)
    for back in (False, True):
        with suppress(NothingToSwap):
            swap(ledger, half, ONE, START, back=back)
        _follow(tale, half)
        assert not _behind(tale, half)
    _mended(tale, half)
    assert dump_all(half) == dump_all(tables_on_sqlite)
    assert len(half.write(lambda connection: standing_beside(connection, ONE))) == 1


# what a crash left


def _die(*arguments: Any, **named: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _before(module: Any, name: str) -> None:
    setattr(module, name, _die)


def _behind_the_exchange() -> None:
    right: Callable[..., None] = tables.exchange

    def exchange(connection: Connection, fresh: tables.Layout) -> None:
        right(connection, fresh)
        _die()

    beside.exchange = exchange  # type: ignore[attr-defined]


MOMENTS: dict[str, Callable[[], None]] = {
    "loaded": lambda: _before(rebuild, "finish"),
    "compared": lambda: _before(rebuild, "take_over"),
    "about to be exchanged": lambda: _before(beside, "exchange"),
    "exchanged": _behind_the_exchange,
}


def rebuild_and_die(events: str, read_tables: str, moment: str) -> None:
    """The process that is killed, at one moment of its rebuild."""
    MOMENTS[moment]()
    ledger = Ledger.at(events, MASTER_KEY, bytes, keys=KeysInMemory())
    rebuild_all(ledger, open_database(read_tables), [ONE], START)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_rebuild_that_was_killed_leaves_whole_tables_and_is_begun_again_clean(
    tale: Tale, half: Database, tables_on_sqlite: Database, moment: str
) -> None:
    before = places(half)[NAME]
    url = half.engine.url.render_as_string(hide_password=False)
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=rebuild_and_die, args=(tale.story.ledger.url, url, moment))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    exchanged = moment == "exchanged" and half.is_mysql  # what SQLite had not committed never was
    assert places(half)[NAME].generation == before.generation + exchanged
    _follow(tale, half)
    assert dump_all(half) == dump_all(tables_on_sqlite)
    assert _mended(tale, half).swapped
    assert dump_all(half) == dump_all(tables_on_sqlite)
    (kept,) = half.write(lambda connection: standing_beside(connection, ONE))
    declared = {made.name for projection in PROJECTIONS.values() for made in serving(projection).all}
    there = set(sqlalchemy.inspect(half.engine).get_table_names())
    assert there == declared | {made.name for made in kept.all} | {"positions", "positions__aside"}


def test_tables_that_wait_and_lost_one_of_them_do_not_take_over(tale: Tale, half: Database) -> None:
    half.write(lambda connection: connection.execute(delete(PAYMENTS)))
    (done,) = rebuild_all(tale.story.ledger, half, [ONE], START)
    assert not done.swapped
    (waiting,) = half.write(lambda connection: standing_beside(connection, ONE))
    half.write(lambda connection: connection.execute(DropTable(waiting.aside.table)))
    with pytest.raises((NothingToSwap, ReadTablesUnavailable)):
        swap(tale.story.ledger, half, ONE, START, [one.group for one in done.compared.differences])
    assert places(half)[NAME].generation == 0
