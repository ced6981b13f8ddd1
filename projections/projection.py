"""Projection: a read model in one file. Its tables, its folds (`@on(Payout.Approved)`), its queries beside it.

    class Payments(Projection):
        name = "payments"
        tables = (PAYMENTS,)

        @on(PaymentIntent.Created)
        def created(self, rows: Rows, event: PaymentIntent.Created, envelope: Envelope) -> None:
            rows.put(PAYMENTS, {...})

A fold is a pure function of rows, event and envelope: no clock, no lookup elsewhere. All of it stands in the class; its
source is part of the definition: a changed definition is noticed, and the tables are built anew rather than migrated.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterator, Set
from functools import cached_property
from typing import Any, ClassVar, Final, TypeVar

from sqlalchemy import Table

from ledger.aggregate import EVENTS, Envelope, Event
from projections.aside import aside_table
from projections.columns import flag, id_, key, number, number_or_none, prose_or_none, table
from projections.proof import HASHED, noted_table, proof_table
from projections.rows import Habit, Rows

PROJECTIONS: Final[dict[str, Projection]] = {}
"""Every projection by its name; a file dropped into the package is found."""

Fold = TypeVar("Fold", bound=Callable[..., None])


def on(*kinds: type[Event]) -> Callable[[Fold], Fold]:
    """Marks the method that folds events of these kinds: `def approved(self, rows, event, envelope)`.

    An event may have several folds in one projection; they run in the order in which they are written.
    """

    def mark(method: Fold) -> Fold:
        method.__dict__["folds"] = kinds
        return method

    return mark


def concerns(name: str, names: Set[str], nouns: Set[str]) -> bool:
    """Whether an event of this stored name is one of `names`, or may be in a release that knows its name.

    `nouns`: the aggregates of those names.
    """
    return name in names or (name not in EVENTS and name.partition(".")[0] in nouns)


class Projection:
    """Base of all read models. `name`: plural noun; `tables`: what it writes, and nobody else does.

    `crosses_streams`: a fold reads rows that events of other streams wrote, so that the order between streams matters.
    Adding to a sum that several streams share does not count: the sum is the same in every order.
    """

    name: ClassVar[str] = ""
    tables: ClassVar[tuple[Table, ...]] = ()
    crosses_streams: ClassVar[bool] = False
    folds: ClassVar[dict[type[Event], list[str]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.folds = {}
        for name, method in vars(cls).items():
            for kind in getattr(method, "folds", ()):
                cls.folds.setdefault(kind, []).append(name)
        PROJECTIONS[cls.name] = cls()

    def fold(self, rows: Rows, envelope: Envelope) -> None:
        """Take what follows from one event."""
        for name in self.folds.get(type(envelope.event), ()):
            getattr(self, name)(rows, envelope.event, envelope)

    def methods(self) -> dict[type[Event], list[Callable[..., None]]]:
        """The folds of each kind of event as `fold(rows, event, envelope)`: for whoever folds millions."""
        return {kind: [getattr(self, name) for name in names] for kind, names in self.folds.items()}

    @cached_property
    def place(self) -> Table:
        """Where this projection stands: a table of one row, so that it is exchanged together with the others."""
        return table(
            f"{self.name}__place",
            key("name"),
            number("position"),
            number("generation"),
            id_("definition"),
            flag("whole"),
            number_or_none("failing_at"),
            prose_or_none("failing"),
            number("aside"),
        )

    @cached_property
    def aside(self) -> Table:
        """The events it could not fold, and those that wait behind them; exchanged together with the others."""
        return aside_table(f"{self.name}__aside")

    @cached_property
    def proof(self) -> Table:
        """The set hashes of its tables (`proof.py`); exchanged together with them."""
        return proof_table(f"{self.name}__proof")

    @cached_property
    def proof_noted(self) -> Table:
        """What the set hashes have still to be told of; exchanged together with them."""
        return noted_table(f"{self.name}__proof_noted")

    @cached_property
    def names(self) -> frozenset[str]:
        """The stored names of the events it folds."""
        return frozenset(kind.stored_name for kind in self.folds)

    @cached_property
    def habits(self) -> defaultdict[str, Habit]:
        """What its folds do with rows under the stream of an event, by the stored name of the event."""
        return defaultdict(Habit)

    @cached_property
    def nouns(self) -> frozenset[str]:
        """The aggregates whose events it folds: an unknown event of one of these is set aside."""
        return frozenset(name.partition(".")[0] for name in self.names)

    def follows(self, name: str) -> bool:
        """Whether an event of this stored name concerns it, or may do so in a release that knows the name."""
        return concerns(name, self.names, self.nouns)

    @cached_property
    def definition(self) -> str:
        """SHA-256 (hex) over tables, indexes, folds, the events folded and how rows are proved.

        Comments and docstrings do not count.
        """
        parts = [*map(_described, self.tables), _body(type(self)), *sorted(self.names), HASHED]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _described(declared: Table) -> str:
    columns = [
        f"{column.name} {type(column.type).__name__} {getattr(column.type, 'length', None)} {column.nullable}"
        for column in declared.columns
    ]
    indexes = sorted(f"{index.name} {[column.name for column in index.columns]}" for index in declared.indexes)
    key_columns = [column.name for column in declared.primary_key]
    # That rows are put once says nothing about what they hold.
    counted = [(name, value) for name, value in declared.info.items() if name != "once"]
    return repr([declared.name, key_columns, columns, indexes, sorted(counted, key=str)])


def _body(kind: type[Any]) -> str:
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    for node in _documented(tree):
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def _documented(tree: ast.Module) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef))
