"""Writes the specimens that are missing, from the types of the events: `python -m tests.history.make`.

A specimen is the exact stored bytes of one event of one kind and schema version, `<stored_name>.v<schema>.json`. A file
that is there is never written again: it stands for what is in the logs out there.

For an older schema version, `today/<stored_name>.v<schema>.json` says what the payload of that specimen means today. It
is written by hand, from what the old schema meant, so that an upcast is held against something else than itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec

import ledger
from ledger.aggregate import EVENTS, Envelope, Event, decode, encode
from ledger.discovery import import_all
from ledger.errors import LogDamaged
from ledger.money import Money
from ledger.privacy import Sealed

FOLDER = Path(__file__).parent
TODAY = "today"
AT = datetime(2026, 11, 23, 2, 0, 0, 125_000, tzinfo=UTC)
WHOLE: dict[type, object] = {
    Money: Money(1_500_000),
    Sealed: Sealed(
        person="person_a", key="0f1e2d3c4b5a6978", text="c2VhbGVk", digest="00112233445566778899aabbccddeeff"
    ),
}
TEXTS = {
    "account": "merchant:mer_a:available",
    "description": "Đơn hàng 17 – «áo dài»",
    "detail": 'Look at "it".\nSoon.',
    "name": "Cửa hàng Hoa Sen",
    "memo": "luong thang 11",
    "reason": "khách gọi điện",
    "url": "https://shop.example.vn/hook?a=1&b=2",
}
"""What stands in text fields of these names; in any other stands a text made from the field's name."""


def kinds() -> list[type[Event]]:
    """Every event class of the ledger (tests plant others)."""
    import_all(ledger)
    return [kind for _, kind in sorted(EVENTS.items()) if kind.__module__.startswith("ledger.")]


def file_name(kind: type[Event], schema: int) -> str:
    """What the specimen of this kind and schema version is called."""
    return f"{kind.stored_name}.v{schema}.json"


def wanted(all_kinds: Iterable[type[Event]]) -> list[str]:
    """The names of all specimens there must be: one for every schema version a kind ever had."""
    return [file_name(kind, schema) for kind in all_kinds for schema in range(1, kind.schema_version + 1)]


def faults(kind: type[Event], folder: Path = FOLDER) -> list[str]:
    """What is missing or wrong among the specimens of one kind of event, a sentence each."""
    return [fault for schema in range(1, kind.schema_version + 1) for fault in _faults(kind, schema, folder)]


def _faults(kind: type[Event], schema: int, folder: Path) -> Iterator[str]:
    name = file_name(kind, schema)
    specimen, today = folder / name, folder / TODAY / name
    if not specimen.is_file():
        yield f"{name} is missing"
        return
    if json.loads(specimen.read_bytes())["schema"] != schema:
        yield f"{name} is of another schema than its name says"
        return
    try:
        envelope = decode(kind.stored_name, f"{kind.stored_name.partition('.')[0]}_a", 1, specimen.read_bytes())
    except LogDamaged as damaged:
        yield f"{name} cannot be read: {damaged.detail}"
        return
    if schema == kind.schema_version:
        if encode(envelope) != specimen.read_bytes():
            yield f"{name} is not written again as it was: raise the schema version"
    elif not today.is_file():
        yield f"{TODAY}/{name} is missing: say by hand what the old payload means today"
    elif msgspec.to_builtins(envelope.event) != json.loads(today.read_bytes()):
        yield f"{name} is not read as {TODAY}/{name} says"


def value_of(kind: msgspec.inspect.Type, name: str) -> object:
    """Something that fits a field of this type and name; raises TypeError for a type events do not have."""
    match kind:
        case msgspec.inspect.StrType():
            return TEXTS.get(name, f"{name}_a")
        case msgspec.inspect.IntType():
            return 7
        case msgspec.inspect.BoolType():
            return True
        case msgspec.inspect.DateTimeType():
            return AT
        case msgspec.inspect.DateType():
            return date(2026, 11, 20)
        case msgspec.inspect.LiteralType():
            return kind.values[0]
        case msgspec.inspect.UnionType():
            return value_of(next(one for one in kind.types if not isinstance(one, msgspec.inspect.NoneType)), name)
        case msgspec.inspect.VarTupleType():
            return (value_of(kind.item_type, name),)
        case msgspec.inspect.StructType():
            return WHOLE.get(kind.cls) or _struct(kind.cls)
    raise TypeError(f"{name}: no event has a field of type {kind}")


def _struct(cls: type) -> Any:
    info = msgspec.inspect.type_info(cls)
    assert isinstance(info, msgspec.inspect.StructType)
    return cls(**{field.name: value_of(field.type, field.name) for field in info.fields})


def stored(kind: type[Event]) -> bytes:
    """The stored bytes of one event of this kind, at today's schema version."""
    envelope = Envelope(
        stream=f"{kind.stored_name.partition('.')[0]}_a",
        version=1,
        name=kind.stored_name,
        schema=kind.schema_version,
        at=AT,
        effective_on=date(2026, 11, 20),
        actor="operator:linh",
        command_id="cmd_a",
        correlation_id="cor_a",
        causation_id="po_a@3",
        event=_struct(kind),
    )
    return encode(envelope)


def write_missing(all_kinds: Iterable[type[Event]], folder: Path = FOLDER) -> list[str]:
    """Write the specimens of today's schema versions that are missing; their names."""
    written = []
    for kind in all_kinds:
        file = folder / file_name(kind, kind.schema_version)
        if not file.exists():
            file.write_bytes(stored(kind))
            written.append(file.name)
    return written


if __name__ == "__main__":
    print("\n".join(write_missing(kinds())) or "Nothing is missing.")
