"""Running the committer of this host: the socket, the log behind it, and patience while the database is away."""

from __future__ import annotations

import logging
from pathlib import Path
from threading import Event
from typing import Final

from eventsourcing.persistence import InterfaceError, NotSupportedError, OperationalError, ProgrammingError

from ledger.committer import Committer
from ledger.event_log import provider
from ledger.mongodb_log import CommitLog

STEP_S: Final = 0.25
"""Longest wait for appends before looking whether to stop."""

RETRY_S: Final = 1.0
"""Pause after the database was found to be away."""

log = logging.getLogger(__name__)


class NoCommitter(Exception):
    """The committer cannot run here; the message says why and what to do."""


def serve(url: str, path: Path, stop: Event) -> None:
    """Write the appends of all processes that find the socket at `path` into the log at `url`, until told to stop.

    While the database is away at the start there is no socket. Raises NoCommitter for a store that needs none, a socket
    that cannot be made or a database that is not fit; InterfaceError for a URL that is none.
    """
    factory = provider(url)
    try:
        events = factory.log()
        if not isinstance(events, CommitLog):
            raise NoCommitter("A committer serves MongoDB only; the other stores need none: leave it out.")
        committer = _ready(events, path, stop)
        if committer is None:
            return
        log.info("committing for this host")
        try:
            while not stop.is_set():
                committer.step(STEP_S)
        finally:
            committer.close()
    finally:
        factory.close()


def _ready(events: CommitLog, path: Path, stop: Event) -> Committer | None:
    """The committer, as soon as the database answers; None when told to stop before."""
    while not stop.is_set():
        try:
            return Committer(path, events.writer(), events.identity())
        except OSError as error:
            raise NoCommitter(
                f"EVENT_STORE_COMMITTER cannot be made: {error.strerror}. Name a path of fewer than 100 characters in a"
                " folder that is ours."
            ) from error
        except (InterfaceError, NotSupportedError, ProgrammingError) as error:
            raise NoCommitter(str(error)) from error
        except OperationalError as error:
            log.warning("waiting: %s", error)
            stop.wait(RETRY_S)
    return None
