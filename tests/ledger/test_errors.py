"""The tree of refusals: families, and slugs that programs of merchants know."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import pytest

from ledger import errors
from ledger.errors import Conflict, Problem, Unavailable

SLUGS = {
    "Malformed": {
        "body-too-large",
        "idempotency-key-invalid",
        "idempotency-key-missing",
        "invalid-cursor",
        "malformed",
        "unreadable-body",
        "webhook-unreadable",
    },
    "Unauthenticated": {
        "api-key-invalid",
        "signature-invalid",
        "unauthenticated",
    },
    "Forbidden": {
        "forbidden",
        "own-approval",
        "role-missing",
    },
    "NotFound": {
        "account-not-found",
        "api-key-not-found",
        "bank-notice-not-found",
        "hold-not-found",
        "merchant-not-found",
        "not-found",
        "nothing-set-aside",
        "nothing-to-swap",
        "payment-intent-not-found",
        "payout-not-found",
        "settlement-not-found",
        "statement-line-not-found",
        "unknown-bank-account",
        "unknown-projection",
        "webhook-endpoint-not-found",
    },
    "Conflict": {
        "conflict",
        "copy-refused",
        "differences-found",
        "hold-exists",
        "insufficient-funds",
        "lost-race",
        "merchant-exists",
        "payment-intent-closed",
        "payout-state-conflict",
        "rebuild-overtaken",
        "settlement-empty",
        "settlement-state-conflict",
        "statement-line-owned",
    },
    "Invalid": {
        "bad-address",
        "capability-missing",
        "currency-mismatch",
        "idempotency-key-reused",
        "invalid",
        "invalid-amount",
        "invalid-bank-accounts",
        "invalid-beneficiary",
        "invalid-field",
        "invalid-viet-q-r",
        "reason-missing",
        "unbalanced-entry",
        "unknown-bank",
        "unknown-command",
        "unknown-currency",
        "webhook-url-invalid",
    },
    "TooMany": {
        "too-many",
    },
    "Unavailable": {
        "bank-unavailable",
        "event-damaged",
        "event-store-unavailable",
        "event-unknown",
        "event-unreadable",
        "fold-impossible",
        "key-unavailable",
        "log-cut-short",
        "log-damaged",
        "projection-failing",
        "projection-outdated",
        "queue-unavailable",
        "rebuild-cut",
        "read-tables-unavailable",
        "too-many-set-aside",
        "unavailable",
    },
}
"""Every slug by its family. Merchants' programs know them: one is added, never renamed and never moved."""


def tree(of: type[Problem]) -> Iterator[type[Problem]]:
    for kind in of.__subclasses__():
        yield kind
        yield from tree(kind)


KINDS = [kind for kind in tree(Problem) if kind.__module__ == errors.__name__]


def family(kind: type[Problem]) -> str:
    return next(base.__name__ for base in kind.__mro__ if Problem in base.__bases__)


def doubled(slugs: Iterable[str]) -> list[str]:
    return [slug for slug, times in Counter(slugs).items() if times > 1]


def test_every_slug_is_one_that_merchants_were_told() -> None:
    known = {(family(kind), kind.slug) for kind in KINDS}
    assert known == {(name, slug) for name, slugs in SLUGS.items() for slug in slugs}


def test_no_two_refusals_share_a_slug_and_a_shared_one_would_be_seen() -> None:
    assert doubled(kind.slug for kind in KINDS) == []
    assert doubled(["lost-race", "lost-race", "conflict"]) == ["lost-race"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_a_refusal_is_a_noun_with_a_slug_a_title_and_a_family(kind: type[Problem]) -> None:
    assert not kind.__name__.endswith(("Error", "Exception"))
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.slug)
    assert kind.title[0].isupper()
    assert not kind.title.endswith(".")
    assert family(kind) in SLUGS


def test_a_refusal_carries_what_people_and_programs_need() -> None:
    refusal = errors.InsufficientFunds("Ask for less.", field="amount", available=5, needed=7)
    assert (str(refusal), refusal.detail, refusal.field) == ("Ask for less.", "Ask for less.", "amount")
    assert refusal.facts == {"available": 5, "needed": 7}
    assert isinstance(refusal, Conflict)


def test_slug_and_title_come_from_the_name_unless_they_are_written_down() -> None:
    class DoorShut(Conflict):
        """Planted."""

    class DoorOpen(Conflict):
        slug = "door"
        title = "It is open"

    assert (DoorShut.slug, DoorShut.title) == ("door-shut", "Door shut")
    assert (DoorOpen.slug, DoorOpen.title) == ("door", "It is open")


def test_whoever_is_told_to_come_back_is_told_when() -> None:
    assert all(kind.retry_after_s > 0 for kind in KINDS if issubclass(kind, Unavailable))
