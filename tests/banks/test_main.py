"""The command line of the banks."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from banks.__main__ import main

STATIC = "00020101021138520010A000000727012200069704160108123456780208QRIBFTTA53037045802VN63041EF0"


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


def test_a_payload_is_made_and_read_back(tmp_path: Path) -> None:
    picture = tmp_path / "code.png"
    command = ("vietqr", "make", "--bin", "970422", "--account", "0001234567890")
    status, payload, _ = run(*command, "--amount", "150000", "--memo", "SOCAI7K3M9Q2X", "--png", str(picture))
    assert status == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    status, said, _ = run("vietqr", "read", inward=payload)
    assert status == 0
    told = json.loads(said)
    assert (told["amount"]["units"], told["memo"], told["once"]) == (150000, "SOCAI7K3M9Q2X", True)


def test_each_line_read_gives_one_line_and_bad_ones_their_reason() -> None:
    status, said, _ = run("vietqr", "read", inward=f"{STATIC}\nnonsense\n")
    lines = said.splitlines()
    assert status == 1
    assert json.loads(lines[0])["number"] == "12345678"
    assert lines[1].startswith("refused: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--bin", "000000", "--account", "1"),
        ("--bin", "970416", "--account", "1 2"),
        ("--bin", "970416", "--account", "1", "--amount", "1.5"),
        ("--bin", "970416", "--account", "1", "--memo", "thanh toán"),
    ],
)
def test_what_cannot_be_made_is_refused_with_its_field(arguments: tuple[str, ...]) -> None:
    status, said, fault = run("vietqr", "make", *arguments)
    assert (status, said) == (1, "")
    assert fault


def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "banks", "vietqr", "read"], input=STATIC, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["bin"] == "970416"
