"""VietQR: the payload a Vietnamese banking app scans, written and read strictly (its picture: `vietqr_picture`).

NAPAS technical specification part IV v1.5.2 and VietQR format v1.0, as set out in chapter 7 of the bank wire
specification. Every object is a two-digit id, a two-digit length in characters, and the value; a CRC closes the text.
A right CRC does not prove a well-formed text (the published example 6.3.1 has one over wrong inner lengths), so the
reader checks that every template is used up exactly. Objects it does not know are kept as they stand.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NoReturn

import msgspec

from ledger.errors import InvalidAmount, InvalidVietQR
from ledger.money import Money, positive

Service = Literal["QRIBFTTA", "QRIBFTTC", "QRPUSH", "QRCASH"]

SERVICES: Final[tuple[Service, ...]] = ("QRIBFTTA", "QRIBFTTC", "QRPUSH", "QRCASH")
"""Transfer to an account, transfer to a card, purchase, cash: template 38, object 02."""

NAPAS: Final = "A000000727"
NUMBER_MAX: Final = 19
CARD_MIN: Final = 12
AMOUNT_MAX: Final = 13
TEXT_MAX: Final = 25
TEMPLATE_MAX: Final = 99
PAYLOAD_MAX: Final = 1024

DETAILS: Final = {
    "bill": ("01", TEXT_MAX),
    "mobile": ("02", TEXT_MAX),
    "store": ("03", TEXT_MAX),
    "loyalty": ("04", TEXT_MAX),
    "reference": ("05", TEXT_MAX),
    "customer": ("06", TEXT_MAX),
    "terminal": ("07", TEXT_MAX),
    "memo": ("08", TEXT_MAX),
    "data_request": ("09", 3),
}
"""Template 62: our field, its id and its greatest length. `memo` is the purpose of the transfer."""

MERCHANT: Final = {
    "merchant_category": ("52", 4),
    "merchant_name": ("59", TEXT_MAX),
    "city": ("60", 15),
    "postal_code": ("61", 10),
}
"""Objects on the first level that describe the merchant."""

LANGUAGE: Final = "64"
DETAIL_IDS: Final = {id_ for id_, _ in DETAILS.values()}
OWN: Final = {"00", "01", "38", "53", "54", "58", "62", "63"} | {id_ for id_, _ in MERCHANT.values()}
"""What is said by a field or always the same; every other object on the first level goes under `others`."""


class VietQR(msgspec.Struct, frozen=True, kw_only=True):
    """What a payload says.

    `bin` is the bank's six digits, `number` an account, virtual account or card. `once` marks a code for one payment
    (dynamic, initiation 12) against one for many (static, 11). Texts are ASCII; `memo` has at most 25 characters.
    `others` are objects without a field of their own, id -> value: tips and fees, other schemes, the language template,
    and as `62.id` those of template 62.
    """

    bin: str
    number: str
    service: Service = "QRIBFTTA"
    once: bool = False
    amount: Money | None = None
    memo: str | None = None
    bill: str | None = None
    mobile: str | None = None
    store: str | None = None
    loyalty: str | None = None
    reference: str | None = None
    customer: str | None = None
    terminal: str | None = None
    data_request: str | None = None
    merchant_category: str | None = None
    merchant_name: str | None = None
    city: str | None = None
    postal_code: str | None = None
    others: dict[str, str] = msgspec.field(default_factory=dict)


def crc16(text: str) -> str:
    """CRC-16/CCITT-FALSE of the text as four upper-case hex digits (7.2)."""
    register = 0xFFFF
    for byte in text.encode():
        register ^= byte << 8
        for _ in range(8):
            register = (register << 1) ^ (0x1021 if register & 0x8000 else 0)
        register &= 0xFFFF
    return f"{register:04X}"


# writing


def write(code: VietQR) -> str:
    """The payload text. Raises InvalidVietQR naming the field that cannot be written."""
    _check_party(code)
    _check_others(code.others)
    party = _object("00", code.bin) + _object("01", code.number)
    details = _details(code)
    objects = {
        "01": "12" if code.once else "11",
        "38": _object("00", NAPAS) + _object("01", party) + _object("02", code.service),
        "53": "704",
        "58": "VN",
        **({} if code.amount is None else {"54": _amount(code.amount)}),
        **_texts(code, MERCHANT),
        **({"62": details} if details else {}),
        **{id_: value for id_, value in code.others.items() if "." not in id_},
    }
    text = _object("00", "01") + "".join(_object(*one) for one in sorted(objects.items())) + "6304"
    if len(text) + 4 > PAYLOAD_MAX:
        _refuse(f"A payload has at most {PAYLOAD_MAX} characters.", "others")
    return text + crc16(text)


def _check_party(code: VietQR) -> None:
    if not re.fullmatch(r"[0-9]{6}", code.bin):
        _refuse("A BIN is six digits, such as 970416.", "bin")
    if not re.fullmatch(rf"[0-9A-Za-z]{{1,{NUMBER_MAX}}}", code.number):
        _refuse(f"An account or card number is 1 to {NUMBER_MAX} letters and digits.", "number")
    if code.service not in SERVICES:
        _refuse(f"The service is one of {', '.join(SERVICES)}.", "service")
    _check_card(code.service, code.number, "number")


def _check_card(service: Service, number: str, field: str) -> None:
    if service == "QRIBFTTC" and not re.fullmatch(rf"[0-9]{{{CARD_MIN},{NUMBER_MAX}}}", number):
        _refuse(f"A card number is {CARD_MIN} to {NUMBER_MAX} digits.", field)


def _check_others(others: dict[str, str]) -> None:
    """Those that have no field, and no more than an object of theirs can hold."""
    for id_, value in others.items():
        if not (_is_other(id_) and 0 < len(value) <= TEMPLATE_MAX and value.isprintable()):
            _refuse(f"{id_!r} is no object that may be given by its id, or its text does not fit.", "others")
        if id_ != LANGUAGE and not value.isascii():
            _refuse("Outside the language template 64 only ASCII is taken.", "others")
    _check_language(others.get(LANGUAGE))


def _is_other(id_: str) -> bool:
    known = re.fullmatch(r"(?:62\.)?[0-9]{2}", id_, re.ASCII) is not None
    return known and id_ not in OWN and id_.removeprefix("62.") not in (DETAIL_IDS if "." in id_ else ())


def _details(code: VietQR) -> str:
    """Template 62 without its head."""
    objects = _texts(code, DETAILS) | {id_[3:]: value for id_, value in code.others.items() if id_.startswith("62.")}
    details = "".join(_object(*one) for one in sorted(objects.items()))
    if len(details) > TEMPLATE_MAX:
        _refuse(f"Bill, reference, memo and the like take {TEMPLATE_MAX} characters together with their heads.", "memo")
    return details


def _amount(amount: Money) -> str:
    if amount.currency != "VND":
        _refuse("A VietQR amount is in VND.", "amount")
    try:
        digits = str(positive(amount).units)
    except InvalidAmount as error:
        _refuse(error.detail, "amount")
    if len(digits) > AMOUNT_MAX:
        _refuse(f"An amount has at most {AMOUNT_MAX} digits.", "amount")
    return digits


def _texts(code: VietQR, rules: dict[str, tuple[str, int]]) -> dict[str, str]:
    """Id -> text of the fields that are given."""
    given = {name: getattr(code, name) for name in rules}
    return {rules[name][0]: _printable(text, name, rules[name][1]) for name, text in given.items() if text is not None}


def _printable(value: str, name: str, length_max: int) -> str:
    if not re.fullmatch(rf"[ -~]{{1,{length_max}}}", value):
        _refuse(f"This text is 1 to {length_max} printable ASCII characters, unaccented.", name)
    if name == "merchant_category" and not re.fullmatch(r"[0-9]{4}", value):
        _refuse("A merchant category is four digits.", name)
    return value


def _object(id_: str, value: str) -> str:
    return f"{id_}{len(value):02d}{value}"


# reading


def read(payload: str) -> VietQR:
    """What a payload says. Raises InvalidVietQR naming the object that is wrong; nothing is guessed."""
    if len(payload) > PAYLOAD_MAX:
        _refuse(f"A payload has at most {PAYLOAD_MAX} characters.", "payload")
    _check_crc(payload)
    objects = _objects(payload, "payload")
    if next(iter(objects)) != "00" or list(objects)[-1] != "63":
        _refuse("A payload begins with object 00 and ends with object 63.", "payload")
    _expect(objects, "00", "01")
    _expect(objects, "53", "704")
    _expect(objects, "58", "VN")
    if objects.get("01") not in ("11", "12"):
        _refuse("Object 01 is 11 (many payments) or 12 (one payment).", "01")
    bin_, number, service = _read_account(objects)
    details = _objects(objects["62"], "62") if "62" in objects else {}
    others = {id_: value for id_, value in objects.items() if id_ not in OWN}
    _check_language(others.get(LANGUAGE))
    if not all(value.isascii() for id_, value in objects.items() if id_ != LANGUAGE):
        _refuse("Outside the language template 64 only ASCII is taken.", "payload")
    others |= {f"62.{id_}": value for id_, value in details.items() if id_ not in DETAIL_IDS}
    return msgspec.structs.replace(
        VietQR(bin=bin_, number=number, service=service, once=objects["01"] == "12", amount=_read_amount(objects)),
        others=others,
        **_read_texts(objects, MERCHANT, ""),
        **_read_texts(details, DETAILS, "62."),
    )


def _check_language(template: str | None) -> None:
    """Template 64 names a language and the merchant's name in it, perhaps the city."""
    language = {} if template is None else _objects(template, LANGUAGE)
    for id_, length_max in (("00", 2), ("01", TEXT_MAX), ("02", 15)):
        if len(language.get(id_, "")) > length_max:
            _refuse(f"This text has at most {length_max} characters.", f"64.{id_}")


