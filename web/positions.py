"""Reading what one has just written: a caller who names a log position never reads older, and waits a little for it."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep
from typing import Final

from ledger.errors import InvalidField, Unavailable

HEADER: Final = "Socai-Position"
SET_ASIDE: Final = "Socai-Set-Aside"
"""How many events, anybody's, the tables behind an answer lack because they could not be folded; left out when none."""
PATIENCE_S: Final = 2.0
PAUSE_S: Final = 0.02


class ReadTablesBehind(Unavailable):
    """The read tables have not come to the position you named yet. Nothing is lost; ask again."""

    title = "The read tables are not that far yet"


def wanted(header: str | None, parameter: int | None) -> int:
    """The position a caller wants to see at least: the parameter, or the header, or 0. Raises InvalidField."""
    if parameter is not None or header is None:
        return parameter or 0
    if not (header.isascii() and header.isdigit() and len(header) <= 18):
        raise InvalidField("A position is the number that an earlier answer gave in Socai-Position.", field=HEADER)
    return int(header)


def reached(position: Callable[[], int], least: int, head: Callable[[], int]) -> int:
    """The position the tables show, once it is `least`; waits up to PATIENCE_S.

    `head`: the end of the log. Raises InvalidField for a position behind it, ReadTablesBehind.
    """
    if position() < least and head() < least:
        raise InvalidField("There is no such log position yet; name one that an answer gave.", field="position")
    deadline = monotonic() + PATIENCE_S
    while (shown := position()) < least:
        if monotonic() >= deadline:
            raise ReadTablesBehind(f"The tables show position {shown}; ask again for {least}.", position=shown)
        sleep(PAUSE_S)
    return shown
