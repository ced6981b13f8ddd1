"""Records of writers and followers tell the truth after a kill at any byte."""

from __future__ import annotations

from pathlib import Path

from ledger.event_log import Recorded
from tests.torture.records import (
    Attempt,
    AttemptRecord,
    Claim,
    Outcome,
    SeenRecord,
    Tail,
    attempts,
    digest,
    last_position,
    seen,
)

CLAIM = Claim("a", 1, "d1")


def event(position: int) -> Recorded:
    return Recorded(position, "a", position, "tally.counted", b"{}")


def test_an_attempt_without_an_outcome_is_unknown(tmp_path: Path) -> None:
    record = AttemptRecord(tmp_path / "w")
    record.tries("k1", [CLAIM])
    record.ended("k1", Outcome.UNKNOWN)
    record.tries("k1", [CLAIM])
    record.ended("k1", Outcome.STORED, [7])
    record.tries("k2", [CLAIM])
    assert list(attempts(tmp_path / "w")) == [
        Attempt("k1", (CLAIM,), Outcome.UNKNOWN),
        Attempt("k1", (CLAIM,), Outcome.STORED, (7,)),
        Attempt("k2", (CLAIM,), Outcome.UNKNOWN),
    ]


def test_cut_at_any_byte_a_record_never_claims_an_outcome_that_was_not_written(tmp_path: Path) -> None:
    record = AttemptRecord(tmp_path / "w")
    record.tries("k1", [CLAIM])
    tried = (tmp_path / "w").read_bytes()
    record.ended("k1", Outcome.STORED, [7])
    content = (tmp_path / "w").read_bytes()
    for size in range(len(tried), len(content)):
        (tmp_path / "cut").write_bytes(content[:size])
        assert list(attempts(tmp_path / "cut")) == [Attempt("k1", (CLAIM,), Outcome.UNKNOWN)]
    for size in range(len(tried)):
        (tmp_path / "cut").write_bytes(content[:size])
        assert list(attempts(tmp_path / "cut")) == []


def test_a_follower_goes_on_behind_its_last_whole_line_wherever_it_was_cut(tmp_path: Path) -> None:
    SeenRecord(tmp_path / "f").saw([event(1), event(2), event(3)])
    content = (tmp_path / "f").read_bytes()
    lines = [0, *(place + 1 for place, byte in enumerate(content) if byte == ord("\n"))]
    for size in range(len(content) + 1):
        file = tmp_path / "cut"
        file.write_bytes(content[:size])
        whole = sum(end <= size for end in lines) - 1
        record = SeenRecord(file)
        assert record.position == whole
        record.saw([event(whole + 1)])
        assert [one.position for one in seen(file)] == list(range(1, whole + 2))
        assert last_position(file) == whole + 1


def test_a_tail_counts_each_line_once_and_only_whole_ones(tmp_path: Path) -> None:
    tail = Tail(tmp_path / "w", "stored")
    assert tail.grown() == 0
    record = AttemptRecord(tmp_path / "w")
    record.tries("k1", [CLAIM])
    record.ended("k1", Outcome.STORED, [1])
    assert tail.grown() == 1
    with (tmp_path / "w").open("ab") as file:
        file.write(b'["stored", "k2"')
    assert tail.grown() == 1
    with (tmp_path / "w").open("ab") as file:
        file.write(b", [2]]\n")
    assert tail.grown() == 2


def test_a_digest_tells_names_and_bytes_apart() -> None:
    assert len({digest("tally.counted", b"{}"), digest("tally.closed", b"{}"), digest("tally.counted", b"{ }")}) == 3
