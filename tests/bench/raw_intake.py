"""The least a webhook endpoint can do: read the body, insert it durably, say 200. Served as the product serves its own.

`python -m tests.bench.raw_intake PORT MONGO_URL`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

from flask import Flask, request
from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from web.__main__ import BACKLOG, HEADERS_WITHIN_MS, THREADS
from web.log_lines import SERVER_LOG

URL = "SOCAI_BENCH_RAW_URL"
Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def application() -> Wsgi:
    """One route that inserts what it is told with w=majority and j=true."""
    app = Flask("raw_intake", static_folder=None)
    client: MongoClient[dict[str, object]] = MongoClient(os.environ[URL])
    durable = client["raw"].get_collection("notices", write_concern=WriteConcern(w="majority", j=True))

    @app.post("/take")
    def take() -> tuple[str, int]:
        durable.insert_one({"_id": uuid4().hex, "body": request.get_data()})
        return "", 200

    @app.get("/ready")
    def ready() -> tuple[str, int]:
        return "", 200

    return app.wsgi_app


def main() -> None:
    """Serve until told to stop."""
    Granian(
        "tests.bench.raw_intake:application",
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
