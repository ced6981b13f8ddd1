"""A projection knows what it folds, and notices when its definition has changed."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.aggregate import EVENTS
from projections.projection import PROJECTIONS, Projection

TEXT = '''
from ledger.alarms import Alarm
from projections.columns import id_, key, number, table
from projections.projection import Projection, on

SEEN = table("seen_alarms", key("id"), number("position"))


class SeenAlarms(Projection):
    """Which alarms were raised."""

    name = "seen_alarms"
    tables = (SEEN,)

    @on(Alarm.Raised)
    def raised(self, rows, event, envelope):
        """Seen."""
        rows.put(SEEN, {"id": envelope.stream, "position": envelope.position})
'''

Define = Callable[[str], Projection]


@pytest.fixture
def define(tmp_path: Path) -> Iterator[Define]:
    """Makes a projection from the text of a module, and forgets it after the test."""
    before = set(PROJECTIONS)
    made: list[Path] = []

    def from_text(text: str) -> Projection:
        path = tmp_path / f"seen_{len(made)}.py"
        path.write_text(text)
        made.append(path)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        # The source of a class is found through its module.
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
        return PROJECTIONS["seen_alarms"]

    yield from_text
    for name in set(PROJECTIONS) - before:
        del PROJECTIONS[name]


def test_every_file_of_a_read_model_is_found() -> None:
    assert set(PROJECTIONS) == {
        *("alarms", "balances", "completeness", "journal", "merchants", "payments", "payouts", "settlements"),
        *("statement_lines", "webhooks"),
    }


def test_no_two_projections_write_one_table() -> None:
    names = [table.name for projection in PROJECTIONS.values() for table in projection.tables]
    assert len(names) == len(set(names))


def test_every_fold_is_of_an_event_of_the_ledger() -> None:
    for projection in PROJECTIONS.values():
        assert projection.names
        assert projection.names <= EVENTS.keys()


def test_a_new_event_of_a_followed_aggregate_concerns_a_projection() -> None:
    payouts = PROJECTIONS["payouts"]
    assert payouts.follows("payout.approved")
    assert payouts.follows("payout.levitated")
    assert not payouts.follows("payment_intent.paid")
    assert not payouts.follows("unheard.of")
    assert not PROJECTIONS["webhooks"].follows("payout.submitted")


def test_comments_docstrings_and_queries_do_not_change_a_definition(define: Define) -> None:
    before = define(TEXT).definition
    commented = TEXT.replace('"""Seen."""', '"""Another word."""\n        # and why')
    with_query = commented + "\n\ndef seen(reader):\n    return None\n"
    assert define(with_query).definition == before


def test_that_rows_are_put_once_does_not_change_a_definition(define: Define) -> None:
    """What they hold is the same."""
    before = define(TEXT).definition
    assert define(TEXT.replace('number("position")', 'number("position"), once=True')).definition == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"position": envelope.position', '"position": envelope.version'),
        ('number("position")', 'id_("position")'),
        ('number("position")', 'number("position"), number("more")'),
        ("on(Alarm.Raised)", "on()"),
        ('table("seen_alarms"', 'table("alarms_seen"'),
    ],
)
def test_another_fold_table_or_event_is_another_definition(define: Define, old: str, new: str) -> None:
    before = define(TEXT).definition
    assert old in TEXT
    assert define(TEXT.replace(old, new)).definition != before


def test_two_folds_of_one_event_run_in_the_order_they_are_written(define: Define) -> None:
    second = "\n    @on(Alarm.Raised)\n    def again(self, rows, event, envelope):\n        pass\n"
    found = define(TEXT + second)
    assert list(found.folds.values()) == [["raised", "again"]]
