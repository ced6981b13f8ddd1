"""Command line of the banks: what each can do, our accounts at them, payment codes, and VietQR payloads.

python -m banks capabilities [--json]
python -m banks balance ACCOUNT
python -m banks history ACCOUNT [--from DAY] [--to DAY] [--json]
python -m banks lookup ACCOUNT BIN NUMBER       the name that account stands in
python -m banks transfer-test ACCOUNT --to BIN:NUMBER --name NAME --amount N [--memo TEXT] --yes    ONE REAL ORDER
python -m banks check ACCOUNT                   the calls that change nothing, each with how it went
python -m banks conformance BANK [--json]       our adapter against the lab's bank, call by call, as a sheet to be read
python -m banks seal FILE [--overlap-h 24]       seal the credentials in an accounts file that stand in clear
python -m banks rotate-master FILE OLD NEW      put what is sealed under the key in file OLD under that in file NEW
python -m banks new NAME [--bin BIN]            the skeleton of one more bank, with its rig and replies, in this tree
python -m banks code new [N]       N new payment codes (one, if not said), one a line
python -m banks code read          one transfer text a line on standard input; for each the code in it, or -
python -m banks vietqr make --bin 970416 --account 12345678 [--amount 150000] [--memo TEXT] [--png FILE] [--svg FILE]
python -m banks vietqr make --bin 970416 --card 9704160123456789 ...
python -m banks vietqr read        one payload a line on standard input; one line of JSON, or the reason, for each

A text with several codes gives all of them, parted by blanks: which of them is meant is for people to say. With an
amount a VietQR code is for one payment, without one for many. `seal` takes the master key from SOCAI_MASTER_KEY_FILE or
SOCAI_MASTER_KEY; nothing here opens a seal for people to read. ACCOUNT is an id in the file SOCAI_BANK_ACCOUNTS names.

Exit status: 0 done; 1 refused, no usable answer, or an answer that people must look at; 2 not a command line. With
`transfer-test` 0 is executed, 3 may have been executed, and only 4 that certainly no money moved.
"""

from __future__ import annotations

import argparse
import io
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

import msgspec

from banks import account_commands, facts, new_bank, seal_commands, vietqr, vietqr_picture
from banks.napas import listed_bank, traffic_bin
from banks.transport import Transport
from ledger import codes
from ledger.errors import InvalidVietQR, Problem
from ledger.money import from_bank
from ledger.settings import with_local_stage

CODES_MAX: Final = 1_000_000
"""How many codes one run makes at most."""


def main(arguments: Sequence[str], inward: TextIO, outward: TextIO, faults: TextIO) -> int:
    """Runs one command and returns its exit status: 0, or 1 when something was refused. Reads `inward` line by line."""
    options = _parser().parse_args(arguments)
    try:
        if options.command in account_commands.COMMANDS:
            return _ask_account(options, inward, outward)
        match options.command, getattr(options, "action", None):
            case "capabilities", _:
                outward.write(facts.as_json() if options.json else facts.as_text())
            case "conformance", _:
                return _examine(options.bank, options.json, outward, faults)
            case "new", _:
                outward.write(new_bank.write(options.name, options.bin, Path.cwd()))
            case "seal" | "rotate-master", _:
                environment = with_local_stage(os.environ)
                outward.write(seal_commands.run(options, environment, _now(), secrets.token_bytes))
            case "code", "new":
                _new_codes(options.count, outward)
            case "code", _:
                _read_codes(inward, outward)
            case _, "make":
                outward.write(_make(options) + "\n")
            case _:
                return _read(inward, outward)
    except Problem as problem:
        field = f" ({problem.field})" if problem.field else ""
        faults.write(f"{problem.title}: {problem.detail}{field}\n")
        return 1
    return 0


def _ask_account(options: argparse.Namespace, inward: TextIO, outward: TextIO) -> int:
    environment, token = with_local_stage(os.environ), secrets.token_bytes
    transport = Transport(time.monotonic)
    try:
        bank = account_commands.open_account(options.account, environment, transport, _now, token)
        return account_commands.run(options, bank, inward, outward, _now, token, time.sleep)
    finally:
        transport.close()


def _examine(code: str, as_json: bool, outward: TextIO, faults: TextIO) -> int:
    """In a process of its own: only `local` may start the lab, and nothing here may import `local`."""
    asked = [sys.executable, "-m", "local.conformance", code, *(["--json"] if as_json else [])]
    done = subprocess.run(asked, check=False, capture_output=True, text=True)
    outward.write(done.stdout)
    faults.write(done.stderr)
    return done.returncode


