"""The committer of a host as a benchmark needs it: the real process, for one log."""

from __future__ import annotations

import os
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.processes import Process, accepts
from tests.bench.measure import ROOT


def committer_process(url: str, path: Path) -> Process:
    """`python -m ledger committer` for the log at `url`, its socket at `path`; not started yet."""
    environment = os.environ | {
        "EVENT_STORE_URL": url,
        "EVENT_STORE_COMMITTER": str(path),
        "READ_TABLES_URL": "sqlite:///unused",
        "REDIS_URL": "redis://unused",
        "SOCAI_MASTER_KEY": b64encode(bytes(32)).decode(),
        "SOCAI_BANK_ACCOUNTS": "unused",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "ledger", "committer"]
    return Process("committer", command, path.with_suffix(".log"), environment=environment)


@contextmanager
def committer(url: str, path: Path) -> Iterator[Path]:
    """The committer while it runs; gives the path of its socket."""
    with committer_process(url, path) as process:
        process.wait_until(lambda: accepts(path))
        yield path
