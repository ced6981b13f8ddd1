"""Fields of requests and answers, stricter than marshmallow's own: nothing is taken for what it is not.

A number in quotes is no number, `true` is not 1, a time without an offset is no instant. A fault is a Problem that
names its field; faults of amounts and currencies are of their own kinds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

from marshmallow import RAISE, Schema, ValidationError, fields

from ledger.calendar import day_written
from ledger.errors import InvalidAmount, InvalidField, Problem, UnknownCurrency
from ledger.money import EXPONENTS, UNITS_MAX
from web.problems import FaultyFields

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Strict(Schema):
    """A schema that refuses fields it does not know."""

    class Meta:
        unknown = RAISE


class Nothing(Strict):
    """A body that says nothing: `{}`, or no body at all."""


class Whole(fields.Integer):
    """A whole number, written as one."""

    def __init__(self, *, minimum: int, maximum: int, **more: Any) -> None:
        super().__init__(metadata={"minimum": minimum, "maximum": maximum, **more.pop("metadata", {})}, **more)
        self.minimum = minimum
        self.maximum = maximum

    def _deserialize(self, value: object, attr: str | None, data: object, **_: object) -> int:
        if type(value) is not int or not self.minimum <= value <= self.maximum:
            raise ValidationError(f"This is a whole number from {self.minimum} to {self.maximum}, without quotes.")
        return value


class Count(Whole):
    """A whole number in a query string, in plain digits."""

    def _deserialize(self, value: object, attr: str | None, data: object, **more: object) -> int:
        plain = isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value)
        return super()._deserialize(int(str(value)) if plain else None, attr, data, **more)


class Units(fields.Integer):
    """An amount of money in minor units; positive unless `minimum` is 0."""

    def __init__(self, *, minimum: int = 1, **more: Any) -> None:
        super().__init__(metadata={"minimum": minimum, "maximum": UNITS_MAX, **more.pop("metadata", {})}, **more)
        self.minimum = minimum

    def _deserialize(self, value: object, attr: str | None, data: object, **_: object) -> int:
        if type(value) is not int:
            detail = "An amount is a whole number of minor units (for VND: dong), without quotes, point or exponent."
            raise ValidationError([InvalidAmount(detail)])
        if not self.minimum <= value <= UNITS_MAX:
            detail = f"An amount here is from {self.minimum} to {UNITS_MAX} minor units."
            raise ValidationError([InvalidAmount(detail)])
        return value


class Currency(fields.String):
    """An ISO 4217 code that is handled."""

    def __init__(self, **more: Any) -> None:
        super().__init__(metadata={"enum": sorted(EXPONENTS)}, **more)

    def _deserialize(self, value: object, attr: str | None, data: object, **_: object) -> str:
        if not isinstance(value, str) or value not in EXPONENTS:
            detail = f"Use one of: {', '.join(sorted(EXPONENTS))}."
            raise ValidationError([UnknownCurrency(detail)])
        return value


class Text(fields.String):
    """Text without control characters, of `shortest` to `longest` characters after blanks at its ends are gone."""

    def __init__(self, *, longest: int, shortest: int = 1, **more: Any) -> None:
        bounds: dict[str, object] = {"minLength": shortest, "maxLength": longest}
        super().__init__(metadata={**bounds, **more.pop("metadata", {})}, **more)
        self.longest, self.shortest = longest, shortest

    def _deserialize(self, value: object, attr: str | None, data: object, **_: object) -> str:
        if not isinstance(value, str):
            raise ValidationError("This is text.")
        text = value.strip()
        if _CONTROL.search(text) or not self.shortest <= len(text) <= self.longest:
            raise ValidationError(f"This is {self.shortest} to {self.longest} characters, no control characters.")
        return text


class Word(fields.String):
    """One of a list of words."""

    def __init__(self, *words: str, **more: Any) -> None:
        super().__init__(metadata={"enum": list(words)}, **more)
        self.words = words

    def _deserialize(self, value: object, attr: str | None, data: object, **_: object) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise ValidationError(f"Use one of: {', '.join(self.words)}.")
        return value


class Instant(fields.DateTime):
    """An instant in ISO 8601 with its offset from UTC; given out in UTC."""

    def _deserialize(self, value: object, attr: str | None, data: object, **_: object) -> datetime:
        shape = r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)"
        try:
            if not isinstance(value, str) or not re.fullmatch(shape, value, re.ASCII):
                raise ValueError
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValidationError("This is an instant with its offset, such as 2026-11-23T09:30:00+07:00.") from None


class PositionOrInstant(fields.String):
    """A place in time, in a query string: a log position in plain digits, or an instant with its offset from UTC."""

    def _deserialize(self, value: object, attr: str | None, data: object, **more: Any) -> Any:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
            return int(value)
        try:
            return Instant().deserialize(value)
        except ValidationError:
            raise ValidationError(
                "This is a log position, or an instant with its offset, such as 2026-11-23T09:30:00Z; a plus in an"
                " address is written %2B."
            ) from None


class Day(fields.Date):
    """A bank day."""

    def _deserialize(self, value: object, attr: str | None, data: object, **_: object) -> date:
        try:
            if not isinstance(value, str):
                raise ValueError
            return day_written(value)
        except ValueError:
            raise ValidationError("This is a day, such as 2026-11-23.") from None


def load(schema: Schema, said: Mapping[str, object], *, place: str = "pointer") -> dict[str, Any]:
    """What was said, by the schema. Raises FaultyFields with every fault, each naming its field; `place`: see there."""
    try:
        loaded: dict[str, Any] = schema.load(said)
    except ValidationError as error:
        raise FaultyFields(sorted(_faults(error.messages_dict, ""), key=_kind), place=place) from None
    return loaded


def _kind(fault: Problem) -> bool:
    """Faults with a kind of their own come first: they name the problem."""
    return type(fault) is InvalidField


def _faults(messages: Mapping[Any, Any], above: str) -> Iterator[Problem]:
    for name, below in messages.items():
        path = f"{above}{str(name)[:100]}"
        if isinstance(below, Mapping):
            yield from _faults(below, f"{path}.")
            continue
        for message in below:
            if isinstance(message, Problem):
                yield type(message)(message.detail, field=path)
            else:
                yield InvalidField(_PLAIN.get(message, message), field=path)


_PLAIN: Final = {
    "Missing data for required field.": "This field is missing.",
    "Unknown field.": "There is no such field; take it out.",
    "Field may not be null.": "This field may not be null; leave it out or give it a value.",
}
