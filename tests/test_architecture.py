"""The tree keeps the house rules, and each rule is seen to catch a planted fault."""

from __future__ import annotations

import pytest

from tests import architecture
from tests.architecture import EXEMPT, RULES, Rule, Source, faults, sources

TREE = sources()

PLANTED: list[tuple[Rule, str, str]] = [
    (architecture.imports_go_down, "ledger/payouts.py", "from commands import payouts"),
    (architecture.imports_go_down, "commands/payouts.py", "import projections.payouts"),
    (architecture.imports_go_down, "banks/acb.py", "def late():\n    from commands.payouts import x"),
    (architecture.imports_go_down, "web/payouts.py", "from workers import jobs"),
    (architecture.imports_go_down, "web/payouts.py", "from . import problems"),
    (architecture.imports_go_down, "workers/jobs.py", "import local.servers"),
    (architecture.imports_go_down, "ledger/payouts.py", "from tests.story import given"),
    (architecture.simulator_stands_alone, "banks/simulator/books.py", "from ledger.money import Money"),
    (architecture.simulator_stands_alone, "banks/simulator/books.py", "from banks import vietqr"),
    (architecture.simulator_stands_alone, "banks/acb.py", "from banks.simulator import books"),
    (architecture.no_clock_no_dice, "ledger/payouts.py", "from datetime import datetime\nat = datetime.now()"),
    (architecture.no_clock_no_dice, "ledger/payouts.py", "import datetime as d\nat = d.datetime.utcnow()"),
    (architecture.no_clock_no_dice, "commands/payouts.py", "from datetime import date as day\non = day.today()"),
    (architecture.no_clock_no_dice, "banks/acb.py", "import time\nclock = time.monotonic"),
    (architecture.no_clock_no_dice, "banks/acb.py", "from time import sleep\nsleep(1)"),
    (architecture.no_clock_no_dice, "projections/payouts.py", "import time\nat = time.time_ns()"),
    (architecture.no_clock_no_dice, "ledger/ids.py", "import uuid\nname = uuid.uuid4()"),
    (architecture.no_clock_no_dice, "ledger/ids.py", "import random\nn = random.random()"),
    (architecture.no_clock_no_dice, "ledger/ids.py", "from secrets import token_hex\nn = token_hex(4)"),
    (architecture.no_clock_no_dice, "ledger/ids.py", "import os\nn = os.urandom(4)"),
    (architecture.no_clock_no_dice, "ledger/settings.py", "import os\nurl = os.environ['URL']"),
    (architecture.no_clock_no_dice, "banks/acb.py", "from os import getenv\nurl = getenv('URL')"),
    (architecture.functions_are_short, "web/payouts.py", "def long():\n" + "    x = 1\n" * 40),
    (architecture.names_say_what_is_inside, "ledger/utils.py", ""),
    (architecture.names_say_what_is_inside, "web/core/pages.py", ""),
    (architecture.errors_are_not_swallowed, "web/payouts.py", "try:\n    x = 1\nexcept:\n    pass"),
    (
        architecture.errors_are_not_swallowed,
        "web/payouts.py",
        "try:\n    x = 1\nexcept (KeyError, Exception):\n    x = 2",
    ),
    (architecture.no_float_near_money, "ledger/money.py", "fee = 1.5"),
    (architecture.no_float_near_money, "ledger/money.py", "def f(a):\n    return float(a)"),
    (architecture.no_float_near_money, "commands/payouts.py", "def f(a, b):\n    return a / b"),
    (architecture.sockets_have_owners, "banks/acb.py", "import httpx"),
    (architecture.sockets_have_owners, "web/bank_webhooks.py", "from urllib.request import urlopen"),
    (architecture.sql_lives_in_projections, "web/payouts.py", "q = 'SELECT id FROM payouts WHERE x = 1'"),
    (architecture.sql_lives_in_projections, "commands/payouts.py", "from sqlalchemy import select"),
    (architecture.sql_lives_in_projections, "ledger/store.py", "import sqlite3"),
    (architecture.sql_lives_in_projections, "ledger/person_keys.py", "from sqlalchemy import select"),
    (architecture.no_float_near_money, "ledger/squeeze.py", "pause_s = 0.5"),
    (architecture.flask_lives_in_web, "commands/payouts.py", "from flask import request"),
    (architecture.queues_live_in_workers, "web/payouts.py", "from rq import Queue"),
    (architecture.read_models_do_not_act, "projections/payouts.py", "from workers.jobs import Bell"),
    (architecture.read_models_do_not_act, "projections/payouts.py", "from commands import dispatch"),
    (architecture.read_models_do_not_act, "projections/payouts.py", "def late():\n    import banks.registry"),
    (architecture.read_models_do_not_act, "projections/payouts.py", "import redis"),
    (architecture.read_models_do_not_act, "projections/payouts.py", "from rq import Queue"),
    (architecture.read_models_do_not_act, "projections/payouts.py", "import httpx"),
    (architecture.read_models_do_not_act, "projections/payouts.py", "from http.client import HTTPSConnection"),
    (architecture.read_models_do_not_act, "projections/payouts.py", "def f(ledger, x):\n    ledger.keep(x)"),
    (architecture.files_say_why_they_exist, "web/payouts.py", "x = 1"),
    (architecture.modules_have_tests, "web/nothing_tests_this.py", "x = 1"),
    (
        architecture.appliers_only_assign,
        "ledger/payouts.py",
        "@follows(E)\ndef _e(self):\n    if self.a:\n        self.b = 1",
    ),
    (architecture.appliers_only_assign, "ledger/payouts.py", "@follows(E)\ndef _e(self):\n    self.lines.append(1)"),
    (architecture.appliers_only_assign, "ledger/payouts.py", "@follows(E)\ndef _e(self):\n    self.a = (b := 2)"),
    (architecture.appliers_only_assign, "ledger/payouts.py", "@follows(E)\ndef _e(self, event):\n    event.a = 1"),
]

