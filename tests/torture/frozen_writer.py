"""The writer of the trials, which freezes itself (SIGSTOP) inside its first transaction, just before COMMIT.

On MySQL and SQLite. Whoever watches it lets it go on (SIGCONT) or kills it there.
"""

from __future__ import annotations

import signal
import sys
import threading

import sqlalchemy
from sqlalchemy import Connection, Engine

from tests.torture import writer


def freeze_before_commit() -> None:
    """Have the first commit of this process wait for SIGCONT."""
    sqlalchemy.event.listen(Engine, "commit", _freeze, once=True)


def _freeze(_: Connection) -> None:
    # Sent to this very thread: it stops before it takes another step, and the whole process with it.
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)


if __name__ == "__main__":
    sys.exit(writer.main(sys.argv[1:], first=freeze_before_commit))
