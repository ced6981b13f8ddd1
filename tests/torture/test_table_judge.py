"""The judge of tables names the row and the column of every planted difference, and lets equal tables pass."""

from __future__ import annotations

import copy
from typing import Any

from tests.torture.judge import Kind
from tests.torture.table_judge import differences

TABLES: dict[str, list[dict[str, Any]]] = {
    "payouts": [{"id": "po_1", "status": "sent", "amount": 5}, {"id": "po_2", "status": "done", "amount": 7}],
    "owners": [{"line": "sl_1", "number": 1, "owner": "pi_1"}],
}
KEYS = {"payouts": ("id",), "owners": ("line", "number")}


def told(found: dict[str, list[dict[str, Any]]]) -> list[str]:
    violations = list(differences(TABLES, found, KEYS, "at the end"))
    assert all(violation.kind is Kind.FOLD for violation in violations)
    return [violation.where for violation in violations]


def test_equal_tables_pass_in_any_order() -> None:
    assert told({name: rows[::-1] for name, rows in TABLES.items()}) == []


def test_an_altered_column_is_named() -> None:
    found = copy.deepcopy(TABLES)
    found["payouts"][1]["amount"] = -7
    assert told(found) == ["payouts po_2: amount is -7, not 7, at the end"]


def test_a_missing_row_and_one_too_many_are_named() -> None:
    found = copy.deepcopy(TABLES)
    found["owners"][0]["number"] = 2
    assert told(found) == ["owners sl_1/1 is missing, at the end", "owners sl_1/2 should not be there, at the end"]


def test_a_missing_table_is_a_table_without_rows() -> None:
    missing = ["payouts po_1 is missing, at the end", "payouts po_2 is missing, at the end"]
    assert told({"owners": TABLES["owners"]}) == missing
