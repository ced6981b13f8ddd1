"""The auditors' command line: `history ID` tells the whole story of one thing, `head` how long the log is.

And one process of the gateway: `committer` writes the log for all processes of this host.

A door: it reads the process environment, or that of the stage `make up` left running here.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import secrets
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from threading import Event

from ledger.aggregate import Envelope
from ledger.calendar import ICT
from ledger.committing import NoCommitter, serve
from ledger.errors import Problem
from ledger.settings import SettingsInvalid, read_settings, with_local_stage
from ledger.store import Ledger
from ledger.story import details, story


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run one command; 0 when it could be answered, 1 with a sentence on standard error when not."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "committer":
            return _commit(environment)
        with Ledger.open(read_settings(with_local_stage(environment)), secrets.token_bytes) as ledger:
            if options.command == "head":
                print(ledger.head())
                return 0
            told = story(ledger, options.id)
    except (Problem, SettingsInvalid, NoCommitter) as error:
        print(error, file=sys.stderr)
        return 1
    for envelope in told:
        print(_json(envelope) if options.json else "\n".join(_lines(envelope)))
    return 0


def _commit(environment: Mapping[str, str]) -> int:
    """Write for this host until told to stop."""
    settings = read_settings(with_local_stage(environment))
    if settings.event_store_committer is None:
        raise NoCommitter("Set EVENT_STORE_COMMITTER to the socket that the processes of this host shall find.")
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    serve(settings.event_store_url, settings.event_store_committer, stop)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ledger", description="The event log, for auditors.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("head", help="the position of the last event")
    commands.add_parser("committer", help="write the log for all processes of this host, until told to stop")
    history = commands.add_parser("history", help="every event of one thing and of all it touched, in order")
    history.add_argument("id", help="a payment intent, payout, settlement, statement line, merchant …")
    history.add_argument("--json", action="store_true", help="one JSON object a line, for programs")
    return parser


def _json(envelope: Envelope) -> str:
    line = {
        "at": envelope.at.isoformat(),
        "effective_on": envelope.effective_on.isoformat(),
        "id": envelope.id,
        "name": envelope.name,
        "actor": envelope.actor,
        "causation_id": envelope.causation_id,
        "data": details(envelope),
    }
    return json.dumps(line, ensure_ascii=False)


def _lines(envelope: Envelope) -> Iterator[str]:
    at = envelope.at.astimezone(ICT).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    yield f"{at}+07  {envelope.name:32} {envelope.actor}"
    yield f"{'':28}{envelope.id}"
    for name, value in details(envelope).items():
        if value not in (None, "", [], False):
            yield f"{'':30}{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
