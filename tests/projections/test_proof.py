"""Set hashes: added and taken away in any order they come to the same, and no change goes unseen."""

from __future__ import annotations

import random
from functools import partial
from hashlib import blake2b
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Table, func, insert, select
from sqlalchemy.schema import CreateTable

import projections.proof
from projections.database import Database
from projections.encoding import Lines
from projections.follower import run_round
from projections.projection import PROJECTIONS
from projections.proof import (
    HALF,
    NOTED_FOR,
    NOTED_MAX,
    Bucket,
    Proof,
    SetHash,
    hashes_of,
    is_to_be_summed,
    kept_hashes,
    noted_table,
    notes_of,
    proof_table,
    sum_up,
)
from projections.writing import Statements
from tests.projections.dumped import dump_all
from tests.projections.tale import Tale
from tests.story import START

Line = tuple[str, str, str, bytes]

LINES = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("12"), st.sampled_from("mn"), st.binary()))


def _add(proof: Proof, line: Line, rows: Literal[1, -1] = 1) -> None:
    name, day, merchant, text = line
    proof.add_all(name, [text], [(day, merchant)], rows)


def _hashes(*lines: Line) -> dict[Bucket, SetHash]:
    return hashes_of([(name, Lines([()], [text], [(day, merchant)], text)) for name, day, merchant, text in lines])


def _create(table: Table, connection: Connection) -> None:
    connection.execute(CreateTable(table))


def _write(proof: Proof, kept: Table, noted: Table, position: int, connection: Connection) -> None:
    statements = Statements(connection)
    proof.write(statements, kept)
    statements.send()


def _note(proof: Proof, kept: Table, noted: Table, position: int, connection: Connection) -> None:
    statements = Statements(connection)
    proof.note(statements, kept, noted, position)
    statements.send()


def _sum_up(kept: Table, noted: Table, connection: Connection) -> None:
    statements = Statements(connection)
    sum_up(statements, notes_of(connection, noted), kept, noted)
    statements.send()


def _notes(noted: Table, connection: Connection) -> list[str]:
    return list(notes_of(connection, noted))


@given(LINES, LINES, st.randoms(use_true_random=False))
def test_what_is_added_and_taken_away_leaves_the_rest(stay: list[Line], go: list[Line], chance: random.Random) -> None:
    proof = Proof()
    moves: list[tuple[Line, Literal[1, -1]]] = [(line, 1) for line in (*stay, *go)]
    moves += [(line, -1) for line in go]
    chance.shuffle(moves)
    for line, rows in moves:
        _add(proof, line, rows)
    assert proof.hashes() == _hashes(*stay)


@given(LINES, st.sampled_from([1, -1]))
def test_many_together_are_the_same_as_one_by_one(lines: list[Line], rows: Literal[1, -1]) -> None:
    singly, together = Proof(), Proof()
    for line in lines:
        _add(singly, line, rows)
    for name in "ab":
        mine = [line for line in lines if line[0] == name]
        together.add_all(name, [line[3] for line in mine], [(line[1], line[2]) for line in mine], rows)
    assert together.hashes() == singly.hashes()


def test_a_set_hash_is_the_sums_of_the_words_of_its_rows() -> None:
    digests = [blake2b(text, digest_size=16).digest() for text in (b"x", b"y", b"z")]
    low, high = (sum(int.from_bytes(digest[at : at + 8], "little") for digest in digests) % HALF for at in (0, 8))
    assert _hashes(*(("t", "d", "m", text) for text in (b"x", b"y", b"z"))) == {("t", "d", "m"): SetHash(3, low, high)}


def test_another_byte_another_row_and_a_double_are_seen() -> None:
    one = _hashes(("t", "d", "m", b"x"))
    assert one != _hashes(("t", "d", "m", b"y"))
    assert one != _hashes(("t", "d", "n", b"x"))
    assert one != _hashes(("t", "d", "m", b"x"), ("t", "d", "m", b"x"))


def test_parts_are_put_together() -> None:
    proof = Proof()
    proof.merge(_hashes(("t", "d", "m", b"x"), ("t", "d", "m", b"y")))
    proof.merge(_hashes(("t", "d", "m", b"z")))
    assert proof.hashes() == _hashes(*(("t", "d", "m", text) for text in (b"z", b"x", b"y")))


def test_what_is_kept_is_the_sum_of_what_was_written(database: Database) -> None:
    kept, noted, chance = proof_table("some__proof"), noted_table("some__noted"), random.Random(3)
    for table in (kept, noted):
        database.write(partial(_create, table))
    lines = [("t", f"2026-01-0{chance.randrange(1, 5)}", f"m{chance.randrange(3)}", b"%d" % n) for n in range(300)]
    gone: list[Line] = []
    for start in range(0, 300, 50):
        proof = Proof()
        for line in lines[start : start + 50]:
            _add(proof, line)
        for line in chance.sample([line for line in lines[: start + 50] if line not in gone], 20):
            _add(proof, line, -1)
            gone.append(line)
        database.write(partial(chance.choice((_write, _note, _note)), proof, kept, noted, start))
        if start == 200:
            database.write(partial(_sum_up, kept, noted))

    def read(connection: Connection) -> dict[tuple[str, str, str], SetHash]:
        return kept_hashes(connection, kept, noted)

    assert database.write(read) == _hashes(*(line for line in lines if line not in gone))
    assert all(0 <= found.low < HALF and 0 <= found.high < HALF for found in database.write(read).values())


