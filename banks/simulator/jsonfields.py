"""Strict reading of JSON: no doubled keys, no unknown or missing fields, no value of another type than stated."""

from __future__ import annotations

import json
import re
from typing import Final

from banks.simulator.refusals import Malformed

UUID: Final = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"


def parse_object(raw: bytes, where: str) -> dict[str, object]:
    """The JSON object in `raw`, keys in received order. Raises Malformed for anything else."""
    try:
        value: object = json.loads(raw.decode("utf-8"), object_pairs_hook=_once_each, parse_constant=_no_constant)
    except (ValueError, RecursionError) as fault:
        raise Malformed(f"{where} is not JSON in UTF-8: {fault}") from fault
    if not isinstance(value, dict):
        raise Malformed(f"{where} must be a JSON object")
    return value


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice in one object")
    return found


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


class Fields:
    """One JSON object that must have exactly the fields `names`; values are taken out by type.

    Raises Malformed, which names the field by its path.
    """

    def __init__(self, value: object, path: str, names: tuple[str, ...]) -> None:
        if not isinstance(value, dict):
            raise Malformed(f"{path} must be an object")
        if missing := [name for name in names if name not in value]:
            raise Malformed(f"{path}: missing {', '.join(missing)}")
        if unknown := [str(name) for name in value if name not in names]:
            raise Malformed(f"{path}: unknown {', '.join(unknown)}")
        self._value: dict[str, object] = value
        self._path = path

    def text(self, name: str, pattern: str, meaning: str) -> str:
        """The string `name`, matched in full by `pattern`; `meaning` says in words what is allowed."""
        value = self._value[name]
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise Malformed(f"{self._path}.{name} must be a string: {meaning}")
        return value

    def whole(self, name: str, least: int) -> int:
        """The whole number `name`, at least `least`."""
        value = self._value[name]
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise Malformed(f"{self._path}.{name} must be a whole number from {least}")
        return value

    def exactly(self, name: str, value: int | bool) -> None:
        """`name` must be this whole number, or this true or false, and not the one that equals it."""
        found = self._value[name]
        if found != value or type(found) is not type(value):
            raise Malformed(f"{self._path}.{name} must be {str(value).lower()}")

    def within(self, name: str, names: tuple[str, ...]) -> Fields:
        """The object `name`, which must have exactly the fields `names`."""
        return Fields(self._value[name], f"{self._path}.{name}", names)

    def items(self, name: str, least: int, most: int) -> list[object]:
        """The array `name` of `least` to `most` values."""
        value = self._value[name]
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise Malformed(f"{self._path}.{name} must be an array of {least} to {most}")
        return value

    def document(self, name: str) -> dict[str, object]:
        """The object `name` as it was received."""
        value = self._value[name]
        if not isinstance(value, dict):
            raise Malformed(f"{self._path}.{name} must be an object")
        return value