def _check_crc(payload: str) -> None:
    if not payload.isprintable() or not re.fullmatch(r".*6304[0-9A-F]{4}", payload):
        _refuse("A payload ends in 6304 and four upper-case hex digits, and holds no control characters.", "63")
    if crc16(payload[:-4]) != payload[-4:]:
        _refuse("The checksum does not fit; the text was altered or cut.", "63")


def _objects(text: str, where: str) -> dict[str, str]:
    """Id -> value of a text that must be used up exactly by its objects."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        head = re.fullmatch(r"([0-9]{2})([0-9]{2})", text[at : at + 4], re.ASCII)
        if head is None or head[2] == "00":
            _refuse(f"At character {at + 1} stands no object head of four digits with a length from 01.", where)
        value = text[at + 4 : at + 4 + int(head[2])]
        if len(value) != int(head[2]):
            _refuse(f"Object {head[1]} is longer than what is left of the text.", where)
        if head[1] in found:
            _refuse(f"Object {head[1]} stands there twice.", where)
        found[head[1]] = value
        at += 4 + len(value)
    return found


def _expect(objects: dict[str, str], id_: str, value: str) -> None:
    if objects.get(id_) != value:
        _refuse(f"Object {id_} must be {value}.", id_)


def _read_account(objects: dict[str, str]) -> tuple[str, str, Service]:
    account = _objects(objects.get("38", ""), "38")
    if account.get("00") != NAPAS:
        _refuse(f"Template 38 must name NAPAS ({NAPAS}).", "38.00")
    service = next((known for known in SERVICES if known == account.get("02", "QRPUSH")), None)
    if service is None or not set(account) <= {"00", "01", "02"}:
        _refuse(f"The service is one of {', '.join(SERVICES)}, and template 38 holds 00, 01 and 02 only.", "38.02")
    party = _objects(account.get("01", ""), "38.01")
    if set(party) != {"00", "01"}:
        _refuse("The beneficiary is a BIN (00) and a number (01).", "38.01")
    if not re.fullmatch(r"[0-9]{6}", party["00"]):
        _refuse("A BIN is six digits.", "38.01.00")
    if not re.fullmatch(rf"[0-9A-Za-z]{{1,{NUMBER_MAX}}}", party["01"]):
        _refuse(f"An account or card number is 1 to {NUMBER_MAX} letters and digits.", "38.01.01")
    _check_card(service, party["01"], "38.01.01")
    return party["00"], party["01"], service


def _read_amount(objects: dict[str, str]) -> Money | None:
    """Whole dong; the specification allows a bare point behind the digits."""
    text = objects.get("54")
    if text is None:
        return None
    if len(text) > AMOUNT_MAX or not re.fullmatch(r"[1-9][0-9]*\.?", text):
        _refuse("An amount is digits without separators, above zero, with no fraction of a dong.", "54")
    return Money(int(text.rstrip(".")))


def _read_texts(objects: dict[str, str], rules: dict[str, tuple[str, int]], where: str) -> dict[str, str]:
    found = {}
    for name, (id_, length_max) in rules.items():
        if id_ in objects:
            if len(objects[id_]) > length_max:
                _refuse(f"{name} has at most {length_max} characters.", f"{where}{id_}")
            if name == "merchant_category" and not re.fullmatch(r"[0-9]{4}", objects[id_]):
                _refuse("A merchant category is four digits.", id_)
            found[name] = objects[id_]
    return found


def _refuse(detail: str, field: str) -> NoReturn:
    raise InvalidVietQR(detail, field=field)
