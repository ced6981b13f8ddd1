"""Command, Receipt and the handlers' registry: what may be asked, and who decides it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

import msgspec

from ledger.aggregate import Aggregate
from ledger.context import Context
from ledger.store import Ledger


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, in the imperative; what the world tells us begins with Record."""


class IdempotencyKey(msgspec.Struct, frozen=True, kw_only=True):
    """A caller's key for one request. `scope`: whose key; `fingerprint`: digest of what was asked under it."""

    scope: str
    key: str
    fingerprint: str


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a command: the subject's stream and version then, and the log position that shows it.

    `replayed`: the same request under the same idempotency key was answered before; nothing was done now.
    """

    subject: str
    version: int
    position: int
    replayed: bool = False


class Decided:
    """What a handler decided: its subject, and every aggregate to keep with it in one insertion."""

    def __init__(self, subject: Aggregate, *others: Aggregate) -> None:
        self.subject = subject
        self.aggregates = (subject, *others)


C = TypeVar("C", bound=Command)
Handler = Callable[[Ledger, Context, C], Decided]
HANDLERS: dict[type[Command], Handler[Any]] = {}


def handler(kind: type[C]) -> Callable[[Handler[C]], Handler[C]]:
    """Marks the function that decides commands of this kind. It may refuse; it keeps nothing itself."""

    def register(function: Handler[C]) -> Handler[C]:
        HANDLERS[kind] = function
        return function

    return register
