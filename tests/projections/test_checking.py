"""What a hand changed in the tables is found by its row and column, and nothing is found where nothing was changed."""

from __future__ import annotations

import random
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import partial

import pytest
import sqlalchemy
from sqlalchemy import Connection, delete, insert, select, update

from ledger.errors import TooManySetAside
from ledger.store import Ledger
from projections.aside import STREAMS_MAX
from projections.checking import (
    LACKING,
    NOT_CHECKED,
    PLACE,
    ROW_DIFFERS,
    ROW_MISSING,
    ROW_MORE,
    SET_ASIDE,
    SET_HASH,
    Finding,
    check,
)
from projections.database import Database, open_database
from projections.follower import run_batch, run_round
from projections.payments import PAYMENTS
from projections.projection import PROJECTIONS, Projection
from projections.proof import notes_of, sum_up
from projections.tables import Layout
from projections.writing import Statements
from tests.projections.planted import TALLIES, Planted
from tests.projections.tale import Tale
from tests.projections.tampering import Expected, Hand, all_projections, spoil_proof
from tests.story import START, Story


@pytest.fixture
def followed(tale: Tale, database: Database) -> Database:
    """The tables of the story of everything, to be tampered with."""
    while run_round(tale.story.ledger, database, START).applied:
        pass
    return database


def _checked(ledger: Ledger, database: Database) -> list[Finding]:
    return check(ledger, database, all_projections(), START)


def _told(findings: list[Finding]) -> list[Expected]:
    return sorted((one.kind, one.table, one.key, one.columns) for one in findings)


def _names(database: Database) -> set[str]:
    return set(sqlalchemy.inspect(database.engine).get_table_names())


def test_nothing_is_found_in_untouched_tables_and_a_hundred_random_changes_are(tale: Tale, followed: Database) -> None:
    ledger, hand = tale.story.ledger, Hand(seed=4)
    before = _names(followed)
    assert _checked(ledger, followed) == []
    expected: list[Expected] = []
    for _ in range(4):
        expected += followed.write(partial(hand.changes, projections=all_projections(), many=25))
        assert _told(_checked(ledger, followed)) == sorted(expected)
    assert {kind for kind, *_ in expected} == {ROW_DIFFERS, ROW_MISSING, ROW_MORE}
    assert _names(followed) == before


def _sum_up(projection: Projection, connection: Connection) -> None:
    statements = Statements(connection)
    notes = notes_of(connection, projection.proof_noted)
    sum_up(statements, notes, projection.proof, projection.proof_noted)
    statements.send()


@pytest.mark.parametrize("spoil", ["another number", "another table", "unreadable", "one less", "one twice"])
def test_a_note_for_the_set_hashes_that_was_changed_is_found(tale: Tale, followed: Database, spoil: str) -> None:
    noted = PROJECTIONS["payments"].proof_noted
    position, text = followed.write(lambda connection: connection.execute(select(noted)).first()) or (0, "")
    *words, encoded = text.split(" ")
    sums = b64decode(encoded)
    changes = {
        "another number": text.replace(" 1 ", " 2 ", 1),
        "another table": text.replace("payments ", "pavments ", 1),
        "unreadable": text[:-1],
        "one less": " ".join([*words[:-4], b64encode(sums[:-16]).decode()]),
        "one twice": " ".join([*words[:4], *words, b64encode(sums[:16] + sums).decode()]),
    }
    changed = update(noted).where(noted.c.position == position).values(changes=changes[spoil])
    assert changes[spoil] != text
    followed.write(lambda connection: connection.execute(changed))
    found = _checked(tale.story.ledger, followed)
    assert found
    assert {(one.projection, one.kind) for one in found} == {("payments", SET_HASH)}


def test_set_hashes_that_fit_neither_the_rows_nor_the_log_are_found(tale: Tale, followed: Database) -> None:
    chance = random.Random(5)
    expected: list[Expected] = []
    for projection in all_projections():
        followed.write(partial(_sum_up, projection))
        expected += followed.write(partial(spoil_proof, projection=projection, chance=chance, many=3))
    assert len(expected) > 12
    planted = insert(PROJECTIONS["payments"].proof).values(
        of_table="payments", day="2020-01-01", merchant_id="mer_x", rows_kept=1, low=1, high=1
    )
    followed.write(lambda connection: connection.execute(planted))
    expected.append((SET_HASH, "payments", "2020-01-01/mer_x", ()))
    assert _told(_checked(tale.story.ledger, followed)) == sorted(expected)


