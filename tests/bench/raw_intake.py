"""Serves the application with the raw endpoint as the product serves its own: `python -m tests.bench.raw_intake N`."""

from __future__ import annotations

import sys

from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings

from web.__main__ import BACKLOG, HEADERS_WITHIN_MS, THREADS
from web.log_lines import SERVER_LOG


def main() -> None:
    """Serve until told to stop."""
    Granian(
        "tests.bench.raw_route:application",
        factory=True,
        interface=Interfaces.WSGI,
        address="127.0.0.1",
        port=int(sys.argv[1]),
        workers=1,
        blocking_threads=THREADS,
        backlog=BACKLOG,
        websockets=False,
        log_dictconfig=SERVER_LOG,
        http1_settings=HTTP1Settings(header_read_timeout=HEADERS_WITHIN_MS),
    ).serve()


if __name__ == "__main__":
    main()
