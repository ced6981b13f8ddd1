"""Progress is told in plain lines where lines are kept and in bars on a terminal, by the clock that is handed in."""

from __future__ import annotations

import io
import re

from ledger.progress import SECOND_NS, Lines, per_second, progress_on


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_line_every_few_seconds_says_rate_and_time_left() -> None:
    clock, said = Clock(), list[str]()
    told = Lines(said.append, clock)
    for second in range(13):
        clock.now = second * SECOND_NS
        told("copying", 500 + 1_000 * second, 20_500)
    assert said == [
        "copying: 5500 of 20500, 1000 a second, 15 s left",
        "copying: 10500 of 20500, 1000 a second, 10 s left",
    ]


def test_another_piece_of_work_begins_its_own_count() -> None:
    clock, said = Clock(), list[str]()
    told = Lines(said.append, clock)
    told("copying", 100, 100)
    clock.now = 60 * SECOND_NS
    told("comparing", 0, 100)
    clock.now = 65 * SECOND_NS
    told("comparing", 0, 100)
    assert said == ["comparing: 0 of 100, 0 a second"]


def test_a_rate_needs_no_time_to_have_passed() -> None:
    assert (per_second(0, 0), per_second(7, SECOND_NS), per_second(7, 2 * SECOND_NS)) == (0, 7, 3)


def test_lines_go_where_lines_are_kept_and_bars_to_a_terminal() -> None:
    clock = Clock()
    for stream in (io.StringIO(), Terminal()):
        clock.now = 0
        with progress_on(stream, clock) as told:
            told("copying", 0, 100)
            clock.now = 9 * SECOND_NS
            told("copying", 90, 100)
        text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
        assert "copying" in text
        assert ("90/100" in text) if stream.isatty() else (text == "copying: 90 of 100, 10 a second, 1 s left\n")
