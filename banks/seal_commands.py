"""What people may do with sealed credentials on the command line: seal them, and put them under another master key."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from banks.seal_file import rotate_master, seal_file
from banks.sealing import Sealer, open_sealer, read_keys
from ledger.errors import InvalidBankAccounts
from ledger.settings import SettingsInvalid, read_master_key

OVERLAP_H: Final = 24
OVERLAP_H_MAX: Final = 24 * 90


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `seal` and `rotate-master`."""
    seal = commands.add_parser("seal", help="seal the credentials in an accounts file")
    seal.add_argument("file", type=Path, metavar="FILE")
    said = f"how long replaced credentials still prove what a bank sends ({OVERLAP_H} hours)"
    seal.add_argument("--overlap-h", type=_hours, default=OVERLAP_H, metavar="HOURS", help=said)
    rotate = commands.add_parser("rotate-master", help="put sealed credentials under another master key")
    rotate.add_argument("file", type=Path, metavar="FILE")
    rotate.add_argument("old", type=Path, metavar="OLD", help="file with the present master key, in base64")
    rotate.add_argument("new", type=Path, metavar="NEW", help="file with the one that replaces it")


def run(
    options: argparse.Namespace, environment: Mapping[str, str], at: datetime, token: Callable[[int], bytes]
) -> str:
    """Does one of the two and says how much it was. Raises InvalidBankAccounts."""
    if options.command == "rotate-master":
        sealer = Sealer([*read_keys(options.new)[:1], *read_keys(options.old)], token)
        return f"{rotate_master(options.file, sealer)} sealed under the new master key\n"
    overlap = timedelta(hours=options.overlap_h)
    return f"{seal_file(options.file, sealer_of(environment, token), at, overlap)} accounts sealed\n"


def sealer_of(environment: Mapping[str, str], token: Callable[[int], bytes]) -> Sealer:
    """Opens and makes seals under the master keys the environment names. Raises InvalidBankAccounts."""
    file = environment.get("SOCAI_MASTER_KEY_FILE")
    if file:
        return Sealer(read_keys(Path(file)), token)
    try:
        return open_sealer(read_master_key(environment), None, token)
    except SettingsInvalid as error:
        raise InvalidBankAccounts(f"{error}", field="SOCAI_MASTER_KEY") from None


def _hours(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= OVERLAP_H_MAX):
        raise argparse.ArgumentTypeError(f"from 0 to {OVERLAP_H_MAX}")
    return int(text)
