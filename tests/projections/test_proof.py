"""Set hashes: added and taken away in any order they come to the same, and no change goes unseen."""

from __future__ import annotations

import random
from functools import partial

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Table
from sqlalchemy.schema import CreateTable

from projections.database import Database
from projections.proof import HALF, Bucket, Proof, SetHash, kept_hashes, proof_table
from projections.writing import Statements

LINES = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("12"), st.sampled_from("mn"), st.binary()))


def _add(proof: Proof, line: tuple[str, str, str, bytes], rows: int = 1) -> None:
    name, day, merchant, text = line
    proof.add(name, [(day, merchant)], [text], rows)


def _hashes_of(lines: list[tuple[str, str, str, bytes]]) -> dict[Bucket, SetHash]:
    proof = Proof()
    for line in lines:
        _add(proof, line)
    return proof.hashes()


def _write(proof: Proof, kept: Table, connection: Connection) -> None:
    statements = Statements(connection)
    proof.write(statements, kept)
    statements.send()


@given(LINES, LINES, st.randoms(use_true_random=False))
def test_what_is_added_and_taken_away_leaves_the_rest(
    stay: list[tuple[str, str, str, bytes]], go: list[tuple[str, str, str, bytes]], chance: random.Random
) -> None:
    proof, moves = Proof(), [*((line, 1) for line in (*stay, *go)), *((line, -1) for line in go)]
    chance.shuffle(moves)
    for line, rows in moves:
        _add(proof, line, rows)
    assert proof.hashes() == _hashes_of(stay)


def test_another_byte_another_row_and_a_double_are_seen() -> None:
    one = _hashes_of([("t", "d", "m", b"x")])
    assert one != _hashes_of([("t", "d", "m", b"y")])
    assert one != _hashes_of([("t", "d", "n", b"x")])
    assert one != _hashes_of([("t", "d", "m", b"x"), ("t", "d", "m", b"x")])


def test_parts_are_put_together() -> None:
    proof = Proof()
    proof.merge(_hashes_of([("t", "d", "m", b"x"), ("t", "d", "m", b"y")]))
    proof.merge(_hashes_of([("t", "d", "m", b"z")]))
    assert proof.hashes() == _hashes_of([("t", "d", "m", text) for text in (b"z", b"x", b"y")])


def test_what_is_kept_is_the_sum_of_what_was_written(database: Database) -> None:
    kept, chance = proof_table("some__proof"), random.Random(3)
    database.write(lambda connection: connection.execute(CreateTable(kept)))
    lines = [("t", f"2026-01-0{chance.randrange(1, 5)}", f"m{chance.randrange(3)}", b"%d" % n) for n in range(300)]
    gone: list[tuple[str, str, str, bytes]] = []
    for start in range(0, 300, 50):
        proof = Proof()
        for line in lines[start : start + 50]:
            _add(proof, line)
        for line in chance.sample([line for line in lines[: start + 50] if line not in gone], 20):
            _add(proof, line, -1)
            gone.append(line)
        database.write(partial(_write, proof, kept))

    def read(connection: Connection) -> dict[tuple[str, str, str], SetHash]:
        return kept_hashes(connection, kept)

    assert database.write(read) == _hashes_of([line for line in lines if line not in gone])
    assert all(0 <= found.low < HALF and 0 <= found.high < HALF for found in database.write(read).values())
