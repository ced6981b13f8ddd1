"""Sealed credentials open where they belong, under a key that is there, and nowhere else."""

from __future__ import annotations

import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import to_builtins
from msgspec.structs import replace

from banks.sealing import Belongs, NotOpened, SealedVersion, Sealer, open_sealer, read_keys, read_versions
from banks.strict_json import Json
from ledger.errors import InvalidBankAccounts
from ledger.settings import Secret

OLD, NEW = bytes(range(32)), bytes(range(1, 33))
FIELDS: dict[str, Json] = {"client_secret": "planted-secret", "signers": [{"private_key_pem": "planted"}]}
MAIN = Belongs(account_id="ba_acb_main", bank="acb", version=1)
UNTIL = datetime(2026, 1, 1, tzinfo=UTC)


def sealer(*masters: bytes) -> Sealer:
    return Sealer(masters, secrets.token_bytes)


def opened(sealed: SealedVersion, *masters: bytes, account_id: str = "ba_acb_main", bank: str = "acb") -> object:
    return sealer(*masters).open(sealed, account_id, bank)


def test_what_is_sealed_opens_again_and_does_not_show() -> None:
    sealed = sealer(OLD).seal(FIELDS, MAIN)
    assert opened(sealed, OLD) == FIELDS
    assert b"planted" not in repr(sealed).encode() + b64decode(sealed.text) + b64decode(sealed.key)
    assert repr(sealer(OLD)) == "Sealer(…)"


def test_a_sealed_text_opens_in_no_other_account_bank_version_or_time() -> None:
    sealed = sealer(OLD).seal(FIELDS, MAIN)
    moved: list[Callable[[], object]] = [
        lambda: opened(sealed, OLD, account_id="ba_acb_other"),
        lambda: opened(sealed, OLD, bank="mb"),
        lambda: opened(replace(sealed, version=2), OLD),
        lambda: opened(replace(sealed, valid_until=UNTIL), OLD),
    ]
    for move in moved:
        with pytest.raises(NotOpened, match="another account"):
            move()


def test_the_key_of_one_text_does_not_open_another() -> None:
    first, second = sealer(OLD).seal(FIELDS, MAIN), sealer(OLD).seal(FIELDS, MAIN)
    assert first.key != second.key
    with pytest.raises(NotOpened):
        opened(replace(first, key=second.key), OLD)


@pytest.mark.parametrize("part", ["key", "text"])
def test_a_change_in_any_byte_is_noticed(part: str) -> None:
    sealed = sealer(OLD).seal({"a": "b"}, MAIN)
    raw = b64decode(getattr(sealed, part))
    for place in range(len(raw)):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        with pytest.raises(NotOpened):
            opened(replace(sealed, **{part: b64encode(changed).decode()}), OLD)
    for cut in ("", "AAAA", "not base64", b64encode(raw[:-1]).decode()):
        with pytest.raises(NotOpened):
            opened(replace(sealed, **{part: cut}), OLD)


def test_another_master_key_opens_nothing_and_says_so() -> None:
    with pytest.raises(NotOpened, match="master key that is not here"):
        opened(sealer(OLD).seal(FIELDS, MAIN), NEW)


def test_a_new_master_key_takes_over_the_data_key_and_leaves_the_text() -> None:
    sealed = sealer(OLD).seal(FIELDS, replace(MAIN, valid_until=UNTIL))
    moved = sealer(NEW, OLD).rewrap(sealed, "ba_acb_main", "acb")
    assert (moved.text, moved.valid_until) == (sealed.text, UNTIL)
    assert opened(moved, NEW) == opened(sealed, OLD) == opened(moved, OLD, NEW) == FIELDS
    with pytest.raises(NotOpened):
        opened(moved, OLD)
    with pytest.raises(NotOpened):
        sealer(NEW, OLD).rewrap(sealed, "ba_acb_other", "acb")


def test_no_nonce_comes_twice_under_one_key() -> None:
    one = sealer(OLD)
    made = [one.seal(FIELDS, MAIN) for _ in range(500)]
    assert len({b64decode(sealed.key)[:12] for sealed in made}) == 500
    assert len({sealed.key for sealed in made}) == 500, "and every text has a data key of its own"


def test_versions_stand_newest_first_and_earlier_ones_end() -> None:
    one = sealer(OLD)
    newest = one.seal(FIELDS, replace(MAIN, version=2))
    former = one.seal(FIELDS, replace(MAIN, valid_until=UNTIL))
    assert read_versions(to_builtins([newest, former])) == [newest, former]
    bad: list[list[SealedVersion]] = [
        [],
        [former],
        [newest, newest],
        [replace(newest, version=1), replace(former, version=2)],
        [newest, replace(former, valid_until=None)],
        [newest, replace(former, valid_until=datetime(2026, 1, 1))],  # noqa: DTZ001  # this is what is refused
        [replace(newest, version=0)],
    ]
    for versions in bad:
        with pytest.raises(NotOpened):
            read_versions(to_builtins(versions))
    values: list[Json] = [None, "x", [1], [{"version": 1}], [{**to_builtins(newest), "more": 1}]]
    for value in values:
        with pytest.raises(NotOpened):
            read_versions(value)


def test_master_keys_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_bytes(b64encode(NEW) + b"\n" + b64encode(OLD) + b"\n")
    secret = Secret(b64encode(OLD).decode())
    assert read_keys(file) == [NEW, OLD]
    assert opened(open_sealer(secret, None, secrets.token_bytes).seal(FIELDS, MAIN), OLD) == FIELDS
    assert opened(open_sealer(secret, file, secrets.token_bytes).seal(FIELDS, MAIN), NEW) == FIELDS


@pytest.mark.parametrize("content", [b"", b"planted", b64encode(OLD[:31]), b"\xff", (b64encode(OLD) + b"\n") * 5])
def test_a_file_of_something_else_is_refused_unquoted(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "keys"
    file.write_bytes(content)
    with pytest.raises(InvalidBankAccounts, match="32 bytes") as refusal:
        read_keys(file)
    assert "planted" not in str(refusal.value)
    with pytest.raises(InvalidBankAccounts, match="FileNotFoundError"):
        read_keys(tmp_path / "absent")
