"""What a follower last saw of the read tables, so that it need not ask for what it has written a moment ago.

Rows of a projection are good as long as nobody else has written them, which its place tells: whoever writes them moves
it, and a rebuild makes another generation of it. So places are compared in the transaction that trusts these rows, and
nothing here is more than a saving.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from projections.encoding import Key, Row
from projections.proof import Word
from projections.tables import Place

ROWS_MAX: Final = 20_000
"""Rows of one projection that are kept at least, once there are so many; twice as many at most."""

UNKNOWN: Final = object()
"""Nothing is known of a row, not even that there is none."""

Found = Mapping[str, Mapping[Key, Row | None]]
"""Rows by table and key; None where there is none."""


class Seen(NamedTuple):
    """The rows of a transaction as they stand behind it, and of some what they count for in the proof.

    `words`: by table and key, each with its row: they are of that very object, and of no other.
    """

    rows: Found
    words: Mapping[str, Mapping[Key, tuple[Row, Word]]] = {}


class RecentRows:
    """Rows of one projection, in two generations: what was not touched while the young one filled is forgotten.

    `changing`: tables of which rows were seen to change, so that it pays to keep what their rows count for.
    """

    def __init__(self) -> None:
        self.changing: set[str] = set()
        self._young, self._old = _Generation(), _Generation()

    def get(self, name: str, key: Key) -> Row | object | None:
        """A row of a table, None when there is none, or UNKNOWN."""
        for rows in (self._young.rows.get(name, {}), self._old.rows.get(name, {})):
            if key in rows:
                return rows[key]
        return UNKNOWN

    def word(self, name: str, key: Key, row: Row) -> Word | None:
        """What this row, which `get` gave, counts for in the proof; None when that is not known."""
        for words in (self._young.words.get(name, {}), self._old.words.get(name, {})):
            found = words.get(key)
            if found is not None and found[0] is row:
                return found[1]
        return None

    def keep(self, seen: Seen) -> None:
        """This is how these rows stand."""
        young = self._young
        for name, rows in seen.rows.items():
            young.rows.setdefault(name, {}).update(rows)
        for name, words in seen.words.items():
            young.words.setdefault(name, {}).update(words)
        if sum(map(len, young.rows.values())) > ROWS_MAX:
            self._old, self._young = young, _Generation()


class _Generation:
    def __init__(self) -> None:
        self.rows: dict[str, dict[Key, Row | None]] = {}
        self.words: dict[str, dict[Key, tuple[Row, Word]]] = {}


class Recent:
    """The places of all projections, and rows of each: empty when they are not known to stand together."""

    def __init__(self) -> None:
        self.places: dict[str, Place] = {}
        self._rows: dict[str, RecentRows] = {}

    def rows(self, name: str) -> RecentRows:
        """The rows of a projection."""
        return self._rows.setdefault(name, RecentRows())

    def moved(self, places: Mapping[str, Place], seen: Mapping[str, Seen]) -> None:
        """All projections stand here now, and these of their rows like this: the transaction that did it is over."""
        self.places = dict(places)
        for name, one in seen.items():
            self.rows(name).keep(one)

    def forget(self) -> None:
        """Somebody else may have written."""
        self.places.clear()
        self._rows.clear()
