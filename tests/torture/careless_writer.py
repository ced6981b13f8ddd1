"""A planted fault: the writer of the trials with a write concern of one node instead of a majority.

It must be caught losing acknowledged events. Nobody but the test of trial (c) runs it.
"""

from __future__ import annotations

import sys

from pymongo.write_concern import WriteConcern

from ledger import mongodb_write
from tests.torture import writer


def trust_one_node() -> None:
    """From now on a write counts as done when the primary has it."""
    assert mongodb_write.DURABLE.document["w"] == "majority"
    mongodb_write.DURABLE = WriteConcern(w=1, j=True)  # type: ignore[misc]  # this is the fault


if __name__ == "__main__":
    sys.exit(writer.main(sys.argv[1:], first=trust_one_node))
