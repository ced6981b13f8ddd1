"""The command line of the event log: look at it, tell the story of one thing, check the log, move it to another store.

`committer` is a process of the gateway instead: it writes the log for all processes of this host.

A door: it reads the process environment, or that of the stage `make up` left running here, and the clock.
"""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from threading import Event
from typing import Final

from eventsourcing.persistence import InterfaceError, PersistenceError

from ledger.checking import FAULTS_MAX, Checked, check
from ledger.committing import NoCommitter, serve
from ledger.copying import Copied, copy, copy_keys, verify, verify_keys
from ledger.errors import BadAddress, Problem
from ledger.event_log import EventLog, Recorded, opened, provider_module
from ledger.lines import for_people, for_programs, recorded
from ledger.person_keys import keys_at
from ledger.privacy import PersonKeys
from ledger.progress import per_second, progress_on
from ledger.settings import SettingsInvalid, read_settings, with_local_stage
from ledger.store import Ledger
from ledger.story import story

EVENTS_SHOWN: Final = 50
SECTION: Final = 1_000
"""Events read at a time when many are listed."""
MILLISECOND_NS: Final = 1_000_000
COPY_URL: Final = "COPY_EVENT_STORE_URL"
"""May hold the address of `copy --to`, which then does not stand in the list of processes, password and all."""


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run one command; 0 when it could be done and all is well, 1 when not, with a sentence on standard error."""
    options = _parser().parse_args(arguments)
    try:
        given = with_local_stage(environment)
        if options.command in ("head", "history"):
            return _with_ledger(options, given)
        return DOORS[options.command](options, given)
    except (Problem, SettingsInvalid, PersistenceError, NoCommitter) as error:
        print(error, file=sys.stderr)
    except KeyboardInterrupt:
        print("Interrupted; nothing is half done. The same command goes on from here.", file=sys.stderr)
    except BrokenPipeError:
        # Whoever read our lines has seen enough; what Python would still write at its end must go somewhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return 1


def _commit(_: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Write for this host until told to stop."""
    settings = read_settings(environment)
    if settings.event_store_committer is None:
        raise NoCommitter("Set EVENT_STORE_COMMITTER to the socket that the processes of this host shall find.")
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    serve(settings.event_store_url, settings.event_store_committer, stop)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ledger", description="The event log, for auditors and operators.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("head", help="the position of the last event")
    commands.add_parser("committer", help="write the log for all processes of this host, until told to stop")
    history = commands.add_parser("history", help="every event of one thing and of all it touched, in order")
    history.add_argument("id", help="a payment intent, payout, settlement, statement line, merchant …")
    history.add_argument("--json", action="store_true", help="one JSON object a line, for programs")
    events = commands.add_parser("events", help="events by position, by stream or by stored name")
    events.add_argument("--after", type=_number, metavar="P", help="behind this position (with --stream: version)")
    events.add_argument("--before", type=_number, metavar="P", help="in front of this position (or version)")
    events.add_argument("--stream", metavar="ID", help="of this stream only")
    events.add_argument("--name", metavar="STORED_NAME", help="of this stored name only: payout.requested")
    events.add_argument("--back", action="store_true", help="newest first")
    events.add_argument("--limit", type=_number, default=EVENTS_SHOWN, metavar="N", help=f"at most N ({EVENTS_SHOWN})")
    events.add_argument("--json", action="store_true", help="one JSON object a line, for programs")
    checking = commands.add_parser("check", help="read the whole log and say whether it is whole; exit code 1 if not")
    checking.add_argument("--faults", type=_number, default=FAULTS_MAX, metavar="N", help="stop after N faults")
    copying = commands.add_parser("copy", help="bring the log to another store, compare it; goes on where it stopped")
    copying.add_argument("--from", dest="source", metavar="URL", help="the source (default: EVENT_STORE_URL)")
    copying.add_argument("--to", dest="target", metavar="URL", help=f"the target (default: {COPY_URL})")
    copying.add_argument("--verify-only", action="store_true", help="compare, write nothing")
    copying.add_argument("--forget-erased", action="store_true", help="erase at the target whom the source has erased")
    return parser


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError("must be a number, 0 or above")
    return int(text)


