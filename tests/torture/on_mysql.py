"""Trial: everything that is tested on MariaDB is tested on Oracle's MySQL too, by the very same tests.

The tests take whatever server SOCAI_MYSQLD names. So pytest runs as a process of its own with the MySQL that
`./socai mysql` fetches; each of its tests that fails is a violation. Nothing depends on the seed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from local.found import MYSQLD, ServerMissing, mysqld
from local.mysql_debian import mysqld_of_debian
from local.processes import Process, tail
from tests.torture.judge import Kind, Violation
from tests.torture.trial import ROOT, Bench, Report, Violated, until

NAME = "mysql"


class Suites(NamedTuple):
    """Which tests, and how."""

    paths: Sequence[str | Path]
    """Files and folders."""
    words: str
    """Those of their tests that are meant (pytest -k)."""
    processes: int = 2
    within_s: float = 3_600.0


FULL = Suites(
    tuple(f"tests/{folder}" for folder in ("projections", "ledger", "local", "workers", "web", "torture")),
    "projections or sql",
)
SHORT = Suites(("tests/local/test_mysql.py",), "test", processes=0, within_s=300.0)


def run(bench: Bench, server: Path, suites: Suites = FULL) -> Report:
    """Run the suites on the server program `server`. Raises Violated when a test fails or none passes."""
    began = time.monotonic()
    told = bench.directory / "junit.xml"
    tests = Process("tests", _command(suites, told), bench.directory / "tests.log", environment=_environment(server))
    with tests:
        in_time = until(lambda: not tests.running, within_s=suites.within_s)
    cases = list(ElementTree.parse(told).iter("testcase")) if told.is_file() else []  # noqa: S314  pytest's own
    outcomes = Counter(map(_outcome, cases))
    violations = [Violation(Kind.TEST, _again(case)) for case in cases if _outcome(case) == "failed"]
    if not in_time:
        violations.append(Violation(Kind.STALLED, f"the tests were not over after {suites.within_s:g} s"))
    elif not outcomes["passed"] or (tests.exit_code and not violations):
        violations.append(Violation(Kind.TEST, f"pytest ended with {tests.exit_code}: {tail(tests.log, 5)}"))
    if violations:
        raise Violated(bench, violations)
    counts = {outcome: outcomes[outcome] for outcome in ("passed", "failed", "skipped")}
    return Report(bench.trial, bench.store, bench.seed, counts, time.monotonic() - began)


def server() -> Path:
    """The MySQL that SOCAI_MYSQLD names, else Debian's. Raises ServerMissing, also when the one named is MariaDB."""
    found = mysqld() if os.environ.get(MYSQLD) else mysqld_of_debian()
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    if "mariadb" in said.lower():
        raise ServerMissing(f"{MYSQLD} names MariaDB, and this trial is of MySQL: unset it, and MySQL is fetched.")
    return found


def _command(suites: Suites, told: Path) -> list[str]:
    options = ["-q", "-c", ROOT / "setup.cfg", "--rootdir", ROOT, "--junitxml", told, "-o", "junit_family=xunit1"]
    options += ["-p", "no:cacheprovider", "-k", suites.words]
    if suites.processes:
        options += ["-n", suites.processes, "--dist", "worksteal"]
    return [str(word) for word in (sys.executable, "-m", "pytest", *options, *(ROOT / path for path in suites.paths))]


def _environment(server: Path) -> dict[str, str]:
    """That of pytest as `make test` has it; of a test that runs this nothing is handed on."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return own | {MYSQLD: str(server), "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def _outcome(case: ElementTree.Element) -> str:
    """What became of one test; an error before or after it counts as its failure."""
    told = {child.tag for child in case}
    if told & {"failure", "error"}:
        return "failed"
    return "skipped" if "skipped" in told else "passed"


def _again(case: ElementTree.Element) -> str:
    """The command that runs this test alone."""
    return f"{MYSQLD}=$(./socai mysql) ./socai test '{'::'.join(_names(case))}'"


def _names(case: ElementTree.Element) -> Iterator[str]:
    file = case.get("file", "")
    yield file
    module = file.removesuffix(".py").replace("/", ".")
    yield from filter(None, case.get("classname", "").removeprefix(module).split("."))
    yield case.get("name", "")
