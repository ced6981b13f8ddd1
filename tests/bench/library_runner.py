"""The eventsourcing library's own way of following, with our folds: its runner, one transaction an event.

Its subscription hands over one event after another; the view folds it into the tables and keeps the library's tracking
in the same transaction. Nothing is slower here than the library makes it: rows are written as by our own follower.
"""

from __future__ import annotations

import time
from typing import Any, Final

import msgspec
from eventsourcing.persistence import Tracking, TrackingRecorder
from eventsourcing.projection import BaseProjectionRunner, Projection
from eventsourcing.utils import EnvType
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.schema import CreateTable

from ledger.aggregate import Envelope
from ledger.event_log import environment_of
from ledger.privacy import KeysInMemory, Vault
from ledger.store import Ledger
from projections.columns import number_key, table
from projections.database import Database
from projections.live_rows import LiveRows
from projections.projection import PROJECTIONS
from projections.tables import serving
from tests.story import MASTER_KEY, counted_bytes

TRACKED: Final = table("library_tracking", number_key("position"))
SECONDS: Final = 20.0


class Followed(Ledger):
    """The ledger as the library constructs it."""

    def __init__(self, env: EnvType | None = None) -> None:
        super().__init__(env or {}, Vault(MASTER_KEY, KeysInMemory(), counted_bytes()))


class View(TrackingRecorder):
    """The read tables as a view of the library."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        database.write(lambda connection: connection.execute(CreateTable(TRACKED)))

    def insert_tracking(self, tracking: Tracking) -> None:
        """Keep a position by itself."""
        self.database.write(lambda connection: self.track(connection, tracking))

    def track(self, connection: Connection, tracking: Tracking) -> None:
        """Keep a position in the transaction of the rows."""
        connection.execute(insert(TRACKED), [{"position": tracking.notification_id}])

    def max_tracking_id(self, application_name: str) -> int | None:
        """The last position kept."""
        found = self.database.column(select(func.max(TRACKED.c.position)))[0]
        return None if found is None else int(found)


class Folds(Projection[View]):
    """Every read model behind the library's interface."""

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """One event, one transaction."""
        envelope: Envelope = msgspec.structs.replace(domain_event, position=tracking.notification_id)

        def work(connection: Connection) -> None:
            for projection in PROJECTIONS.values():
                if projection.follows(envelope.name):
                    layout = serving(projection)
                    rows = LiveRows(connection, layout.tables, layout.proof)
                    projection.fold(rows, envelope)
                    rows.flush()
            self.view.track(connection, tracking)

        self.view.database.write(work)


def rate(url: str, database: Database) -> float:
    """Events a second that the library's runner takes in, over some twenty seconds; the tables have been made."""
    view = View(database)
    began = time.perf_counter()
    with BaseProjectionRunner(
        projection=Folds(view=view),
        application_class=Followed,
        tracking_recorder=view,
        topics=(),
        env=environment_of(url),
    ) as runner:
        runner.run_forever(SECONDS)
        taken = view.max_tracking_id(runner.app_name) or 0
        seconds = time.perf_counter() - began
    return taken / seconds
