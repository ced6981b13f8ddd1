"""Rows of a build: written once when nobody touches them any more, asked for again when somebody does."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Table

from ledger.errors import FoldImpossible
from projections.bulk_rows import ENCODED_AT_ONCE, BulkRows, Written
from projections.columns import id_, key, number, table
from projections.encoding import NULL, Key, Lines, Row, encoder
from projections.proof import hashes_of

ROWS = table("rows_of_a_build", key("id"), number("count"))
KINDS = table("kinds_of_a_build", key("id"), id_("kind"), number("in"), number("out"), sums=("in", "out"))
ONCE = table("rows_put_once", key("id"), number("count"), once=True)
SUMS = table("sums_of_a_build", key("id"), number("total"), sums=("total",))


class Kept:
    """A shelf in memory: what would stand in the tables, and how often each row was written or asked for."""

    def __init__(self) -> None:
        self.rows: dict[Key, Sequence[Any]] = {}
        self.writes = self.asked = 0

    def insert(self, table: Table, rows: Lines) -> None:
        """A row that is there already would be refused."""
        for row in rows.stored:
            assert (row[0],) not in self.rows
            self.rows[row[0],] = row
        self.writes += len(rows.stored)

    def upsert(self, table: Table, rows: Lines) -> None:
        """A row that is not there is no change."""
        for row in rows.stored:
            assert (row[0],) in self.rows
            self.rows[row[0],] = row
        self.writes += len(rows.stored)

    def delete(self, table: Table, keys: Sequence[Key]) -> None:
        """They stand no more."""
        for gone in keys:
            del self.rows[gone]

    def ask(self, table: Table, key: Key) -> Row | None:
        """As a table would answer."""
        self.asked += 1
        found = self.rows.get(key)
        return None if found is None else dict(zip(("id", "count"), found, strict=True))


def _rows(kept: Kept, limit: int) -> BulkRows:
    return BulkRows({str(one.name): one for one in (ROWS, ONCE, SUMS, KINDS)}, kept, limit)


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from(["put", "delete", "undo", "overwrite", "undo overwriting"]))
    ),
    st.integers(0, 5),
)
def test_what_stands_at_the_end_is_what_was_put(moves: list[tuple[str, str]], limit: int) -> None:
    kept, plain = Kept(), dict[str, int]()
    rows = _rows(kept, limit)
    for turn, (name, move) in enumerate(moves):
        rows.settle()
        rows.begin()
        if move.endswith(("overwrite", "overwriting")):
            count = plain.get(name, 0)
        else:
            count = (rows.get(ROWS, name) or {"count": 0})["count"]
        assert count == plain.get(name, 0)
        if move == "delete":
            rows.delete(ROWS, name)
            plain.pop(name, None)
            continue
        rows.put(ROWS, {"id": name, "count": count + 1})
        rows.put(ONCE, {"id": f"turn {turn}", "count": count})
        rows.add(SUMS, {"id": name}, total=1)
        if move.startswith("undo"):
            rows.undo()
        else:
            plain[name] = count + 1
    done = [name for name, move in moves if move in ("put", "overwrite")]
    assert {key[0]: row["total"] for key, row in rows.finish()["sums_of_a_build"].items()} == {
        name: done.count(name) for name in done
    }
    once = {key[0]: row for key, row in kept.rows.items() if key[0].startswith("turn ")}
    assert list(once) == [f"turn {turn}" for turn, (_, move) in enumerate(moves) if move in ("put", "overwrite")]
    others = {key[0]: row for key, row in kept.rows.items() if key[0] not in once}
    assert {name: row[1] for name, row in others.items()} == plain
    stands = [("rows_of_a_build", others), ("rows_put_once", once)]
    assert rows.proof.hashes() == hashes_of(
        [(name, encoder(ROWS).as_stored(list(some.values()))) for name, some in stands]
    )


def test_a_row_is_written_once_unless_it_is_touched_long_after() -> None:
    kept = Kept()
    rows = _rows(kept, 100)
    for turn in range(1_000):
        rows.settle()
        rows.begin()
        rows.put(ROWS, {"id": f"r{turn}", "count": 0})
        rows.change(ROWS, f"r{max(0, turn - 50)}", count=turn)
    rows.finish()
    assert (kept.writes, kept.asked) == (1_000, 0)
    rows.begin()
    rows.change(ROWS, "r1", count=7)
    rows.finish()
    assert (kept.writes, kept.asked) == (1_001, 1)
    assert NULL not in kept.rows["r1",]


def test_rows_that_are_put_once_are_not_kept_in_memory() -> None:
    kept = Kept()
    rows = _rows(kept, 1_000_000)
    for turn in range(2 * ENCODED_AT_ONCE + 1):
        rows.begin()
        rows.put(ONCE, {"id": f"o{turn}", "count": 0})
        assert kept.writes == turn // ENCODED_AT_ONCE * ENCODED_AT_ONCE
        rows.settle()
    rows.finish()
    assert kept.writes == len(kept.rows) == 2 * ENCODED_AT_ONCE + 1


def test_sums_are_added_up_and_taken_back() -> None:
    rows = _rows(Kept(), 10)
    for turn in range(6):
        rows.begin()
        rows.add(KINDS, {"id": "a", "kind": "k"}, **{"in": turn})
        rows.add(KINDS, {"id": f"b{turn}", "kind": "k"}, **{"in": 1, "out": 2})
        rows.add(SUMS, {"id": "a"}, total=turn)
        if turn % 2:
            rows.undo()
    found = rows.finish()
    assert found["sums_of_a_build"] == {("a",): {"id": "a", "total": 6}}
    assert found["kinds_of_a_build"] == {
        ("a",): {"id": "a", "kind": "k", "in": 6, "out": 0},
        **{(f"b{turn}",): {"id": f"b{turn}", "kind": "k", "in": 1, "out": 2} for turn in (0, 2, 4)},
    }


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda rows: rows.get(SUMS, "a"), "holds sums"),
        (lambda rows: rows.change(SUMS, "a", total=1), "holds sums"),
        (lambda rows: rows.delete(SUMS, "a"), "holds sums"),
        (lambda rows: rows.put(SUMS, {"id": "a", "total": 1}), "holds sums"),
        (lambda rows: rows.get(ONCE, "a"), "put once"),
        (lambda rows: rows.value(ONCE, "count", "a"), "put once"),
        (lambda rows: rows.change(ONCE, "a", count=1), "put once"),
        (lambda rows: rows.delete(ONCE, "a"), "put once"),
        (lambda rows: rows.put(ONCE, {"id": "b"}), "see count"),
        (lambda rows: rows.add(SUMS, {"id": "a", "more": 1}, total=1), "see more"),
        (lambda rows: rows.add(SUMS, {"id": "a"}, amount=1), "see amount"),
        (lambda rows: rows.add(SUMS, {}, total=1), "see id"),
        (lambda rows: rows.add(KINDS, {"id": "a"}), "see kind"),
        (lambda rows: rows.add(KINDS, {"id": "a", "other": "k"}), "see kind, other"),
        (lambda rows: rows.add(KINDS, {"id": "a", "kind": "other"}), "keeps a with kind k, not other"),
        (lambda rows: rows.add(ROWS, {"id": "a", "count": 1}), "exactly the columns|only"),
        (lambda rows: rows.put(ROWS, {"id": "a"}), "see count"),
        (lambda rows: rows.put(ROWS, {"id": "a", "count": 1, "more": 1}), "see more"),
        (lambda rows: rows.change(ROWS, "a", more=1), "see more"),
        (lambda rows: rows.change(ROWS, "b", count=1), "has no row b"),
    ],
)
def test_what_no_row_can_be_is_refused(change: Callable[[BulkRows], object], why: str) -> None:
    rows = _rows(Kept(), 10)
    rows.put(ROWS, {"id": "a", "count": 1})
    rows.put(ONCE, {"id": "a", "count": 1})
    rows.add(SUMS, {"id": "a"}, total=1)
    rows.add(KINDS, {"id": "a", "kind": "k"})
    with pytest.raises(FoldImpossible, match=why):
        change(rows)


def test_what_was_given_out_or_handed_in_changes_nothing_later() -> None:
    rows, mine = _rows(Kept(), 10), {"id": "a", "count": 1}
    rows.put(ROWS, mine)
    mine["count"] = 9
    rows.must_get(ROWS, "a")["count"] = 9
    rows.change(ROWS, "a")
    assert rows.get(ROWS, "a") == {"id": "a", "count": 1}
    constants = {"id": "a", "kind": "k"}
    rows.add(KINDS, constants)
    constants["kind"] = "other"
    assert rows.finish()["kinds_of_a_build"]["a",]["kind"] == "k"


@pytest.mark.parametrize("exactly", [100, 10_000])
def test_keys_that_were_written_are_never_denied_and_few_others_claimed(exactly: int) -> None:
    chance, has = random.Random(1), Written(exactly)
    keys = [(f"k{chance.random()}", number) for number in range(20_000)]
    for start in range(0, 10_000, 50):
        has.put(keys[start : start + 50])
    assert all(map(has.may_have, keys[:10_000]))
    assert sum(map(has.may_have, keys[10_000:])) < (1 if exactly == 10_000 else 10)
