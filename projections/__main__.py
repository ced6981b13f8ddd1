"""The command line of the read models: `python -m projections list | lag | rebuild NAME | resume NAME`.

A door: the settings come from the environment, random bytes from the system.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ledger.errors import Problem, UnknownProjection
from ledger.settings import SettingsInvalid, read_settings
from ledger.store import Ledger
from projections import PROJECTIONS, Projection
from projections.database import Database, open_database
from projections.follower import resume
from projections.places import places
from projections.rebuild import Told, rebuild
from projections.tables import Place, make_tables

FINE, BEHIND, REFUSED = 0, 1, 2
"""Exit codes: all is well; a projection has stopped or must be rebuilt; the command could not be done."""


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
    commands.add_parser("lag", help="events behind the end of the log; exit code 1 when a projection has stopped")
    building = commands.add_parser("rebuild", help="build the tables anew from the log while the old ones serve")
    building.add_argument("names", nargs="*", metavar="NAME", help="which; all when left out")
    building.add_argument("--outdated", action="store_true", help="only those whose definition has changed")
    resuming = commands.add_parser("resume", help="let a projection that stopped try its event again")
    resuming.add_argument("names", nargs="+", metavar="NAME")
    return parser


def _do(asked: argparse.Namespace, ledger: Ledger, database: Database, console: Console) -> int:
    if asked.command == "list":
        return _list(database, console)
    if asked.command == "lag":
        return _lag(ledger, database, console)
    chosen = _chosen(asked.names)
    if asked.command == "resume":
        for projection in chosen:
            resume(database, projection)
        return FINE
    return _rebuild(chosen, ledger, database, console, only_outdated=asked.outdated)


def _chosen(names: Sequence[str]) -> list[Projection]:
    unknown = [name for name in names if name not in PROJECTIONS]
    if unknown:
        raise UnknownProjection(f"There is no {unknown[0]!r}; there are: {', '.join(PROJECTIONS)}.", field="name")
    return [PROJECTIONS[name] for name in names or PROJECTIONS]


def _list(database: Database, console: Console) -> int:
    shown = Table("projection", "tables", "position", "state")
    found = places(database)
    for name, projection in PROJECTIONS.items():
        place = found.get(name)
        tables = ", ".join(table.name for table in projection.tables)
        shown.add_row(name, tables, str(place.position) if place else "-", _state(projection, place))
    console.print(shown)
    return FINE


def _lag(ledger: Ledger, database: Database, console: Console) -> int:
    shown = Table("projection", "position", "behind", "state")
    # The tables first: asked after the head they could be ahead of it.
    found = places(database)
    head = ledger.head()
    for name, projection in PROJECTIONS.items():
        position = found[name].position if name in found else 0
        shown.add_row(name, str(position), str(head - position), _state(projection, found.get(name)))
    console.print(shown)
    if any(place.position > head for place in found.values()):
        console.print("The event log ends before what was followed already: see the projector's log.", highlight=False)
        return BEHIND
    return BEHIND if any(_stands_still(PROJECTIONS[name], place) for name, place in found.items()) else FINE


def _stands_still(projection: Projection, place: Place) -> bool:
    return place.failing is not None or place.definition != projection.definition


def _state(projection: Projection, place: Place | None) -> str:
    if place is None:
        return "not made yet"
    if place.definition != projection.definition:
        return "definition changed: rebuild"
    if place.failing is not None:
        return f"stopped before {place.failing_at}: {place.failing}"
    return "following"


def _rebuild(
    chosen: list[Projection], ledger: Ledger, database: Database, console: Console, *, only_outdated: bool
) -> int:
    make_tables(database, chosen)
    found = places(database, chosen)
    with Progress(console=console) as progress:
        for projection in chosen:
            if only_outdated and found[projection.name].definition == projection.definition:
                continue
            rebuild(ledger, database, projection, _told(progress, projection.name))
    return FINE


def _told(progress: Progress, name: str) -> Told:
    task = progress.add_task(name, total=None)

    def told(reached: int, head: int) -> None:
        progress.update(task, completed=reached, total=head)

    return told


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
