"""docker-compose.yml is a valid compose file, and tells every process what `make up` tells it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ledger.settings import NAMES, read_settings
from local.environment import BANK_FEED_PATH, BANK_WEBHOOK_PATH, Stage, prepare
from local.found import MYSQLD
from local.parts import enrol, one_shot

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SERVERS = {"mongodb", "mysql", "redis"}
OURS = sorted(set(SERVICES) - SERVERS)
SOCAI = sorted(set(OURS) - {"enrol", "simulator"})


def filled(environment: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    """What compose makes of `${NAME:-default}` and `${NAME:?what is missing}`. Raises KeyError for the second kind."""

    def value(match: re.Match[str]) -> str:
        return given[match[1]] if match[2] == "?" else given.get(match[1], match[3])

    return {name: re.sub(r"\$\{(\w+):([-?])([^}]*)\}", value, text) for name, text in environment.items()}


def schema_check(file: Path) -> subprocess.CompletedProcess[str]:
    """The official compose schema, as check-jsonschema ships it."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_is_valid_by_the_compose_schema() -> None:
    checked = schema_check(ROOT / "docker-compose.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_schema_check_sees_a_planted_fault(tmp_path: Path) -> None:
    faulty = tmp_path / "docker-compose.yml"
    faulty.write_text((ROOT / "docker-compose.yml").read_text().replace("restart:", "restarts:"))
    assert schema_check(faulty).returncode != 0


@pytest.mark.parametrize("service", SOCAI)
def test_every_process_of_ours_has_exactly_the_settings(service: str, tmp_path: Path) -> None:
    assert set(SERVICES[service]["environment"]) == set(NAMES)
    keys = {name: prepare(Stage(tmp_path), {})[name] for name in ("SOCAI_MASTER_KEY", "SOCAI_OPERATOR_KEYS")}
    read_settings(filled(SERVICES[service]["environment"], keys | {"MYSQL_PASSWORD": "letters"}))


@pytest.mark.parametrize("key", ["SOCAI_MASTER_KEY", "SOCAI_OPERATOR_KEYS", "MYSQL_PASSWORD"])
def test_no_key_has_a_default(key: str) -> None:
    given = {name: "given" for name in ("SOCAI_MASTER_KEY", "SOCAI_OPERATOR_KEYS", "MYSQL_PASSWORD") if name != key}
    with pytest.raises(KeyError, match=key):
        filled(SERVICES["web"]["environment"], given)


def test_make_up_and_compose_use_the_same_names(tmp_path: Path) -> None:
    local = {name for name in prepare(Stage(tmp_path), {}) if not name.startswith("SOCAI_LOCAL_")}
    in_compose = {name for service in OURS for name in SERVICES[service]["environment"]}
    assert in_compose - local == {"SOCAI_SIMULATOR_HOST"}  # containers speak to each other, so not on loopback
    assert local - {MYSQLD} <= in_compose  # which program the SQL server of a stage is, its image says in compose


def test_the_bank_sends_its_notices_where_make_up_takes_them() -> None:
    said = SERVICES["simulator"]["environment"]
    assert said["SOCAI_SIMULATOR_WEBHOOK_URL"].endswith(f":8080{BANK_WEBHOOK_PATH}")
    assert said["SOCAI_SIMULATOR_FEED_URL"].endswith(f":8080{BANK_FEED_PATH}")


def test_every_queue_has_one_worker_service(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    values = prepare(stage, {}) | {"PYTHONPATH": str(ROOT)}
    enrol(stage, values)
    queues = one_shot(stage, values, "queues", "workers", "queues").split()
    commands = [service.get("command", []) for service in SERVICES.values()]
    assert sorted(words[2] for words in commands if words[:2] == ["workers", "run"]) == sorted(queues)


@pytest.mark.parametrize("service", OURS)
def test_every_command_names_a_module_of_the_image(service: str) -> None:
    module = SERVICES[service]["command"][0]
    assert (ROOT / module.replace(".", "/") / "__main__.py").is_file()
    assert f"COPY {module.partition('.')[0]} " in (ROOT / "Dockerfile").read_text()


def test_servers_are_those_the_project_names() -> None:
    images = {name: SERVICES[name]["image"] for name in SERVERS}
    assert images == {"mongodb": "mongo:8", "mysql": "mysql:8.4", "redis": "redis:7"}
    assert "noeviction" in SERVICES["redis"]["command"]
    assert "--replSet" in SERVICES["mongodb"]["command"]


def test_everything_a_process_waits_for_can_become_healthy_or_end() -> None:
    for service in SERVICES.values():
        for needed, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[needed]
            else:
                assert "restart" not in SERVICES[needed]


def test_ports_are_published_on_loopback_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
