"""What a follower last saw of the read tables, so that it need not ask for what it has written a moment ago.

Rows of a projection are good as long as nobody else has written them, which its place tells: whoever writes them moves
it, and a rebuild makes another generation of it. So places are compared in the transaction that trusts these rows, and
nothing here is more than a saving.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from projections.encoding import Key, Row
from projections.tables import Place

ROWS_MAX: Final = 20_000
"""Rows of one projection that are kept at least, once there are so many; twice as many at most."""

UNKNOWN: Final = object()
"""Nothing is known of a row, not even that there is none."""

Found = Mapping[str, Mapping[Key, Row | None]]
"""Rows by table and key; None where there is none."""


class RecentRows:
    """Rows of one projection, in two generations: what was not touched while the young one filled is forgotten."""

    def __init__(self) -> None:
        self._young: dict[str, dict[Key, Row | None]] = {}
        self._old: dict[str, dict[Key, Row | None]] = {}

    def get(self, name: str, key: Key) -> Row | object | None:
        """A row of a table, None when there is none, or UNKNOWN."""
        for rows in (self._young.get(name, {}), self._old.get(name, {})):
            if key in rows:
                return rows[key]
        return UNKNOWN

    def keep(self, found: Found) -> None:
        """This is how these rows stand."""
        for name, rows in found.items():
            self._young.setdefault(name, {}).update(rows)
        if sum(map(len, self._young.values())) > ROWS_MAX:
            self._old, self._young = self._young, {}


class Recent:
    """The places of all projections, and rows of each: empty when they are not known to stand together."""

    def __init__(self) -> None:
        self.places: dict[str, Place] = {}
        self._rows: dict[str, RecentRows] = {}

    def rows(self, name: str) -> RecentRows:
        """The rows of a projection."""
        return self._rows.setdefault(name, RecentRows())

    def moved(self, places: Mapping[str, Place], found: Mapping[str, Found]) -> None:
        """All projections stand here now, and these of their rows like this: the transaction that did it is over."""
        self.places = dict(places)
        for name, rows in found.items():
            self.rows(name).keep(rows)

    def forget(self) -> None:
        """Somebody else may have written."""
        self.places.clear()
        self._rows.clear()