INNOCENT: list[tuple[Rule, str, str]] = [
    (architecture.imports_go_down, "web/payouts.py", "from commands import payouts\nfrom ledger.money import Money"),
    (architecture.simulator_stands_alone, "banks/simulator/books.py", "from banks.simulator import napas"),
    (architecture.no_clock_no_dice, "banks/acb.py", "from secrets import compare_digest\ncompare_digest('a', 'b')"),
    (architecture.no_clock_no_dice, "banks/acb.py", "import datetime as d\nat = d.datetime.fromisoformat('x')"),
    (architecture.no_clock_no_dice, "ledger/__main__.py", "import os\nurl = os.environ['URL']"),
    (architecture.no_clock_no_dice, "web/wsgi.py", "import secrets\nkey = secrets.token_hex(4)"),
    (architecture.errors_are_not_swallowed, "web/a.py", "try:\n    x = 1\nexcept Exception:\n    x = 2\n    raise"),
    (architecture.no_float_near_money, "ledger/a.py", "def f(wait_s: float, folder):\n    return folder / 'napas.csv'"),
    (architecture.sockets_have_owners, "banks/transport.py", "import httpx"),
    (architecture.read_models_do_not_act, "projections/a.py", "from ledger.webhook_deliveries import id_of_delivery"),
    (architecture.read_models_do_not_act, "workers/a.py", "import redis"),
    (architecture.sql_lives_in_projections, "ledger/sql_read.py", "from sqlalchemy import select"),
    (architecture.no_float_near_money, "ledger/sqlite.py", "pause_s = 0.5"),
    (architecture.sql_lives_in_projections, "web/a.py", "text = 'Select a bank from the list'"),
    (
        architecture.appliers_only_assign,
        "ledger/a.py",
        "@follows(E)\ndef _e(self):\n    self.state = 'paid'\n    self.n += 1",
    ),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Rule) -> None:
    found = [fault for source in TREE for fault in faults(rule, source)]
    assert not found, "\n".join([f"{rule.__name__}: {rule.__doc__}", *found])


@pytest.mark.parametrize(("rule", "path", "text"), PLANTED)
def test_a_planted_fault_is_caught(rule: Rule, path: str, text: str) -> None:
    assert faults(rule, Source.of(path, text))


@pytest.mark.parametrize(("rule", "path", "text"), INNOCENT)
def test_what_is_allowed_is_not_caught(rule: Rule, path: str, text: str) -> None:
    assert faults(rule, Source.of(path, text)) == []


def test_every_rule_has_a_planted_fault() -> None:
    assert {rule for rule, _, _ in PLANTED} == set(RULES)


def test_every_exemption_is_needed_and_has_a_reason() -> None:
    rules = {rule.__name__: rule for rule in RULES}
    files = {source.path: source for source in TREE}
    for (rule, path), reason in EXEMPT.items():
        assert list(rules[rule](files[path])), f"{path} keeps {rule}: drop the exemption"
        assert len(reason.split()) > 3
