"""The committer of a host as a benchmark needs it: the real process, for one log."""

from __future__ import annotations

import os
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.processes import Process


@contextmanager
def committer(url: str, path: Path) -> Iterator[Path]:
    """`python -m ledger committer` for the log at `url`; gives the path of its socket."""
    environment = os.environ | {
        "EVENT_STORE_URL": url,
        "EVENT_STORE_COMMITTER": str(path),
        "READ_TABLES_URL": "sqlite:///unused",
        "REDIS_URL": "redis://unused",
        "SOCAI_MASTER_KEY": b64encode(bytes(32)).decode(),
        "SOCAI_BANK_ACCOUNTS": "unused",
    }
    command = [sys.executable, "-m", "ledger", "committer"]
    with Process("committer", command, path.with_suffix(".log"), environment=environment) as process:
        process.wait_until(path.exists)
        yield path
