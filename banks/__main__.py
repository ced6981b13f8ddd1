"""Command line of the banks: what each can do, and VietQR payloads written and read.

python -m banks capabilities
python -m banks vietqr make --bin 970416 --account 12345678 [--amount 150000] [--memo TEXT] [--png FILE]
python -m banks vietqr read        one payload a line on standard input; one line of JSON, or the reason, for each
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import msgspec

from banks import vietqr
from banks.bank import Capability
from banks.napas import listed_bank
from banks.registry import bank_classes
from ledger.errors import InvalidVietQR, Problem
from ledger.money import from_bank


def main(arguments: Sequence[str], inward: TextIO, outward: TextIO, faults: TextIO) -> int:
    """Runs one command and returns its exit status: 0, or 1 when something was refused. Reads `inward` line by line."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "capabilities":
            outward.write(_capabilities())
            return 0
        if options.action == "make":
            outward.write(_make(options) + "\n")
            return 0
        return _read(inward, outward)
    except Problem as problem:
        faults.write(f"{problem.title}: {problem.detail} ({problem.field})\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m banks", description="What banks offer; VietQR payloads.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("capabilities", help="what each bank offers")
    actions = commands.add_parser("vietqr", help="VietQR payloads").add_subparsers(dest="action", required=True)
    make = actions.add_parser("make", help="write a payload")
    make.add_argument("--bin", required=True, help="the bank's six digits")
    make.add_argument("--account", required=True, help="account number, up to 19 letters and digits")
    make.add_argument("--amount", help="whole dong; with it the code is for one payment")
    make.add_argument("--memo", help="up to 25 ASCII characters")
    make.add_argument("--png", type=Path, help="also write the picture into this file")
    actions.add_parser("read", help="read payloads from standard input, one a line")
    return parser


def _capabilities() -> str:
    lines = []
    for code, bank in bank_classes().items():
        lines.append(f"{code}: {bank.name} (BIN {bank.bin})\n")
        lines.extend(f"  {'yes' if one in bank.capabilities else ' no'}  {one}\n" for one in Capability)
    return "".join(lines)


def _make(options: argparse.Namespace) -> str:
    listed_bank(options.bin)
    amount = None if options.amount is None else from_bank(options.amount)
    code = vietqr.VietQR(
        bin=options.bin, number=options.account, amount=amount, memo=options.memo, once=amount is not None
    )
    payload = vietqr.write(code)
    if options.png is not None:
        options.png.write_bytes(vietqr.png(payload))
    return payload


def _read(inward: TextIO, outward: TextIO) -> int:
    status = 0
    for line in inward:
        try:
            code = vietqr.read(line.rstrip("\r\n"))
        except InvalidVietQR as problem:
            outward.write(f"refused: {problem.detail} ({problem.field})\n")
            status = 1
        else:
            told = {name: value for name, value in msgspec.to_builtins(code).items() if value is not None}
            outward.write(msgspec.json.encode(told).decode() + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdin, sys.stdout, sys.stderr))