def _now() -> datetime:
    return datetime.now(UTC)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m banks", description="What banks offer; payment codes; VietQR payloads."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    offers = commands.add_parser("capabilities", help="what each bank offers, and its limits")
    offers.add_argument("--json", action="store_true", help="as JSON")
    account_commands.add_parsers(commands)
    sheet = commands.add_parser("conformance", help="our adapter against the lab's bank, as a sheet to be read")
    sheet.add_argument("bank", metavar="BANK", help="the bank's code, such as acb")
    sheet.add_argument("--json", action="store_true", help="as JSON")
    seal_commands.add_parsers(commands)
    skeleton = commands.add_parser("new", help="write the skeleton of one more bank into this source tree")
    skeleton.add_argument("name", metavar="NAME", help="its code with us: small letters and digits, such as vpbank")
    skeleton.add_argument("--bin", help="six digits; needed when NAME is no short name of the bank list")
    actions = commands.add_parser("code", help="payment codes").add_subparsers(dest="action", required=True)
    new = actions.add_parser("new", help="print new codes")
    new.add_argument("count", nargs="?", type=_count, default=1, metavar="N", help="how many (one)")
    actions.add_parser("read", help="find codes in transfer texts from standard input, one a line")
    actions = commands.add_parser("vietqr", help="VietQR payloads").add_subparsers(dest="action", required=True)
    _make_options(actions.add_parser("make", help="write a payload"))
    actions.add_parser("read", help="read payloads from standard input, one a line")
    return parser


def _make_options(make: argparse.ArgumentParser) -> None:
    make.add_argument("--bin", required=True, help="the bank's six digits")
    number = make.add_mutually_exclusive_group(required=True)
    number.add_argument("--account", help="account number, up to 19 letters and digits")
    number.add_argument("--card", help="card number, 12 to 19 digits")
    make.add_argument("--amount", help="whole dong; with it the code is for one payment")
    make.add_argument("--memo", help="up to 25 ASCII characters")
    make.add_argument("--png", type=Path, help="also write the picture into this file")
    make.add_argument("--svg", type=Path, help="the same as SVG")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= CODES_MAX):
        raise argparse.ArgumentTypeError(f"from 1 to {CODES_MAX}")
    return int(text)


def _new_codes(count: int, outward: TextIO) -> None:
    made: dict[str, None] = {}
    while len(made) < count:
        made[codes.make(codes.PAYMENT_PREFIX, codes.PAYMENT_LENGTH, secrets.token_hex(16))] = None
    outward.writelines(f"{code}\n" for code in made)


def _read_codes(inward: TextIO, outward: TextIO) -> None:
    for line in inward:
        outward.write((" ".join(codes.find_payment_codes(line)) or "-") + "\n")
        outward.flush()


def _make(options: argparse.Namespace) -> str:
    listed_bank(options.bin)
    amount = None if options.amount is None else from_bank(options.amount)
    payload = vietqr.write(
        vietqr.VietQR(
            bin=traffic_bin(options.bin),
            number=options.account if options.card is None else options.card,
            service="QRIBFTTA" if options.card is None else "QRIBFTTC",
            amount=amount,
            memo=options.memo,
            once=amount is not None,
        )
    )
    if options.png is not None:
        options.png.write_bytes(vietqr_picture.png(payload))
    if options.svg is not None:
        options.svg.write_bytes(vietqr_picture.svg(payload))
    return payload


def _read(inward: TextIO, outward: TextIO) -> int:
    status = 0
    for line in inward:
        try:
            told = msgspec.json.encode(_told(vietqr.read(line.rstrip("\r\n")))).decode()
        except InvalidVietQR as problem:
            told = f"refused: {problem.detail} ({problem.field})"
            status = 1
        outward.write(f"{told}\n")
        outward.flush()
    return status


def _told(code: vietqr.VietQR) -> dict[str, object]:
    """A payload under the names `make` takes, an amount as minor units and currency; what is not there is left out."""
    told: dict[str, object] = {"bin": code.bin, "card" if code.service == "QRIBFTTC" else "account": code.number}
    told |= {"service": code.service, "once": code.once}
    if code.amount is not None:
        told |= {"amount": code.amount.units, "currency": code.amount.currency}
    rest = msgspec.structs.asdict(code)
    return told | {
        name: value
        for name, value in rest.items()
        if name not in {"bin", "number", "service", "once", "amount"} and value not in (None, {})
    }


if __name__ == "__main__":
    # Texts come from banks and payers: a byte that is no UTF-8 must not stop the lines behind it.
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    sys.exit(main(sys.argv[1:], sys.stdin, sys.stdout, sys.stderr))
