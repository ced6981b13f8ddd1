"""The accounts file sealed in place: new credentials become the newest version, master keys are replaced.

The new file is written beside, made durable, read back as the programs will read it, and only then put in the place of
the old one. What stood in clear before may still be found on the disk and in backups: replace it at the bank.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from banks.registry import load_accounts
from banks.sealing import Belongs, NotOpened, SealedVersion, Sealer, read_versions
from banks.strict_json import Json, NotJson, parse
from ledger.errors import InvalidBankAccounts

IN_CLEAR: Final = frozenset({"id", "bank", "account_number", "holder", "base_url", "sealed"})
"""Every other field of an account is sealed."""

KEPT_MAX: Final = 3
"""Versions of one account that stand side by side, the newest among them."""


def seal_file(path: Path, sealer: Sealer, at: datetime, overlap: timedelta) -> int:
    """Seals what stands in clear; how many accounts had something. Where an account was sealed before, the new fields
    replace the former whole; for `overlap` longer the former still prove what the bank sends.

    Raises InvalidBankAccounts, and then the file is as it was.
    """
    document, entries = _read(path)
    clear = [entry for entry in entries if entry.keys() - IN_CLEAR]
    for entry in clear:
        _seal(entry, sealer, at, overlap)
    if clear:
        _write(path, document, sealer)
    return len(clear)


def rotate_master(path: Path, sealer: Sealer) -> int:
    """Puts every data key under the first master key of `sealer`, which must know the former too; how many there were.

    Raises InvalidBankAccounts, and then the file is as it was.
    """
    document, entries = _read(path)
    count = 0
    for entry in entries:
        try:
            versions = _versions(entry)
            id_, bank = _names(entry)
            wrapped = [sealer.rewrap(version, id_, bank) for version in versions]
        except NotOpened as error:
            raise _refusal(entry, error) from None
        if wrapped:
            entry["sealed"] = _shown(wrapped)
            count += len(wrapped)
    if count:
        _write(path, document, sealer)
    return count


def _seal(entry: dict[str, Json], sealer: Sealer, at: datetime, overlap: timedelta) -> None:
    try:
        id_, bank = _names(entry)
        earlier = _versions(entry)
        kept = [_superseded(one, id_, bank, sealer, at + overlap) for one in earlier[:1]]
        kept.extend(one for one in earlier[1:] if one.valid_until is not None and one.valid_until > at)
    except NotOpened as error:
        raise _refusal(entry, error) from None
    number = earlier[0].version + 1 if earlier else 1
    fields = {name: entry.pop(name) for name in sorted(entry.keys() - IN_CLEAR)}
    newest = sealer.seal(fields, Belongs(account_id=id_, bank=bank, version=number))
    entry["sealed"] = _shown([newest, *kept][:KEPT_MAX])


def _superseded(former: SealedVersion, id_: str, bank: str, sealer: Sealer, until: datetime) -> SealedVersion:
    to = Belongs(account_id=id_, bank=bank, version=former.version, valid_until=until.astimezone(UTC))
    return sealer.seal(sealer.open(former, id_, bank), to)


def _versions(entry: dict[str, Json]) -> list[SealedVersion]:
    return read_versions(entry["sealed"]) if "sealed" in entry else []


def _names(entry: dict[str, Json]) -> tuple[str, str]:
    id_, bank = entry.get("id"), entry.get("bank")
    if not isinstance(id_, str) or not isinstance(bank, str):
        raise NotOpened("belongs to an account without id or bank")
    return id_, bank


def _refusal(entry: dict[str, Json], error: NotOpened) -> InvalidBankAccounts:
    return InvalidBankAccounts(f"The sealed part of an account {error}.", field=str(entry.get("id"))[:64])


def _shown(versions: Sequence[SealedVersion]) -> Json:
    shown: Json = msgspec.to_builtins(versions)
    return shown


def _read(path: Path) -> tuple[dict[str, Json], list[dict[str, Json]]]:
    try:
        document = parse(path.read_bytes())
    except OSError as error:
        raise InvalidBankAccounts(f"The file cannot be read ({type(error).__name__}).", field="bank_accounts") from None
    except NotJson as error:
        raise InvalidBankAccounts(f"The file is not JSON we take: {error}.", field="bank_accounts") from None
    entries = document.get("bank_accounts") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(entries, list):
        raise InvalidBankAccounts("The file holds no list of accounts.", field="bank_accounts")
    return document, [entry for entry in entries if isinstance(entry, dict)]


def _write(path: Path, document: dict[str, Json], sealer: Sealer) -> None:
    beside = path.with_name(f"{path.name}.new")
    try:
        new = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InvalidBankAccounts(
            f"Somebody else is writing this file; if nobody is, remove {beside.name} beside it.", field="bank_accounts"
        ) from None
    except OSError as error:
        raise _unwritten(error) from None
    try:
        with open(new, "w", encoding="utf-8") as file:
            was = path.stat()
            os.fchmod(new, was.st_mode & 0o777)
            os.fchown(new, was.st_uid, was.st_gid)
            json.dump(document, file, indent=2, ensure_ascii=False)
            file.write("\n")
            file.flush()
            os.fsync(new)
        load_accounts(beside, sealer)
        beside.replace(path)
    except OSError as error:
        raise _unwritten(error) from None
    finally:
        beside.unlink(missing_ok=True)


def _unwritten(error: OSError) -> InvalidBankAccounts:
    return InvalidBankAccounts(f"The file cannot be written ({type(error).__name__}).", field="bank_accounts")
