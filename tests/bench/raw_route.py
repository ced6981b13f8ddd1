"""The least a webhook endpoint of ours can do: read the body, insert it durably, say 200.

It is one more route of the product's own application, so that what differs is only what taking a webhook costs.
"""

from __future__ import annotations

import os
from functools import cache
from uuid import uuid4

from flask import Response, request
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.write_concern import WriteConcern

from web.routes import Call, route
from web.wsgi import application

__all__ = ["PATH", "URL", "application"]

PATH = "/v1/raw-webhooks/any"
URL = "SOCAI_BENCH_RAW_URL"
"""Names the MongoDB the raw endpoint writes to."""


@route("POST", PATH, refuses=())
def take_raw(call: Call) -> Response:
    """Insert what is told, with w=majority and j=true."""
    del call
    _collection().insert_one({"_id": uuid4().hex, "body": request.get_data(cache=False)})
    return Response(b"", 200, content_type="text/plain")


@cache
def _collection() -> Collection[dict[str, object]]:
    client: MongoClient[dict[str, object]] = MongoClient(os.environ[URL])
    return client["raw"].get_collection("notices", write_concern=WriteConcern(w="majority", j=True))