def test_a_row_that_our_own_fold_wrote_wrong_is_found_although_its_set_hash_fits(
    tale: Tale, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    projection = PROJECTIONS["merchants"]
    with monkeypatch.context() as patched:
        patched.setattr(type(projection), "registered", _registered_free_of_charge(projection))
        run_batch(tale.story.ledger, database, projection, START, limit=10_000)
    found = check(tale.story.ledger, database, [projection], START)
    assert {(one.kind, one.columns) for one in found} == {(ROW_DIFFERS, ("payout_fee",))}
    assert len(found) == 2


def _registered_free_of_charge(projection: object) -> Callable[..., None]:
    right: Callable[..., None] = type(projection).__dict__["registered"]

    def registered(self: object, rows: object, event: object, envelope: object) -> None:
        right(self, rows, event, envelope)
        stream = envelope.stream  # type: ignore[attr-defined]
        rows.change(PROJECTIONS["merchants"].tables[0], stream, payout_fee=0)  # type: ignore[attr-defined]

    return registered


def test_tables_that_follow_on_during_the_check_are_compared_where_they_stand(
    story: Story, database: Database, follow: Callable[[], None]
) -> None:
    merchant = story.merchant()
    follow()

    def told(reached: int, aim: int) -> None:
        if story.ledger.head() < 12:
            story.intent(merchant, 1_000)
            follow()

    assert check(story.ledger, database, all_projections(), START, told) == []


def test_the_place_and_what_is_set_aside_are_checked(ledger: Ledger, database: Database, planted: Planted) -> None:
    planted.happens(ledger, ("raise", "tl_a"), ("add", "tl_a"), ("raise", "tl_b"), ("add", "tl_c"), ("raise", "tl_d"))
    run_batch(ledger, database, planted.tallies, START)
    assert check(ledger, database, [planted.tallies], START) == []
    aside, place = planted.tallies.aside, planted.tallies.place

    def tamper(connection: Connection) -> None:
        connection.execute(delete(aside).where(aside.c.position == 3))
        connection.execute(update(aside).where(aside.c.position == 2).values(cause="a cause"))
        connection.execute(update(aside).where(aside.c.position == 5).values(stream="tl_e"))

    database.write(tamper)
    found = check(ledger, database, [planted.tallies], START)
    assert [(one.kind, one.key) for one in found] == [(SET_ASIDE, "2"), (SET_ASIDE, "3"), (SET_ASIDE, "5"), (PLACE, "")]
    database.write(lambda connection: connection.execute(update(place).values(position=4)))
    found = check(ledger, database, [planted.tallies], START)
    assert (SET_ASIDE, "5", "could be folded: python -m projections retry tallies") in {
        (one.kind, one.key, one.detail) for one in found
    }
    database.write(lambda connection: connection.execute(update(place).values(position=10**9)))
    (finding,) = check(ledger, database, [planted.tallies], START)
    assert str(finding) == (
        "tallies: place: it stands at 1000000000, while the log ends at 5: python -m projections rebuild tallies"
    )


def test_tables_that_cannot_be_checked_are_told_with_the_cure(tale: Tale, followed: Database) -> None:
    def tamper(connection: Connection) -> None:
        connection.exec_driver_sql("DROP TABLE settlements")
        connection.exec_driver_sql("ALTER TABLE alarms DROP COLUMN detail")
        connection.exec_driver_sql("DROP TABLE merchants__place")
        connection.execute(update(PROJECTIONS["payouts"].place).values(definition="0" * 64))

    followed.write(tamper)
    found = _checked(tale.story.ledger, followed)
    assert sorted((one.projection, one.kind) for one in found) == [
        ("alarms", LACKING),
        ("merchants", LACKING),
        ("payouts", NOT_CHECKED),
        ("settlements", LACKING),
    ]
    assert all(one.detail.endswith(f"python -m projections rebuild {one.projection}") for one in found)


def test_what_was_never_made_is_left_out(tale: Tale, database: Database) -> None:
    assert _checked(tale.story.ledger, database) == []


def test_a_check_that_fails_leaves_no_tables_and_what_waits_alone(
    ledger: Ledger, database: Database, planted: Planted
) -> None:
    planted.happens(ledger, *(("raise", f"tl_{number}") for number in range(STREAMS_MAX + 1)))
    planted.mend()
    run_batch(ledger, database, planted.tallies, START)
    waiting = Layout.beside(planted.tallies, 7)
    database.write(waiting.create)
    before = _names(database)
    planted.unmend()
    with pytest.raises(TooManySetAside):
        check(ledger, database, [planted.tallies], START)
    assert _names(database) == before
    planted.mend()
    assert check(ledger, database, [planted.tallies], START) == []
    assert _names(database) == before


def test_many_rows_that_differ_are_counted_rather_than_named_each(
    ledger: Ledger, database: Database, planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.checking.ROWS_MAX", 3)
    planted.happens(ledger, *(("add", f"tl_{number}") for number in range(9)))
    run_batch(ledger, database, planted.tallies, START)
    database.write(lambda connection: connection.execute(update(TALLIES).values(count=7)))
    database.write(lambda connection: connection.execute(delete(TALLIES)))
    found = [str(finding) for finding in check(ledger, database, [planted.tallies], START)]
    assert found == [*(f"tallies: row missing: tl_{n}" for n in range(3)), "tallies: row missing: and 6 others"]


@pytest.mark.parametrize("value", ["x'00ff'", "'no time'", "1.5", "7"])
def test_values_of_another_kind_that_sqlite_takes_are_found(tale: Tale, sqlite_url: str, value: str) -> None:
    database = open_database(sqlite_url)
    projection = PROJECTIONS["payments"]
    run_batch(tale.story.ledger, database, projection, START, limit=10_000)
    columns = [column.name for column in PAYMENTS.columns if not column.primary_key]
    expected: list[Expected] = []
    for column, key in zip(columns, sorted(tale.payments.values()), strict=False):
        change = f"UPDATE payments SET {column} = {value} WHERE id = '{key}' AND {column} IS NOT {value}"  # noqa: S608
        changed = database.write(partial(Connection.exec_driver_sql, statement=change)).rowcount
        expected += [(ROW_DIFFERS, "payments", key, (column,))] * changed
    assert expected
    database.write(partial(spoil_proof, projection=projection, chance=random.Random(1), many=100))
    found = check(tale.story.ledger, database, [projection], START)
    assert [one for one in _told(found) if one[0] == ROW_DIFFERS] == sorted(expected)
    assert {one.kind for one in found} == {ROW_DIFFERS, SET_HASH}
    database.close()
