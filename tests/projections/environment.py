"""The environment in which the commands of the read models run, as in production."""

from __future__ import annotations

import base64

import pytest

from tests.story import MASTER_KEY


def set_environment(monkeypatch: pytest.MonkeyPatch, *, events: str, tables: str) -> None:
    """Lets the commands find this event store and these read tables; nothing answers as Redis."""
    values = {
        "EVENT_STORE_URL": events,
        "READ_TABLES_URL": tables,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SOCAI_MASTER_KEY": base64.b64encode(MASTER_KEY).decode(),
        "SOCAI_BANK_ACCOUNTS": "accounts.json",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
