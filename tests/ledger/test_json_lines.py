"""Logs are JSON lines that repeat nothing an exception quotes."""

from __future__ import annotations

import json
import logging

import pytest

from ledger.errors import PayoutNotFound
from ledger.json_lines import JsonLines


def line_of(fault: Exception | None = None) -> dict[str, object]:
    exc_info = None
    if fault is not None:
        with pytest.raises(type(fault)) as raised:
            raise fault
        exc_info = (raised.type, raised.value, raised.tb)
    record = logging.LogRecord("workers.jobs", logging.INFO, __file__, 1, "%s done", ("nhận",), exc_info)
    line: dict[str, object] = json.loads(JsonLines().format(record))
    return line


def test_a_line_says_when_how_grave_who_and_what() -> None:
    line = line_of()
    assert line["level"] == "info"
    assert line["logger"] == "workers.jobs"
    assert line["message"] == "nhận done"
    assert str(line["at"]).endswith("+00:00")


def test_of_an_exception_only_type_and_places_are_written() -> None:
    line = line_of(ValueError("canary 0001234567890"))
    assert line["exception"] == "ValueError"
    assert "canary" not in json.dumps(line)
    assert "test_json_lines.py" in str(line["places"])


def test_a_problem_speaks_for_itself() -> None:
    line = line_of(PayoutNotFound("There is no payout 'po_1'."))
    assert line["problem"] == "payout-not-found"
    assert line["detail"] == "There is no payout 'po_1'."


def test_a_line_is_one_line() -> None:
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "first\nsecond", None, None)
    assert "\n" not in JsonLines().format(record)
