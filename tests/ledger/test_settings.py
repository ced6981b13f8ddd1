"""Settings: all faults reported at once, nothing secret printed."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from ledger.settings import (
    NAMES,
    OperatorKey,
    Secret,
    Settings,
    SettingsInvalid,
    read_master_key,
    read_settings,
    with_local_stage,
)

KEY = b64encode(bytes(range(32))).decode()
DIGEST = "ab" * 32
GOOD = {
    "EVENT_STORE_URL": "mongodb://socai:geheim@db1:27017/socai?replicaSet=rs0",
    "READ_TABLES_URL": "mysql+mysqlconnector://socai:geheim@db2/socai",
    "REDIS_URL": "redis://:geheim@queue:6379/0",
    "SOCAI_MASTER_KEY": KEY,
    "SOCAI_BANK_ACCOUNTS": "accounts.json",
}


def faults(**changes: str) -> list[str]:
    with pytest.raises(SettingsInvalid) as refusal:
        read_settings({**GOOD, **changes})
    return [line.removeprefix("- ").partition(" ")[0] for line in str(refusal.value).splitlines()[1:]]


def test_the_least_environment_is_enough_and_the_rest_has_defaults() -> None:
    settings = read_settings(GOOD)
    assert settings == Settings(
        event_store_url=GOOD["EVENT_STORE_URL"],
        event_store_committer=None,
        read_tables_url=GOOD["READ_TABLES_URL"],
        redis_url=GOOD["REDIS_URL"],
        master_key=Secret(KEY),
        operator_keys=(),
        bank_accounts=Path("accounts.json"),
        web_host="127.0.0.1",
        web_port=8080,
        public_url="http://127.0.0.1:8080",
        webhook_allow_private=False,
    )


def test_everything_can_be_said() -> None:
    settings = read_settings(
        GOOD
        | {
            "READ_TABLES_URL": "sqlite:///read.db",
            "SOCAI_OPERATOR_KEYS": f"linh:admin:{DIGEST}, an-2:auditor:{DIGEST}",
            "SOCAI_WEB_HOST": "0.0.0.0",  # noqa: S104  # only a value that is read
            "SOCAI_WEB_PORT": "443",
            "SOCAI_PUBLIC_URL": "https://pay.example.vn",
            "SOCAI_WEBHOOK_ALLOW_PRIVATE": "1",
            "SOCAI_BANK_CALLS": "60000",
        }
    )
    assert settings.operator_keys == (
        OperatorKey(name="linh", role="admin", digest=DIGEST),
        OperatorKey(name="an-2", role="auditor", digest=DIGEST),
    )
    assert (settings.web_port, settings.public_url) == (443, "https://pay.example.vn")
    assert settings.webhook_allow_private is True
    assert settings.bank_calls == 60_000


@pytest.mark.parametrize(
    "url", ["mysql://u:p@db/socai", "mariadb://u:p@db/socai", "sqlite:////var/lib/socai/events.db"]
)
def test_events_may_be_kept_in_sql(url: str) -> None:
    assert read_settings(GOOD | {"EVENT_STORE_URL": url}).event_store_url == url


def test_an_empty_environment_is_told_everything_that_is_missing_at_once() -> None:
    with pytest.raises(SettingsInvalid) as refusal:
        read_settings({})
    assert [line.split()[1] for line in str(refusal.value).splitlines()[1:]] == list(GOOD)
    assert all(NAMES[name] in str(refusal.value) for name in GOOD)


def test_all_wrong_values_are_told_at_once() -> None:
    wrong = {
        "EVENT_STORE_URL": "postgres://x",
        "READ_TABLES_URL": "",
        "REDIS_URL": "http://x",
        "SOCAI_MASTER_KEY": "short",
        "SOCAI_OPERATOR_KEYS": "linh",
        "SOCAI_WEB_PORT": "http",
        "SOCAI_PUBLIC_URL": "ftp://x",
        "SOCAI_WEBHOOK_ALLOW_PRIVATE": "yes",
        "SOCAI_BANK_CALLS": "9",
    }
    assert faults(**wrong) == list(wrong)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "80.0", "", "²", "8 0"])
def test_a_port_is_a_number_a_port_can_have(port: str) -> None:
    assert faults(SOCAI_WEB_PORT=port)[0] == "SOCAI_WEB_PORT"


@pytest.mark.parametrize("key", ["", "short", b64encode(bytes(31)).decode(), b64encode(bytes(33)).decode(), "é" * 44])
def test_a_master_key_is_32_bytes(key: str) -> None:
    assert faults(SOCAI_MASTER_KEY=key) == ["SOCAI_MASTER_KEY"]


@pytest.mark.parametrize(
    "keys",
    [
        "linh",
        f"linh:king:{DIGEST}",
        "linh:admin:abc",
        f"Linh:admin:{DIGEST}",
        f"linh:admin:{DIGEST.upper()}",
        f"::{DIGEST}",
    ],
)
def test_an_operator_key_is_name_role_and_digest(keys: str) -> None:
    assert faults(SOCAI_OPERATOR_KEYS=f"an:admin:{DIGEST},{keys}") == ["SOCAI_OPERATOR_KEYS"]


def test_no_message_shows_a_value() -> None:
    secret = "hunter2hunter2"
    with pytest.raises(SettingsInvalid) as refusal:
        read_settings(dict.fromkeys(NAMES, secret))
    assert secret not in str(refusal.value)


def test_neither_settings_nor_a_secret_can_be_printed() -> None:
    settings = read_settings(GOOD)
    printed = f"{settings} {settings!r} {settings.master_key} {settings.master_key!r} {[settings.master_key]}"
    assert "geheim" not in printed
    assert KEY not in printed
    assert settings.master_key.reveal() == KEY


def test_secrets_compare_and_hash_by_value() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_a_stage_is_looked_at_only_where_the_environment_says_nothing(tmp_path: Path) -> None:
    file = tmp_path / "env"
    assert with_local_stage({"A": "1"}, file) == {"A": "1"}
    file.write_text("EVENT_STORE_URL='mongodb://h/db?replicaSet=rs0'\nA=2\n\nB=\"x y\"\n")
    assert with_local_stage({"A": "1"}, file) == {
        "EVENT_STORE_URL": "mongodb://h/db?replicaSet=rs0",
        "A": "1",
        "B": "x y",
    }
    assert with_local_stage({"EVENT_STORE_URL": "mongodb://other"}, file) == {"EVENT_STORE_URL": "mongodb://other"}


def test_master_keys_of_bank_credentials_may_stand_in_a_file_of_their_own() -> None:
    assert read_settings(GOOD).master_key_file is None
    assert read_settings({**GOOD, "SOCAI_MASTER_KEY_FILE": "/run/keys"}).master_key_file == Path("/run/keys")


def test_the_master_key_can_be_read_alone() -> None:
    assert read_master_key({"SOCAI_MASTER_KEY": KEY}) == Secret(KEY)
    for environment in ({}, {"SOCAI_MASTER_KEY": "geheim"}):
        with pytest.raises(SettingsInvalid, match="32 bytes") as refusal:
            read_master_key(environment)
        assert "geheim" not in str(refusal.value)
