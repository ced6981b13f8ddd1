"""The application server gets an application made of the environment alone."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from ledger.json_lines import FOREIGN, JsonLines
from ledger.settings import SettingsInvalid
from tests.web.stage import MASTER_KEY, said
from tests.web.test_main import accounts_file, environment
from web.wsgi import application


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """The application takes over the logs of its process; other tests here want theirs."""
    named = [logging.getLogger(name) for name in FOREIGN]
    root = logging.getLogger()
    before = [(one, one.handlers[:], one.level, one.propagate) for one in (root, *named)]
    yield
    for one, handlers, level, propagate in before:
        one.handlers, one.propagate = handlers, propagate
        one.setLevel(level)


def test_an_environment_that_does_not_add_up_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EVENT_STORE_URL", "READ_TABLES_URL", "REDIS_URL", "SOCAI_MASTER_KEY", "SOCAI_BANK_ACCOUNTS"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingsInvalid) as refused:
        application()
    assert str(refused.value).count("\n- ") == 5


def test_an_application_comes_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, event_store_url: str, sqlite_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = accounts_file(tmp_path_factory.mktemp("accounts"))
    for name, value in environment(event_store_url, sqlite_url, "redis://127.0.0.1:9/0", file, 1).items():
        monkeypatch.setenv(name, value)
    answer = application().test_client().get("/v1/bank-accounts")
    assert answer.status_code == 401
    assert MASTER_KEY not in json.dumps(said(answer))
    assert [type(handler.formatter) for handler in logging.getLogger().handlers] == [JsonLines]
