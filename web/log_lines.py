"""The log of the web process: JSON lines on standard error, the application server's own lines among them.

The server writes what it catches as text, with everything an exception says; of its messages only the first line is
kept, so no traceback and no text of an exception comes into the log.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from ledger.json_lines import JsonLines


class ServerLines(JsonLines):
    """The application server's records: the first line of what it says."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        first = record.getMessage().partition("\n")[0]
        return super().format(logging.makeLogRecord({**record.__dict__, "msg": first, "args": None}))


_HANDLER: Final = {"class": "logging.StreamHandler", "stream": "ext://sys.stderr"}
SERVER_LOG: Final[dict[str, Any]] = {
    "formatters": {name: {"()": ServerLines} for name in ("generic", "access")},
    "handlers": {"console": {**_HANDLER, "formatter": "generic"}, "access": {**_HANDLER, "formatter": "access"}},
}
"""What replaces granian's own formatters and handlers, under its names for them."""
