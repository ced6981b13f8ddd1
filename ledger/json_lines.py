"""Logs as JSON lines on standard error, fit to be kept: no secret, no personal data.

What an exception says may quote anything (a value, an address, a row), so of an exception only its type and the places
in the code are written; a Problem's own words are safe by construction (`ledger/errors.py`) and are kept.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from pathlib import PurePath

from ledger.errors import Problem

FOREIGN = ("rq.worker", "rq.job", "rq.queue", "rq.scripts", "rq.registry")
"""Loggers of RQ, which would set up handlers of their own."""
PLACES_MAX = 8
"""Innermost places in the code that are shown of an exception."""


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, logger, message, and `problem` or `exception` with its places."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line |= describe(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False)


def describe(fault: BaseException) -> dict[str, object]:
    """What may be said of an exception: a Problem's slug and words, otherwise the type; and where it came from."""
    places = [
        f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(fault.__traceback__)[-PLACES_MAX:]
    ]
    if isinstance(fault, Problem):
        return {"problem": fault.slug, "detail": fault.detail, "places": places}
    return {"exception": type(fault).__qualname__, "places": places}


def log_json_lines(level: int = logging.INFO) -> None:
    """Every logger of this process writes JSON lines; RQ, which tells of every job, only from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in FOREIGN:
        foreign = logging.getLogger(name)
        foreign.handlers = [handler]
        foreign.propagate = False
        foreign.setLevel(logging.WARNING)
