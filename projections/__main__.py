"""The command line of the read models: `python -m projections list|lag|check|rebuild|compare|swap|retry|show`.

A door: the settings come from the environment, random bytes and the time from the system.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

from rich.console import Console
from rich.table import Table

from ledger.errors import Problem, UnknownProjection
from ledger.ids import of_event
from ledger.settings import SettingsInvalid, read_settings
from ledger.store import Ledger
from projections import PROJECTIONS, Projection, renewing, showing
from projections.aside import Pile
from projections.database import Database, open_database
from projections.exit_codes import AMISS, FINE, REFUSED
from projections.places import cure, heads, piles, places, position_of, rebuild_command
from projections.retry import retry
from projections.tables import Place, places_beside, serving

SHOWN_MAX: Final = 20
"""Streams of one follower that `lag` shows with their causes."""


def main(arguments: Sequence[str]) -> int:
    """Do one command; its exit code."""
    asked = _parser().parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 160)
    try:
        settings = read_settings(os.environ)
        database = open_database(settings.read_tables_url)
        ledger = Ledger.open(settings, secrets.token_bytes)
        try:
            return _do(asked, ledger, database, console)
        finally:
            ledger.close()
            database.close()
    except Problem as problem:
        console.print(f"{problem.title}. {problem.detail}", markup=False, highlight=False)
    except SettingsInvalid as fault:
        console.print(str(fault), markup=False, highlight=False)
    return REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m projections", description="The read models.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="names, tables and positions")
    commands.add_parser(
        "lag", help="events behind the end of the log, and what is set aside; exit code 1 when that is anything"
    )
    renewing.add_to(commands)
    retrying = commands.add_parser("retry", help="fold what was set aside, when what was at fault is mended")
    retrying.add_argument("names", nargs="+", metavar="NAME")
    retrying.add_argument("--stream", metavar="ID", help="only what is set aside of this stream")
    showing.add_to(commands)
    return parser


def _do(asked: argparse.Namespace, ledger: Ledger, database: Database, console: Console) -> int:
    if asked.command == "list":
        return _list(database, console)
    if asked.command == "lag":
        return _lag(ledger, database, console)
    if asked.command == "show":
        return showing.show(asked, ledger, database, console)
    chosen = _chosen(asked.names)
    if asked.command == "retry":
        return max([_retry(projection, asked.stream, ledger, database, console) for projection in chosen])
    return renewing.renew(asked, chosen, ledger, database, datetime.now(UTC), console)


def _chosen(names: Sequence[str]) -> list[Projection]:
    unknown = [name for name in names if name not in PROJECTIONS]
    if unknown:
        raise UnknownProjection(f"There is no {unknown[0]!r}; there are: {', '.join(PROJECTIONS)}.", field="name")
    return [PROJECTIONS[name] for name in names or PROJECTIONS]


def _list(database: Database, console: Console) -> int:
    shown = Table("projection", "tables", "position", "state", "beside")
    found = places(database)
    for name, projection in PROJECTIONS.items():
        place = found.get(name)
        tables = ", ".join(table.name for table in projection.tables)
        position = str(place.position) if place else "-"
        state = _lack(database, projection, place) or _state(projection, place)
        shown.add_row(name, tables, position, state, _beside(database, projection, place))
    console.print(shown)
    return FINE


def _lack(database: Database, projection: Projection, place: Place | None) -> str:
    """What was taken from tables that follow, before the projector meets it."""
    layout = serving(projection)
    lacking = database.write(layout.lacking)
    if (
        not lacking
        or set(lacking) == {table.name for table in layout.all}
        or not (place is None or place.follows(projection))
    ):
        return ""
    return f"{', '.join(lacking)} is not there: {rebuild_command(projection.name)}"


def _beside(database: Database, projection: Projection, place: Place | None) -> str:
    """Tables that wait to take over, and those that served before."""
    serves = place.generation if place else 0
    found = database.write(partial(places_beside, projection=projection))
    return ", ".join(
        f"{'waits' if generation > serves else 'kept'}: generation {generation} at {one.position}"
        for generation, one in found.items()
    )


def _lag(ledger: Ledger, database: Database, console: Console) -> int:
    shown = Table("follower", "position", "behind", "set aside", "streams", "oldest", "state")
    # The tables first: asked after the head they could be ahead of it.
    found, aside = places(database), piles(database)
    others = {name: position_of(database, name) or 0 for name in aside if name not in PROJECTIONS}
    head = ledger.head()
    for name, projection in PROJECTIONS.items():
        position = found[name].position if name in found else 0
        state = _state(projection, found.get(name))
        shown.add_row(name, str(position), str(head - position), *_piled(aside.get(name)), state)
    for name, position in others.items():
        shown.add_row(name, str(position), str(head - position), *_piled(aside[name]), "following")
    console.print(shown)
    if aside:
        _show_heads(database, console)
    if any(place.position > head for place in found.values()):
        console.print("The event log ends before what was followed already: see the projector's log.", highlight=False)
        return AMISS
    stands_still = not all(place.follows(PROJECTIONS[name]) for name, place in found.items())
    return AMISS if stands_still or aside else FINE


def _piled(pile: Pile | None) -> tuple[str, str, str]:
    return ("0", "0", "-") if pile is None else (str(pile.events), str(pile.streams), _told_at(pile.oldest_at))


def _show_heads(database: Database, console: Console) -> None:
    shown = Table("follower", "stream", "position", "event", "first seen", "attempts", "cause")
    for entry in heads(database, SHOWN_MAX):
        event = f"{entry.name} {of_event(entry.stream, entry.version)}"
        seen = _told_at(entry.first_seen_at)
        shown.add_row(entry.follower, entry.stream, str(entry.position), event, seen, str(entry.attempts), entry.cause)
    console.print(shown)


def _told_at(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _state(projection: Projection, place: Place | None) -> str:
    if place is None:
        return "not made yet"
    mended_by = cure(projection, place)
    if place.definition != projection.definition:
        return f"definition changed: {mended_by}"
    if place.position < 0:
        return f"somebody wrote its position: {mended_by}"
    if place.failing is not None:
        said = place.failing if place.failing.endswith(str(mended_by)) else f"{place.failing} Then: {mended_by}"
        return f"stopped before {place.failing_at}: {said}"
    return f"following, {place.aside} set aside: retry" if place.aside else "following"


def _retry(projection: Projection, stream: str | None, ledger: Ledger, database: Database, console: Console) -> int:
    if projection.crosses_streams:
        # Its rows hold what other streams had come to; only in the order of the log are they right.
        console.print(f"{projection.name} reads across streams: it is built anew, which retries everything.")
        return renewing.rebuild([projection], ledger, database, datetime.now(UTC), console)
    done = retry(ledger, database, projection, stream)
    console.print(f"{projection.name}: {done.taken} events folded, {done.left} still set aside.")
    return AMISS if done.left else FINE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
