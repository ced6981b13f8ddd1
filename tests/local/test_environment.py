"""The environment of a stage stays the same from run to run, is private, and is one our settings accept."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ledger.settings import read_settings
from local.environment import BANKS, Stage, prepare, read, uses, with_our_dialect
from local.found import ServerMissing
from local.processes import NotReady


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_our_settings_accept_it(stage: Stage) -> None:
    settings = read_settings(prepare(stage, {}))
    assert [key.role for key in settings.operator_keys] == ["admin", "approver", "auditor"]
    assert settings.webhook_allow_private


def test_a_second_run_has_the_same_environment(stage: Stage) -> None:
    assert prepare(stage, {}) == prepare(stage, {}) == read(stage)


def test_a_port_taken_meanwhile_is_replaced_and_the_others_stay(stage: Stage) -> None:
    before = prepare(stage, {})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(before["SOCAI_LOCAL_BANK_ACB_PORT"])))
        taken.listen()
        after = prepare(stage, {})
    assert after["SOCAI_LOCAL_BANK_ACB_PORT"] != before["SOCAI_LOCAL_BANK_ACB_PORT"]
    assert after["SOCAI_LOCAL_MONGO_PORT"] == before["SOCAI_LOCAL_MONGO_PORT"]


def test_a_stage_keeps_the_sql_server_it_was_made_with(stage: Stage) -> None:
    named = stage.root / "mysqld"
    named.touch(mode=0o755)
    prepare(stage, {"SOCAI_MYSQLD": str(named)})
    assert prepare(stage, {})["SOCAI_MYSQLD"] == str(named)
    named.unlink()
    with pytest.raises(ServerMissing, match="names no program"):
        prepare(stage, {})


def test_no_two_parts_get_the_same_port(stage: Stage) -> None:
    values = prepare(stage, {"SOCAI_WEB_PORT": "18080", "SOCAI_LOCAL_BANK_ACB_PORT": "18080"})
    ports = [value for name, value in values.items() if name.endswith("_PORT")]
    assert len(set(ports)) == len(ports) == 5 + len(BANKS)


def test_only_the_owner_can_read_it(stage: Stage) -> None:
    prepare(stage, {})
    private = [stage.env_file, *stage.secrets.iterdir()]
    assert len(private) >= 5
    assert {oct(file.stat().st_mode & 0o777) for file in private} == {"0o600"}


def test_a_shell_reads_the_same_values(stage: Stage) -> None:
    values = prepare(stage, {})
    script = 'set -a; . "$1"; printf %s "$READ_TABLES_URL"'
    shell = subprocess.run(["sh", "-c", script, "sh", stage.env_file], capture_output=True, text=True, check=True)
    assert shell.stdout == values["READ_TABLES_URL"]


def test_servers_given_by_the_user_are_used_and_not_started(stage: Stage) -> None:
    given = {
        "SOCAI_MONGO_URL": "mongodb://db1,db2/?replicaSet=live",
        "SOCAI_MYSQL_URL": "mysql://me:pw@sql:3306/socai",
        "SOCAI_REDIS_URL": "redis://bell:6379/3",
    }
    values = prepare(stage, given)
    assert values["EVENT_STORE_URL"] == "mongodb://db1,db2/socai?replicaSet=live"
    assert values["READ_TABLES_URL"].startswith("mysql+mysqlconnector://me:pw@sql:3306/socai?")
    assert values["REDIS_URL"] == "redis://bell:6379/3"
    assert not any(uses(values, server) for server in ("mongodb", "mysql", "redis"))


def test_our_own_servers_are_used_otherwise(stage: Stage) -> None:
    values = prepare(stage, {})
    assert uses(values, "mongodb")
    assert uses(values, "mysql")
    assert uses(values, "redis")


def test_a_stage_keeps_its_events_where_it_is_told_to(stage: Stage) -> None:
    values = prepare(stage, {"EVENT_STORE_URL": "mysql://"})
    assert values["EVENT_STORE_URL"].endswith(f"@127.0.0.1:{values['SOCAI_LOCAL_MYSQL_PORT']}/socai_events")
    assert uses(values, "mysql")
    assert not uses(values, "mongodb")
    assert read_settings(values).event_store_url == values["EVENT_STORE_URL"]


@pytest.mark.parametrize("wish", ["sqlite:", "sqlite://"])
def test_a_stage_may_do_without_an_event_server(stage: Stage, wish: str) -> None:
    values = prepare(stage, {"EVENT_STORE_URL": wish})
    assert values["EVENT_STORE_URL"] == f"sqlite:///{stage.run / 'events.db'}"
    assert not uses(values, "mongodb")


def test_our_own_mysql_runs_for_the_events_alone_where_read_tables_are_elsewhere(stage: Stage) -> None:
    given = {"EVENT_STORE_URL": "mysql:", "SOCAI_MYSQL_URL": "mysql://me:pw@sql:3306/socai"}
    assert uses(prepare(stage, given), "mysql")


GIVEN = ["mongodb://db1,db2/live?replicaSet=live", "mysql://me:pw@sql:3306/events", "sqlite:////var/lib/events.db"]


@pytest.mark.parametrize("url", GIVEN)
def test_an_event_store_of_the_users_own_is_used_as_it_is(stage: Stage, url: str) -> None:
    assert prepare(stage, {"EVENT_STORE_URL": url})["EVENT_STORE_URL"] == url
    assert not uses(read(stage), "mongodb")


@pytest.mark.parametrize("wish", ["", "mongodb:", "mysql:", "sqlite:", *GIVEN])
def test_a_stage_goes_on_with_the_event_store_it_has(stage: Stage, wish: str) -> None:
    first = prepare(stage, {"EVENT_STORE_URL": wish})
    assert prepare(stage, {}) == first
    # A shell that took .run/env hands its variables on.
    assert prepare(stage, first) == first
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(first["SOCAI_LOCAL_MONGO_PORT"])))
        taken.listen()
        moved = prepare(stage, {"EVENT_STORE_URL": first["EVENT_STORE_URL"]})
    assert moved["SOCAI_LOCAL_MONGO_PORT"] != first["SOCAI_LOCAL_MONGO_PORT"]
    assert uses(moved, "mongodb") == (wish in ("", "mongodb:"))


def test_a_stage_never_mixes_the_read_tables_of_one_log_with_another(stage: Stage) -> None:
    before = prepare(stage, {"EVENT_STORE_URL": "sqlite:"})
    for other in (
        {"EVENT_STORE_URL": "mysql:"},
        {"SOCAI_MONGO_URL": "mongodb://me:s3cret@db/x"},
        {"EVENT_STORE_URL": GIVEN[2]},
    ):
        with pytest.raises(
            NotReady, match=r"EVENT_STORE_URL=sqlite:, or begin anew: make down; rm -rf \.run"
        ) as refusal:
            prepare(stage, other)
        assert "s3cret" not in str(refusal.value)
    assert read(stage) == before


def test_another_password_is_no_other_event_store(stage: Stage) -> None:
    prepare(stage, {"EVENT_STORE_URL": "mysql://me:old@sql/events"})
    values = prepare(stage, {"EVENT_STORE_URL": "mysql://you:new@sql/events"})
    assert values["EVENT_STORE_URL"] == "mysql://you:new@sql/events"
    with pytest.raises(NotReady, match="the EVENT_STORE_URL it was made with"):
        prepare(stage, {"EVENT_STORE_URL": "mysql://you:new@sql/other"})


@pytest.mark.parametrize("url", ["postgres://s3cret", "mysql://me:s3cret@sql", "s3cret", "sqlite:///:memory:"])
def test_an_event_store_that_is_none_is_refused_in_a_sentence(stage: Stage, url: str) -> None:
    with pytest.raises(NotReady, match="EVENT_STORE_URL must") as refusal:
        prepare(stage, {"EVENT_STORE_URL": url})
    assert "s3cret" not in str(refusal.value)
    assert read(stage) == {}


def test_character_set_and_collation_are_always_named() -> None:
    assert with_our_dialect("mariadb://u:p@h/") == (
        "mysql+mysqlconnector://u:p@h/socai?charset=utf8mb4&collation=utf8mb4_unicode_520_ci"
    )
    assert "ssl_ca=x" in with_our_dialect("mysql://u:p@h/other?ssl_ca=x")


def test_there_is_nothing_to_read_before_the_first_run(stage: Stage) -> None:
    assert read(stage) == {}


def test_the_committer_has_a_socket_where_the_store_needs_one_and_a_path_is_not_too_long() -> None:
    with TemporaryDirectory() as folder:
        for name in ("a", "b", "c" * 100):
            Path(folder, name).mkdir()
        values = prepare(Stage(Path(folder, "a")), {})
        assert values["EVENT_STORE_COMMITTER"] == str(Path(folder, "a", ".run", "committer.sock"))
        assert prepare(Stage(Path(folder, "b")), {"EVENT_STORE_URL": "sqlite:"})["EVENT_STORE_COMMITTER"] == ""
        assert prepare(Stage(Path(folder, "c" * 100)), {})["EVENT_STORE_COMMITTER"] == ""


def test_a_file_in_a_folder_that_is_not_there_is_refused_at_once(stage: Stage) -> None:
    for url in ("sqlite:///no/such/folder/events.db", f"sqlite:///{stage.root}/no/events.db"):
        with pytest.raises(NotReady, match=r"make it first.*four strokes"):
            prepare(stage, {"EVENT_STORE_URL": url})
    assert prepare(stage, {"EVENT_STORE_URL": "sqlite:///events.db"})["EVENT_STORE_URL"] == "sqlite:///events.db"
