"""VietQR: the specification's examples byte for byte, and strict reading."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banks.vietqr import VietQR, crc16, read, write
from ledger.errors import InvalidVietQR
from ledger.money import Money

MB, ACB = "0001234567890", "12345678"
GUID = "38570010A00000072701270006970422011300012345678900208QRIBFTTA"

EXAMPLES = {
    "static, MB account": (
        VietQR(bin="970422", number=MB),
        f"000201010211{GUID}53037045802VN63048FE7",
    ),
    "static, ACB account": (
        VietQR(bin="970416", number=ACB),
        "00020101021138520010A000000727012200069704160108123456780208QRIBFTTA53037045802VN63041EF0",
    ),
    "dynamic, MB": (
        VietQR(bin="970422", number=MB, once=True, amount=Money(150_000), memo="SOCAI7K3M9Q2X"),
        f"000201010212{GUID}530370454061500005802VN62170813SOCAI7K3M9Q2X63042B3B",
    ),
    "dynamic, VietinBank": (
        VietQR(bin="970415", number="101234567890", once=True, amount=Money(2_000_000), memo="TT DON HANG 10025"),
        "00020101021238560010A0000007270126000697041501121012345678900208QRIBFTTA5303704540720000005802VN"
        "62210817TT DON HANG 1002563043706",
    ),
    "dynamic, Techcombank, four details": (
        VietQR(
            bin="970407",
            number="19012345678901",
            once=True,
            amount=Money(99_000),
            bill="HD000123",
            reference="SOCAI0001",
            terminal="POS01",
            memo="SOCAI0001",
        ),
        "00020101021238580010A000000727012800069704070114190123456789010208QRIBFTTA53037045405990005802VN"
        "62470108HD0001230509SOCAI00010705POS010809SOCAI000163041BCE",
    ),
    "dynamic, ACB, the greatest amount": (
        VietQR(bin="970416", number=ACB, once=True, amount=Money(499_999_999), memo="SOCAIMAX"),
        "00020101021238520010A000000727012200069704160108123456780208QRIBFTTA530370454094999999995802VN"
        "62120808SOCAIMAX6304AA43",
    ),
    "static, card": (
        VietQR(bin="970422", number="9704220123456789", service="QRIBFTTC"),
        "00020101021138600010A00000072701300006970422011697042201234567890208QRIBFTTC53037045802VN63040ECC",
    ),
    "dynamic, card": (
        VietQR(
            bin="970436",
            number="9704361234567890",
            service="QRIBFTTC",
            once=True,
            amount=Money(50_000),
            memo="SOCAICARD01",
        ),
        "00020101021238600010A00000072701300006970436011697043612345678900208QRIBFTTC53037045405500005802VN"
        "62150811SOCAICARD016304F4E4",
    ),
    "virtual account with letters": (
        VietQR(bin="970422", number="VQRSOCAI000001", once=True, amount=Money(120_000)),
        "00020101021238580010A000000727012800069704220114VQRSOCAI0000010208QRIBFTTA530370454061200005802VN6304142D",
    ),
    "memo of exactly 25": (
        VietQR(bin="970422", number=MB, once=True, amount=Money(10_000), memo="A" * 25),
        f"000201010212{GUID}53037045405100005802VN62290825{'A' * 25}63045FAD",
    ),
}

PUBLISHED = {
    "a merchant's code": (
        "00020101021238570010A000000727012700069704220113VQRQ00027klkm0208QRIBFTTA53037045405120005802VN"
        "62270107NPS6869081241791304 SaB63046F1F"
    ),
    "6.3.4 with its real checksum": (
        "00020101021238600010A00000072701300006970403011697040311012345670208QRIBFTTC530370454061800005802VN"
        "62340107NPS68690819thanh toan don hang6304A203"
    ),
    "6.3.1 with its right length": (
        "00020101021138570010A00000072701270006970403011300110123456780208QRIBFTTA53037045802VN63049E6F"
    ),
}

TRAP = "00020101021138570010A00000072701270006970403011200110123456780208QRIBFTTA53037045802VN6304F4E5"


def sealed(text: str) -> str:
    """Any text with a right checksum behind it."""
    return f"{text}6304{crc16(text + '6304')}"


def test_the_checksum_is_the_published_one() -> None:
    assert crc16("123456789") == "29B1"


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_worked_example_is_written_byte_for_byte_and_read_back(name: str) -> None:
    code, payload = EXAMPLES[name]
    assert write(code) == payload
    assert read(payload) == code


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_payload_is_read(name: str) -> None:
    assert write(read(PUBLISHED[name])) == PUBLISHED[name]


def test_a_right_checksum_over_wrong_inner_lengths_is_refused() -> None:
    assert crc16(TRAP[:-4]) == TRAP[-4:]
    with pytest.raises(InvalidVietQR) as refusal:
        read(TRAP)
    assert refusal.value.field == "38.01"


ACB_38 = "38520010A000000727012200069704160108123456780208QRIBFTTA"
HEAD = "000201010211"
TAIL = "53037045802VN"


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ("", "63"),
        ("x" * 2000, "payload"),
        (f"{HEAD}{ACB_38}{TAIL}", "63"),
        (f"{HEAD}{ACB_38}{TAIL}63041ef0", "63"),
        (f"{HEAD}{ACB_38}{TAIL}63040000", "63"),
        (sealed(f"010211000201{ACB_38}{TAIL}"), "payload"),
        (sealed(f"000202010211{ACB_38}{TAIL}"), "00"),
        (sealed(f"000201010213{ACB_38}{TAIL}"), "01"),
        (sealed(f"000201{ACB_38}{TAIL}"), "01"),
        (sealed(f"{HEAD}{ACB_38}{ACB_38}{TAIL}"), "payload"),
        (sealed(f"{HEAD}{ACB_38}{TAIL}9900"), "payload"),
        (sealed(f"{HEAD}{ACB_38}{TAIL}99x1a"), "payload"),
        (sealed(f"{HEAD}{ACB_38}53038405802VN"), "53"),
        (sealed(f"{HEAD}{ACB_38}53037045802US"), "58"),
        (sealed(f"{HEAD}{ACB_38}5303704"), "58"),
        (sealed(f"{HEAD}{TAIL}"), "38.00"),
        (sealed(f"{HEAD}{ACB_38.replace('A000000727', 'A000000728')}{TAIL}"), "38.00"),
        (sealed(f"{HEAD}{ACB_38.replace('QRIBFTTA', 'QRIBFTTX')}{TAIL}"), "38.02"),
        (sealed(f"{HEAD}{ACB_38.replace('970416', '97041X')}{TAIL}"), "38.01.00"),
        (sealed(f"{HEAD}{ACB_38.replace('12345678', '1234-678')}{TAIL}"), "38.01.01"),
        (sealed(f"{HEAD}{ACB_38.replace('QRIBFTTA', 'QRIBFTTC')}{TAIL}"), "38.01.01"),
        (sealed(f"{HEAD}38560010A000000727012200069704160108123456780208QRIBFTTA0300{TAIL}"), "38"),
        (sealed(f"{HEAD}38570010A000000727012200069704160108123456780208QRIBFTTA0301x{TAIL}"), "38.02"),
        (sealed(f"{HEAD}38570010A000000727012700069704160108123456780201x0208QRIBFTTA{TAIL}"), "38.01"),
        (sealed(f"{HEAD}38520010A000000727012200069704160008123456780208QRIBFTTA{TAIL}"), "38.01"),
        (sealed(f"{HEAD}{ACB_38}{TAIL}62120802AB0802CD"), "62"),
        (sealed(f"{HEAD}{ACB_38}{TAIL}64070102AB0"), "64"),
        (sealed(f"{HEAD}{ACB_38}{TAIL}99051234"), "payload"),
        (sealed(f"{HEAD}{ACB_38}{TAIL}540510,00"), "54"),
        (sealed(f"{HEAD}{ACB_38}{TAIL}54041.50"), "54"),
        (sealed(f"{HEAD}{ACB_38}{TAIL}54010"), "54"),
        (sealed(f"{HEAD}{ACB_38}{TAIL}541412345678901234"), "54"),
        (sealed(f"{HEAD}{ACB_38}{TAIL}62300826{'A' * 26}"), "62.08"),
        (sealed(f"{HEAD}{ACB_38}{TAIL}62060801AB"), "62"),
        (sealed(f"{HEAD}{ACB_38}{TAIL}62060805AB"), "62"),
        (sealed(f"{HEAD}{ACB_38}{TAIL}5926{'A' * 26}"), "59"),
        (sealed(f"{HEAD}{ACB_38}{TAIL}520412a4"), "52"),
        (sealed(f"{HEAD}{ACB_38}{TAIL}5902Lê"), "payload"),
        (sealed(f"{HEAD}{ACB_38}{TAIL}5902A\n"), "63"),
        (sealed(f"{HEAD}{ACB_38}{TAIL}64300126{'A' * 26}"), "64.01"),
        (f"{sealed(HEAD + ACB_38 + TAIL)} ", "63"),
    ],
)
def test_a_malformed_payload_is_refused_with_the_object_that_is_wrong(payload: str, field: str) -> None:
    with pytest.raises(InvalidVietQR) as refusal:
        read(payload)
    assert refusal.value.field == field


def test_unknown_objects_order_and_a_bare_point_are_taken() -> None:
    code = read(sealed(f"{HEAD}5802VN5303704{ACB_38}5407150000.9905abcde64060002vi"))
    assert code.amount == Money(150_000)
    language = sealed(f"{HEAD}{ACB_38}{TAIL}64100106Ngân A")
    assert read(language).others == {"64": "0106Ngân A"}
    assert write(read(language)) == language


def test_objects_without_a_field_are_kept_and_written_again() -> None:
    payload = sealed(
        f"{HEAD}26160012vn.example.1{ACB_38}5303704" + "550202" + "5802VN" + "62170802ck5007ABCDEFG" + "9905abcde"
    )
    code = read(payload)
    assert code.others == {"26": "0012vn.example.1", "55": "02", "62.50": "ABCDEFG", "99": "abcde"}
    assert code.memo == "ck"
    assert write(code) == payload


@pytest.mark.parametrize(
    ("others", "field"),
    [
        ({"54": "1000"}, "others"),
        ({"63": "0000"}, "others"),
        ({"62": "0802ck"}, "others"),
        ({"62.08": "ck"}, "others"),
        ({"38.03": "x"}, "others"),
        ({"9": "x"}, "others"),
        ({"９９": "x"}, "others"),
        ({"99": ""}, "others"),
        ({"99": "x" * 100}, "others"),
        ({"99": "Ngân"}, "others"),
        ({"64": "0002vi01"}, "64"),
        ({"64": "0003vie"}, "64.00"),
        ({"62.50": "x" * 96}, "memo"),
        ({str(id_): "x" * 99 for id_ in range(80, 90)}, "others"),
    ],
)
def test_an_object_that_may_not_be_given_by_its_id_is_refused(others: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidVietQR) as refusal:
        write(VietQR(bin="970416", number=ACB, others=others))
    assert refusal.value.field == field


def test_a_code_without_a_service_is_a_purchase() -> None:
    assert read(sealed(f"{HEAD}38400010A00000072701220006970416010812345678{TAIL}")).service == "QRPUSH"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"bin": "97041"}, "bin"),
        ({"bin": "97041６"}, "bin"),
        ({"number": ""}, "number"),
        ({"number": "1" * 20}, "number"),
        ({"number": "12-3"}, "number"),
        ({"service": "QRX"}, "service"),
        ({"service": "QRIBFTTC"}, "number"),
        ({"service": "QRIBFTTC", "number": "97041600000000AB"}, "number"),
        ({"amount": Money(0)}, "amount"),
        ({"amount": Money(-1)}, "amount"),
        ({"amount": Money(10**13)}, "amount"),
        ({"memo": "A" * 26}, "memo"),
        ({"memo": ""}, "memo"),
        ({"memo": "thanh toán"}, "memo"),
        ({"memo": "a\nb"}, "memo"),
        ({"bill": "A" * 26}, "bill"),
        ({"data_request": "AMEX"}, "data_request"),
        ({"merchant_name": "A" * 26}, "merchant_name"),
        ({"merchant_category": "12a4"}, "merchant_category"),
        ({"city": "A" * 16}, "city"),
        ({"bill": "A" * 25, "memo": "A" * 25, "store": "A" * 25, "terminal": "A" * 10}, "memo"),
    ],
)
def test_what_cannot_be_written_is_refused_with_its_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidVietQR) as refusal:
        write(msgspec.structs.replace(VietQR(bin="970416", number=ACB), **change))
    assert refusal.value.field == field


TEXT = st.none() | st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=15)
NUMBERS = st.sampled_from(["QRIBFTTA", "QRIBFTTC", "QRPUSH", "QRCASH"]).flatmap(
    lambda service: st.tuples(
        st.just(service),
        st.from_regex(r"[0-9]{12,19}" if service == "QRIBFTTC" else r"[0-9A-Za-z]{1,19}", fullmatch=True),
    )
)
CODES = st.builds(
    lambda party, **rest: VietQR(service=party[0], number=party[1], **rest),
    NUMBERS,
    bin=st.from_regex(r"[0-9]{6}", fullmatch=True),
    others=st.dictionaries(st.sampled_from(["02", "26", "55", "80", "99", "62.10", "62.50"]), st.just("0003x y")),
    once=st.booleans(),
    amount=st.none() | st.integers(1, 10**13 - 1).map(Money),
    memo=TEXT,
    bill=TEXT,
    reference=TEXT,
    terminal=TEXT,
    merchant_name=TEXT,
    city=TEXT,
)


@given(CODES)
def test_what_is_written_is_read_back(code: VietQR) -> None:
    assert read(write(code)) == code


@given(CODES, st.randoms(use_true_random=False))
def test_the_order_of_objects_says_nothing(code: VietQR, dice: random.Random) -> None:
    """But for the first and the last."""
    payload = write(code)
    objects, at = [], 6
    while at < len(payload) - 8:
        length = 4 + int(payload[at + 2 : at + 4])
        objects.append(payload[at : at + length])
        at += length
    dice.shuffle(objects)
    assert read(sealed("000201" + "".join(objects))) == code


@given(CODES, st.data())
def test_one_changed_character_is_always_noticed(code: VietQR, data: st.DataObject) -> None:
    payload = write(code)
    at = data.draw(st.integers(0, len(payload) - 1))
    other = data.draw(st.characters(min_codepoint=32, max_codepoint=126).filter(lambda one: one != payload[at]))
    with pytest.raises(InvalidVietQR):
        read(payload[:at] + other + payload[at + 1 :])


@given(CODES, st.integers(0, 300))
def test_a_cut_payload_is_always_noticed(code: VietQR, cut: int) -> None:
    payload = write(code)
    with pytest.raises(InvalidVietQR):
        read(payload[: min(cut, len(payload) - 1)])


@given(st.text(max_size=120))
def test_no_text_breaks_the_reader(text: str) -> None:
    with pytest.raises(InvalidVietQR):
        read(text)
