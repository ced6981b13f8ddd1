"""The command line of the banks."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from banks.__main__ import main
from banks.vietqr import crc16
from banks.vietqr_picture import png, svg
from ledger import codes

STATIC = "00020101021138520010A000000727012200069704160108123456780208QRIBFTTA53037045802VN63041EF0"

CARD = "00020101021138600010A00000072701300006970422011697042201234567890208QRIBFTTC53037045802VN63040ECC"


def run(*arguments: str, inward: str = "") -> tuple[int, str, str]:
    outward, faults = io.StringIO(), io.StringIO()
    status = main(arguments, io.StringIO(inward), outward, faults)
    return status, outward.getvalue(), faults.getvalue()


def test_capabilities_lists_every_bank() -> None:
    status, said, _ = run("capabilities")
    assert status == 0
    assert "acb: ACB (BIN 970416)" in said
    assert "   no  lookup_name" in said
    assert "  yes  transfer_napas" in said


def test_capabilities_are_told_to_programs_too() -> None:
    status, said, _ = run("capabilities", "--json")
    assert status == 0
    acb = next(bank for bank in json.loads(said) if bank["code"] == "acb")
    assert acb["lacks"] == ["lookup_name"]


def test_conformance_examines_a_bank_of_the_lab_and_hands_its_sheet_on() -> None:
    status, said, _ = run("conformance", "acb", "--json")
    sheet = json.loads(said)
    assert status == 0
    assert sheet[0]["number"] == 1
    assert all(line["passed"] for line in sheet)


def test_conformance_of_no_bank_is_not_a_command_line() -> None:
    status, said, faults = run("conformance", "moon")
    assert (status, said) == (2, "")
    assert "choose from 'acb'" in faults


def test_new_codes_are_valid_different_and_as_many_as_asked() -> None:
    status, said, _ = run("code", "new", "500")
    made = said.splitlines()
    assert (status, len(made), len(set(made))) == (0, 500, 500)
    assert all(codes.is_code(code, codes.PAYMENT_PREFIX, codes.PAYMENT_LENGTH) for code in made)
    assert len(run("code", "new")[1].splitlines()) == 1
    assert run("code", "new")[1] != run("code", "new")[1]


@pytest.mark.parametrize("count", ["0", "-1", "1.5", "x", "٣", "1000001"])
def test_an_impossible_number_of_codes_is_refused(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("code", "new", count)
    assert capsys.readouterr().err


def test_each_text_gives_one_line_with_its_code_or_a_dash() -> None:
    first, second = run("code", "new", "2")[1].split()
    wrong = first[:-1] + ("2" if first[-1] != "2" else "3")
    texts = [
        f"MBVCB.4125261053.047334.{first[:11]} {first[11:]}.CT tu 1012345678",
        f"thanh toán {first.lower()}GD 856933-090922",
        f"{wrong} GD 856933-090922",
        "",
        "NGUYEN VAN ANH chuyen tien",
        f"{second} {first} {second}",
    ]
    status, said, _ = run("code", "read", inward="\n".join(texts))
    assert status == 0
    assert said.splitlines() == [first, first, "-", "-", "-", f"{second} {first}"]


def test_a_payload_is_made_and_read_back(tmp_path: Path) -> None:
    command = ("vietqr", "make", "--bin", "970422", "--account", "0001234567890")
    pictures = ("--png", str(tmp_path / "code.png"), "--svg", str(tmp_path / "code.svg"))
    status, payload, _ = run(*command, "--amount", "150000", "--memo", "SOCAI7K3M9Q2X", *pictures)
    assert status == 0
    assert payload.strip().endswith("62170813SOCAI7K3M9Q2X63042B3B")
    assert (tmp_path / "code.png").read_bytes() == png(payload.strip())
    assert (tmp_path / "code.svg").read_bytes() == svg(payload.strip())
    status, said, _ = run("vietqr", "read", inward=payload)
    assert status == 0
    assert json.loads(said) == {
        "bin": "970422",
        "account": "0001234567890",
        "service": "QRIBFTTA",
        "once": True,
        "amount": 150_000,
        "currency": "VND",
        "memo": "SOCAI7K3M9Q2X",
    }


def test_a_card_is_written_and_read_as_one() -> None:
    status, payload, _ = run("vietqr", "make", "--bin", "970422", "--card", "9704220123456789")
    assert (status, payload) == (0, f"{CARD}\n")
    told = json.loads(run("vietqr", "read", inward=payload)[1])
    assert told == {"bin": "970422", "card": "9704220123456789", "service": "QRIBFTTC", "once": False}


def test_a_bank_with_two_numbers_is_written_under_the_one_that_is_reached() -> None:
    payload = run("vietqr", "make", "--bin", "970459", "--account", "1")[1]
    assert json.loads(run("vietqr", "read", inward=payload)[1])["bin"] == "422589"


def test_objects_without_a_name_are_told_by_their_id() -> None:
    text = STATIC[:-8] + "9905abcde6304"
    told = json.loads(run("vietqr", "read", inward=text + crc16(text))[1])
    assert told["others"] == {"99": "abcde"}


def test_each_line_read_gives_one_line_and_bad_ones_their_reason() -> None:
    status, said, _ = run("vietqr", "read", inward=f"{STATIC}\nnonsense\n")
    lines = said.splitlines()
    assert status == 1
    assert json.loads(lines[0])["account"] == "12345678"
    assert lines[1].startswith("refused: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--bin", "000000", "--account", "1"),
        ("--bin", "970416", "--account", "1 2"),
        ("--bin", "970416", "--card", "12345678"),
        ("--bin", "970416", "--account", "1", "--amount", "1.5"),
        ("--bin", "970416", "--account", "1", "--memo", "thanh toán"),
    ],
)
def test_what_cannot_be_made_is_refused_with_its_field(arguments: tuple[str, ...]) -> None:
    status, said, fault = run("vietqr", "make", *arguments)
    assert (status, said) == (1, "")
    assert fault


def test_it_runs_as_a_module_and_survives_bytes_that_are_no_text() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "banks", "vietqr", "read"], input=b"\xff\n" + STATIC.encode(), capture_output=True
    )
    lines = done.stdout.decode().splitlines()
    assert (done.returncode, lines[0].startswith("refused: ")) == (1, True)
    assert json.loads(lines[1])["bin"] == "970416"


@pytest.mark.parametrize("arguments", [(), ("--account", "1", "--card", "9704220123456789")])
def test_one_of_account_and_card_is_asked_for(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("vietqr", "make", "--bin", "970422", *arguments)
    assert "--account" in capsys.readouterr().err
