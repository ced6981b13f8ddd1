"""Set hashes: added and taken away in any order they come to the same, and no change goes unseen."""

from __future__ import annotations

import random
from functools import partial
from hashlib import blake2b
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Table
from sqlalchemy.schema import CreateTable

from projections.database import Database
from projections.encoding import Lines
from projections.proof import HALF, Bucket, Proof, SetHash, hashes_of, kept_hashes, proof_table
from projections.writing import Statements

Line = tuple[str, str, str, bytes]

LINES = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("12"), st.sampled_from("mn"), st.binary()))


def _add(proof: Proof, line: Line, rows: Literal[1, -1] = 1) -> None:
    name, day, merchant, text = line
    proof.add_all(name, [text], [(day, merchant)], rows)


def _hashes(*lines: Line) -> dict[Bucket, SetHash]:
    return hashes_of([(name, Lines([()], [text], [(day, merchant)])) for name, day, merchant, text in lines])


def _write(proof: Proof, kept: Table, connection: Connection) -> None:
    statements = Statements(connection)
    proof.write(statements, kept)
    statements.send()


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
    kept, chance = proof_table("some__proof"), random.Random(3)
    database.write(lambda connection: connection.execute(CreateTable(kept)))
    lines = [("t", f"2026-01-0{chance.randrange(1, 5)}", f"m{chance.randrange(3)}", b"%d" % n) for n in range(300)]
    gone: list[Line] = []
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

    assert database.write(read) == _hashes(*(line for line in lines if line not in gone))
    assert all(0 <= found.low < HALF and 0 <= found.high < HALF for found in database.write(read).values())
