"""Reading codes as a payer's app does: checksum and structure both count."""

from __future__ import annotations

import pytest

from banks.simulator.refusals import Impossible
from banks.simulator.vietqr import QrTransfer, crc, read

PRINTED = [
    (
        "00020101021138570010A00000072701270006970422011300012345678900208QRIBFTTA53037045802VN63048FE7",
        QrTransfer("970422", "0001234567890", None, ""),
    ),
    (
        "00020101021138520010A000000727012200069704160108123456780208QRIBFTTA53037045802VN63041EF0",
        QrTransfer("970416", "12345678", None, ""),
    ),
    (
        "00020101021238570010A00000072701270006970422011300012345678900208QRIBFTTA530370454061500005802VN"
        "62170813SOCAI7K3M9Q2X63042B3B",
        QrTransfer("970422", "0001234567890", 150_000, "SOCAI7K3M9Q2X"),
    ),
    (
        "00020101021238560010A0000007270126000697041501121012345678900208QRIBFTTA5303704540720000005802VN"
        "62210817TT DON HANG 1002563043706",
        QrTransfer("970415", "101234567890", 2_000_000, "TT DON HANG 10025"),
    ),
    (
        "00020101021238580010A000000727012800069704070114190123456789010208QRIBFTTA5303704540599000"
        "5802VN62470108HD0001230509SOCAI00010705POS010809SOCAI000163041BCE",
        QrTransfer("970407", "19012345678901", 99_000, "SOCAI0001"),
    ),
    (
        "00020101021238600010A00000072701300006970436011697043612345678900208QRIBFTTC53037045405500005802VN"
        "62150811SOCAICARD016304F4E4",
        QrTransfer("970436", "9704361234567890", 50_000, "SOCAICARD01"),
    ),
]


def test_the_checksum_of_the_test_string_is_29b1() -> None:
    assert crc("123456789") == "29B1"


@pytest.mark.parametrize(("payload", "transfer"), PRINTED)
def test_the_printed_examples_are_read(payload: str, transfer: QrTransfer) -> None:
    assert read(payload) == transfer


def test_every_single_changed_character_is_noticed() -> None:
    payload = PRINTED[2][0]
    for at in range(len(payload)):
        changed = payload[:at] + ("1" if payload[at] != "1" else "2") + payload[at + 1 :]
        with pytest.raises(Impossible):
            read(changed)


def sealed(text: str) -> str:
    return text + "6304" + crc(text + "6304")


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "0002010102",
        "00020101021238560010A00000072701270006970422011300012345678900208QRIBFTTA53037045802VN6304FFFF",
        sealed("00020101021138530010A000000727012200069704160108123456780208QRIBFTTA53037045802VN"),
        sealed("00020101021138520010A000000727012200069704160108123456780208QRIBFTTA53038405802VN"),
        sealed("00020101021338520010A000000727012200069704160108123456780208QRIBFTTA53037045802VN"),
        sealed("00020101021138500010A000000727012200069704160108123456780206QRPUSH53037045802VN"),
        sealed("00020101021238520010A000000727012200069704160108123456780208QRIBFTTA530370454031.55802VN"),
        "Đ" * 20,
    ],
    ids=["empty", "short", "checksum", "lengths", "currency", "initiation", "service", "fraction", "not ASCII"],
)
def test_a_code_that_is_not_right_is_refused(payload: str) -> None:
    with pytest.raises(Impossible) as refusal:
        read(payload)
    assert refusal.value.http == 400
