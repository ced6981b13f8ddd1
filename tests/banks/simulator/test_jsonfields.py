"""Strict reading of JSON objects."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from banks.simulator.jsonfields import Fields, parse_object
from banks.simulator.refusals import Malformed


def test_an_object_keeps_the_order_of_its_keys() -> None:
    assert list(parse_object(b'{"b":1,"a":{"d":1,"c":2}}', "body")) == ["b", "a"]


@pytest.mark.parametrize("raw", [b'{"a":1,"a":1}', b'{"a":{"b":1,"b":2}}', b"1", b'{"a":Infinity}', b"{'a':1}"])
def test_anything_else_is_a_bad_request(raw: bytes) -> None:
    with pytest.raises(Malformed, match="body"):
        parse_object(raw, "body")


def test_values_come_out_by_type() -> None:
    fields = Fields({"t": "x", "n": 3, "o": {"i": "1"}, "l": [1, 2]}, "body", ("t", "n", "o", "l"))
    assert fields.text("t", "[a-z]", "a letter") == "x"
    assert fields.whole("n", 1) == 3
    assert fields.within("o", ("i",)).text("i", "1", "one") == "1"
    assert fields.document("o") == {"i": "1"}
    assert fields.items("l", 1, 2) == [1, 2]


WRONG: list[Callable[[Fields], object]] = [
    lambda fields: fields.text("n", ".*", "text"),
    lambda fields: fields.text("t", "[0-9]", "a digit"),
    lambda fields: fields.whole("t", 0),
    lambda fields: fields.whole("n", 4),
    lambda fields: fields.within("t", ()),
    lambda fields: fields.within("o", ("j",)),
    lambda fields: fields.within("o", ()),
    lambda fields: fields.document("l"),
    lambda fields: fields.items("l", 3, 4),
    lambda fields: fields.items("o", 0, 9),
]


@pytest.mark.parametrize("take", WRONG)
def test_a_value_of_another_type_or_range_is_named_by_its_path(take: Callable[[Fields], object]) -> None:
    fields = Fields({"t": "x", "n": 3, "o": {"i": "1"}, "l": [1, 2]}, "body", ("t", "n", "o", "l"))
    with pytest.raises(Malformed, match=r"^body\."):
        take(fields)


@pytest.mark.parametrize("value", [[], None, "x", {}, {"a": 1, "b": 2}])
def test_an_object_must_have_exactly_its_fields(value: object) -> None:
    with pytest.raises(Malformed):
        Fields(value, "body", ("a",))


def test_a_number_is_not_the_truth_that_equals_it() -> None:
    fields = Fields({"zero": 0, "no": False}, "body", ("zero", "no"))
    fields.exactly("zero", 0)
    fields.exactly("no", False)
    for name, value in (("zero", False), ("no", 0), ("zero", 1)):
        with pytest.raises(Malformed, match=name):
            fields.exactly(name, value)