def test_what_was_noted_is_added_up_once_and_then_gone(database: Database) -> None:
    kept, noted = proof_table("some__proof"), noted_table("some__noted")
    for table in (kept, noted):
        database.write(partial(_create, table))
    lines = [("t", "d", f"m{n % 3}", b"%d" % n) for n in range(9)]
    for n, line in enumerate(lines):
        proof = Proof()
        _add(proof, line)
        database.write(partial(_note, proof, kept, noted, n))
    assert len(database.write(partial(_notes, noted))) == 9
    for _ in range(2):
        database.write(partial(_sum_up, kept, noted))
        assert database.write(partial(_notes, noted)) == []
        assert database.write(lambda connection: kept_hashes(connection, kept, noted)) == _hashes(*lines)


def test_a_note_that_would_be_too_long_is_added_up_at_once(database: Database) -> None:
    kept, noted, proof = proof_table("some__proof"), noted_table("some__noted"), Proof()
    for table in (kept, noted):
        database.write(partial(_create, table))
    lines = [("t", "2026-01-01", f"mer_{n}", b"%d" % n) for n in range(NOTED_MAX // 25)]
    for line in lines:
        _add(proof, line)
    database.write(partial(_note, proof, kept, noted, 1))
    assert database.write(partial(_notes, noted)) == []
    assert database.write(lambda connection: kept_hashes(connection, kept, noted)) == _hashes(*lines)


def test_notes_hold_every_change_whatever_the_buckets_are(database: Database) -> None:
    kept, noted, proof = proof_table("some__proof"), noted_table("some__noted"), Proof()
    for table in (kept, noted):
        database.write(partial(_create, table))
    buckets = [("t", "2026-01-01", "m"), ("t", "2026-01-01", "n"), ("t", "2026-01-02", "m"), ("t", "", "")]
    buckets += [("u", "", ""), ("u", "", "="), ("u", "", "m"), ("v", "2026-01-02", "\\xe9'\"")]
    lines = [(*bucket, b"%d" % n) for n, bucket in enumerate(buckets)]
    for line in lines:
        _add(proof, line)
    _add(proof, ("t", "2026-01-01", "m", b"gone"), -1)
    database.write(partial(_note, proof, kept, noted, 1))
    assert len(database.write(partial(_notes, noted))) == 1
    found = database.write(lambda connection: kept_hashes(connection, kept, noted))
    gone = Proof()
    _add(gone, ("t", "2026-01-01", "m", b"gone"))
    gone.merge(found)
    assert gone.hashes() == _hashes(*lines)


def test_what_would_not_be_read_as_it_was_noted_is_added_up_at_once(database: Database) -> None:
    kept, noted, proof = proof_table("some__proof"), noted_table("some__noted"), Proof()
    for table in (kept, noted):
        database.write(partial(_create, table))
    lines = [("t", "2026-01-01", "m n", b"x"), ("t", "2026-01-01", "m", b"y")]
    for line in lines:
        _add(proof, line)
    database.write(partial(_note, proof, kept, noted, 1))
    assert database.write(partial(_notes, noted)) == []
    assert database.write(lambda connection: kept_hashes(connection, kept, noted)) == _hashes(*lines)


@pytest.mark.parametrize(
    "spoiled",
    ["", "x", "t d m 1", "t d m 1 AA==", "t d m one AAAAAAAAAAAAAAAAAAAAAA==", "t d m 1 AAAAAAAAAAAAAAAAAAAAA-==", "é"],
)
def test_a_note_that_cannot_be_read_stays_to_be_seen(database: Database, spoiled: str) -> None:
    kept, noted = proof_table("some__proof"), noted_table("some__noted")
    for table in (kept, noted):
        database.write(partial(_create, table))
    database.write(lambda connection: connection.execute(insert(noted).values(position=1, changes=spoiled)))
    for _ in range(2):
        found = database.write(lambda connection: kept_hashes(connection, kept, noted))
        assert found == {("", "", ""): SetHash(1, 0, 0)}
        database.write(partial(_sum_up, kept, noted))


def test_notes_are_added_up_whenever_a_mark_is_passed() -> None:
    assert not is_to_be_summed(0, NOTED_FOR - 1)
    assert is_to_be_summed(NOTED_FOR - 1, NOTED_FOR)
    assert not is_to_be_summed(NOTED_FOR, NOTED_FOR + 500)
    assert is_to_be_summed(NOTED_FOR - 1, 5 * NOTED_FOR)


def test_a_follower_adds_up_what_it_noted_from_time_to_time(
    tale: Tale, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections.proof, "NOTED_FOR", 20)
    most, both = 0, 0
    payments = PROJECTIONS["payments"]
    while run_round(tale.story.ledger, database, START, 3).applied:
        notes = len(database.write(partial(_notes, payments.proof_noted)))
        sums = database.write(lambda connection: connection.scalar(select(func.count()).select_from(payments.proof)))
        most, both = max(most, notes), both + bool(notes and sums)
    assert 1 < most <= 20 // 3 + 1
    assert both
    dump_all(database)
