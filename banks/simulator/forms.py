"""What the control port takes, described for the page and for whoever writes a client: each body as a JSON Schema."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from banks.simulator.faults import AnswerFault


def described(bodies: Mapping[str, tuple[str, type[Struct]]], answers: frozenset[str]) -> dict[str, object]:
    """The bodies by path with their titles: {"forms": [{"path", "title", "schema"}], "$defs": {name: schema}}.

    `answers` are the calls of this bank whose answers can be spoilt.
    """
    kinds = [kind for _, kind in bodies.values()]
    _, defs = msgspec.json.schema_components(kinds, ref_template="{name}")
    forms = [{"path": path, "title": title, "schema": kind.__name__} for path, (title, kind) in bodies.items()]
    for one in defs.values():
        one["description"] = inspect.cleandoc(one.get("description", ""))
    to: dict[str, Any] = defs[AnswerFault.__name__]["properties"]["to"]
    to["enum"] = sorted(answers)
    return {"forms": forms, "$defs": defs}