def _with_ledger(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    with Ledger.open(read_settings(environment), secrets.token_bytes) as ledger:
        if options.command == "head":
            print(ledger.head())
            return 0
        told = story(ledger, options.id)
    for envelope in told:
        print(for_programs(envelope) if options.json else "\n".join(for_people(envelope)))
    return 0


def _address(given: str | None, environment: Mapping[str, str], variable: str, option: str) -> str:
    """The URL given, or that of the variable. Raises BadAddress, never repeating it."""
    url = given or environment.get(variable, "")
    if not url:
        raise BadAddress(f"Which event store? Give {option}, or set {variable}.", field=option)
    try:
        provider_module(url)
    except InterfaceError as error:
        raise BadAddress(f"{option if given else variable}: {error}", field=option) from error
    return url


def _events(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    with opened(_address(None, environment, "EVENT_STORE_URL", "EVENT_STORE_URL")) as log:
        for row in _of_stream(log, options) if options.stream else _of_log(log, options):
            print(recorded(row, as_json=options.json))
    return 0


def _of_stream(log: EventLog, options: argparse.Namespace) -> Iterator[Recorded]:
    """Positions are not known to a stream: they are given as 0."""
    upto = None if options.before is None else options.before - 1
    left = options.limit
    # The store's limit counts events of every name, so it is used only where all of them are wanted.
    limit = None if options.name else options.limit
    for event in log.stream(options.stream, gt=options.after, lte=upto, desc=options.back, limit=limit):
        if left and options.name in (None, event.topic):
            left -= 1
            yield Recorded(0, str(event.originator_id), event.originator_version, event.topic, event.state)


def _of_log(log: EventLog, options: argparse.Namespace) -> Iterator[Recorded]:
    names = [options.name] if options.name else []
    low, high = options.after or 0, log.head() + 1 if options.before is None else options.before
    left = options.limit
    while left:
        section = min(left, SECTION)
        rows = log.read_back(high, section, names) if options.back else log.read(low, section, names)
        inside = [row for row in rows if low < row.position < high]
        yield from inside
        left -= len(inside)
        if len(inside) < section:
            return
        low, high = (low, inside[-1].position) if options.back else (inside[-1].position, high)


def _check(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    began = time.monotonic_ns()
    with (
        opened(_address(None, environment, "EVENT_STORE_URL", "EVENT_STORE_URL")) as log,
        progress_on(sys.stderr, time.monotonic_ns) as told,
    ):
        found = check(log, told, faults_max=max(options.faults, 1))
    for fault in found.faults:
        print(f"position {fault.position}: {fault.kind}: {fault.detail}\n    {fault.cure}")
    print(_checked(found, time.monotonic_ns() - began))
    return 1 if found.faults else 0


def _checked(found: Checked, elapsed_ns: int) -> str:
    what = f"{found.events} events in {found.streams} streams, {found.size} bytes, {_seconds(elapsed_ns, found.events)}"
    if not found.faults:
        return f"whole: {what}, up to position {found.head}"
    rest = "" if found.reached == found.head else f"; what lies behind position {found.reached} was not read"
    return f"NOT whole: {len(found.faults)} faults; {what}{rest}"


def _copy(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    source_url = _address(options.source, environment, "EVENT_STORE_URL", "--from")
    target_url = _address(options.target, environment, COPY_URL, "--to")
    if source_url == target_url:
        raise BadAddress("Source and target are the same address; name another one.", field="--to")
    began = time.monotonic_ns()
    with ExitStack() as stack:
        source, target = (stack.enter_context(opened(url)) for url in (source_url, target_url))
        source_keys, target_keys = (stack.enter_context(_keys(url)) for url in (source_url, target_url))
        told = stack.enter_context(progress_on(sys.stderr, time.monotonic_ns))
        if options.verify_only:
            done = verify(source, target, told)
            keys = verify_keys(source_keys, target_keys)
        else:
            done = copy(source, target, told)
            keys = copy_keys(source_keys, target_keys, told, forget=options.forget_erased)
    print(_copied(done, keys, time.monotonic_ns() - began))
    return 0


@contextmanager
def _keys(url: str) -> Iterator[PersonKeys]:
    keys = keys_at(url)
    try:
        yield keys
    finally:
        keys.close()


def _copied(done: Copied, keys: int, elapsed_ns: int) -> str:
    copied = f"{done.events} events copied, {done.size} bytes, {_seconds(elapsed_ns, done.events)}"
    return f"verified: the target is equal to the source up to position {done.head}, {keys} person keys; {copied}"


def _seconds(elapsed_ns: int, events: int) -> str:
    milliseconds = elapsed_ns // MILLISECOND_NS
    return f"{milliseconds // 1_000}.{milliseconds % 1_000:03} s, {per_second(events, elapsed_ns)} events a second"


DOORS: Final = {"events": _events, "check": _check, "copy": _copy, "committer": _commit}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
