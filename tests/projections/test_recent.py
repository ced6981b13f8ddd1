"""Rows kept from round to round are those of the tables, or they are not used."""

from __future__ import annotations

from typing import cast

from msgspec.structs import replace

from projections.balances import BALANCES
from projections.database import Database
from projections.encoding import Row
from projections.follower import run_round
from projections.projection import PROJECTIONS
from projections.proof import Proof
from projections.rebuild import rebuild
from projections.recent import ROWS_MAX, UNKNOWN, Recent, RecentRows, Seen
from projections.rows import key_of
from tests.projections.dumped import dump_all, proof_of, rows_of
from tests.projections.tale import Tale
from tests.story import START


def test_a_row_is_known_until_many_others_were_kept_after_it() -> None:
    rows = RecentRows()
    assert rows.get("t", ("a",)) is UNKNOWN
    rows.keep(Seen({"t": {("a",): {"id": "a"}, ("b",): None}}))
    assert (rows.get("t", ("a",)), rows.get("t", ("b",)), rows.get("u", ("a",))) == ({"id": "a"}, None, UNKNOWN)
    rows.keep(Seen({"t": {(f"k{n}",): None for n in range(ROWS_MAX)}}))
    assert rows.get("t", ("a",)) == {"id": "a"}
    rows.keep(Seen({"t": {("a",): {"id": "A"}}}))
    assert rows.get("t", ("a",)) == {"id": "A"}
    for turn in range(2):
        rows.keep(Seen({"t": {(f"{turn}{n}",): None for n in range(ROWS_MAX + 1)}}))
    assert rows.get("t", ("a",)) is UNKNOWN


def test_what_a_row_counts_for_is_known_of_that_very_row_and_of_no_other() -> None:
    rows, row, word = RecentRows(), {"id": "a"}, (("2026-01-01", "m"), 1, 2)
    rows.keep(Seen({"t": {("a",): row}}, {"t": {("a",): (row, word)}}))
    assert rows.word("t", ("a",), row) == word
    assert rows.word("t", ("a",), dict(row)) is None
    assert (rows.word("t", ("b",), row), rows.word("u", ("a",), row)) == (None, None)
    for turn in range(2):
        assert rows.word("t", ("a",), row) == word
        rows.keep(Seen({"t": {(f"{turn}{n}",): None for n in range(ROWS_MAX + 1)}}))
    assert rows.word("t", ("a",), row) is None


def test_of_rows_that_change_it_is_kept_what_they_count_for(tale: Tale, database: Database) -> None:
    recent = Recent()
    while _round(tale, database, 3, recent):
        pass
    found = dump_all(database)["balances"]["balances"]
    assert len(found) > 1
    proof = Proof()
    for row in found:
        key = key_of(BALANCES)(row)
        standing = cast(Row, recent.rows("balances").get("balances", key))
        word = recent.rows("balances").word("balances", key, standing)
        assert standing == row
        assert word is not None
        proof.add_words("balances", [word])
    assert proof.hashes() == proof_of(PROJECTIONS["balances"], {"balances": found})


def test_a_log_followed_with_what_was_seen_before_gives_the_same_tables(
    tale: Tale, database: Database, tables_on_sqlite: Database
) -> None:
    recent = Recent()
    while run_round(tale.story.ledger, database, START, 3, recent).applied:
        assert recent.places.keys() == PROJECTIONS.keys()
    assert dump_all(database) == dump_all(tables_on_sqlite)


def test_who_was_not_the_last_to_move_the_tables_trusts_nothing_it_has_seen(
    tale: Tale, database: Database, tables_on_sqlite: Database
) -> None:
    one, other, turn = Recent(), Recent(), 0
    while max(_round(tale, database, 5, one), _round(tale, database, 3, other if turn % 3 else one)):
        turn += 1
    assert dump_all(database) == dump_all(tables_on_sqlite)


def test_rows_trusted_after_another_moved_the_tables_would_be_seen(
    tale: Tale, database: Database, tables_on_sqlite: Database
) -> None:
    """The comparison above must be able to fail: here the places are made to fit, and the rows are old."""
    one = Recent()
    for _ in range(20):
        _round(tale, database, 5, one)
    stood = one.places["balances"].position
    for _ in range(4):
        _round(tale, database, 20, Recent())
    one.places = {name: replace(place, position=stood + 80) for name, place in one.places.items()}
    while _round(tale, database, 50, one):
        pass
    assert _all(database) != _all(tables_on_sqlite)


def test_tables_that_took_over_are_another_generation_and_nothing_of_those_before_is_trusted(
    tale: Tale, database: Database, tables_on_sqlite: Database
) -> None:
    recent = Recent()
    for _ in range(20):
        _round(tale, database, 5, recent)
    rebuild(tale.story.ledger, database, PROJECTIONS["balances"], START)
    _round(tale, database, 5, recent)
    assert not recent.places
    while _round(tale, database, 50, recent):
        pass
    assert dump_all(database) == dump_all(tables_on_sqlite)


def _round(tale: Tale, database: Database, limit: int, recent: Recent) -> int:
    return run_round(tale.story.ledger, database, START, limit, recent).applied


def _all(database: Database) -> dict[str, object]:
    return {name: rows_of(database, projection) for name, projection in PROJECTIONS.items()}
