"""Which MongoDB servers are new enough for the event store.

6.0 is the oldest that every test of ours has run on, and the oldest that was maintained in 2025. What would not work on
older ones: a second process appends by `$merge` into the very collection that it reads, which came with 4.4 (MongoDB
manual, "$merge", "Output to a Collection that is Being Aggregated"); PyMongo 4.20 itself speaks to 4.4 or later.
"""

from __future__ import annotations

from typing import Any, Final

from eventsourcing.persistence import NotSupportedError
from pymongo import MongoClient

LEAST: Final = (6, 0)


def refuse_too_old(client: MongoClient[dict[str, Any]], least: tuple[int, int] = LEAST) -> None:
    """Ask the server for its version. Raises NotSupportedError, with the cure, when it is older than `least`.

    Lets the driver's errors through.
    """
    version = tuple(client.admin.command("buildInfo")["versionArray"][:2])
    if version < least:
        found, wanted = (".".join(map(str, one)) for one in (version, least))
        raise NotSupportedError(
            f"The event store needs MongoDB {wanted} or later, and this server is {found}: upgrade it, one major"
            " version after the other."
        )
