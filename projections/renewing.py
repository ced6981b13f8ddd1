"""The commands that hold tables against the log and against each other: rebuild, compare, swap, check."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from ledger.store import Ledger
from projections.beside import Compared, Told
from projections.checking import check
from projections.comparing import Difference, swap_command, unexplained
from projections.database import Database
from projections.exit_codes import AMISS, FINE
from projections.places import piles, places
from projections.projection import Projection
from projections.rebuild import Rebuilt, rebuild_all
from projections.swapping import compare_again, swap
from projections.tables import make_tables


def add_to(commands: Any) -> None:
    """The commands and what they take. `commands`: the sub-parsers of argparse."""
    building = commands.add_parser("rebuild", help="build the tables anew, compare, and let them take over")
    building.add_argument("names", nargs="*", metavar="NAME", help="which; all when left out")
    building.add_argument("--outdated", action="store_true", help="only those whose definition has changed")
    comparing = commands.add_parser("compare", help="what tables that wait would change; exit code 1 when anything")
    swapping = commands.add_parser("swap", help="let the tables that wait beside take over")
    for one in (comparing, swapping):
        one.add_argument("names", nargs="+", metavar="NAME")
        one.add_argument("--back", action="store_true", help="those that served before the last exchange")
    for one in (building, swapping):
        one.add_argument("--accept", action="append", default=[], metavar="GROUP", help="a difference, by its name")
    checking = commands.add_parser("check", help="hold the tables against the log; exit code 1 when anything differs")
    checking.add_argument("names", nargs="*", metavar="NAME", help="which; all when left out")


def renew(
    asked: argparse.Namespace,
    chosen: Sequence[Projection],
    ledger: Ledger,
    database: Database,
    at: datetime,
    console: Console,
) -> int:
    """Do one of these commands for these projections; the exit code. Raises what the command raises."""
    if asked.command == "check":
        return _check(chosen, ledger, database, at, console)
    if asked.command == "compare":
        return max([_compare(one, ledger, database, at, console, back=asked.back) for one in chosen])
    if asked.command == "swap":
        with _bar(console) as progress:
            told = _told(progress, "swap")
            done = [swap(ledger, database, one, at, asked.accept, told, back=asked.back) for one in chosen]
        return _tell(done, asked.accept, console, back=asked.back)
    return rebuild(chosen, ledger, database, at, console, asked.accept, only_outdated=asked.outdated)


def rebuild(
    chosen: Sequence[Projection],
    ledger: Ledger,
    database: Database,
    at: datetime,
    console: Console,
    accepted: Collection[str] = (),
    *,
    only_outdated: bool = False,
) -> int:
    """Rebuild these projections in as few passes as can be; 1 when one waits for acceptance or has something aside."""
    make_tables(database, chosen)
    found = places(database, chosen)
    wanted = [one for one in chosen if not only_outdated or found[one.name].definition != one.definition]
    with _bar(console) as progress:
        done = rebuild_all(ledger, database, wanted, at, _told(progress, "rebuild"), accepted)
    code, aside = _tell(done, accepted, console), piles(database)
    for one in wanted:
        if one.name in aside:
            console.print(f"{one.name}: {aside[one.name].events} still set aside; see lag.")
            code = AMISS
    return code


def _tell(done: Sequence[Rebuilt], accepted: Collection[str], console: Console, *, back: bool = False) -> int:
    occurred = {one.group for each in done for one in each.compared.differences}
    for group in sorted(set(accepted) - occurred):
        console.print(f"Accepted, but it does not occur: {group}", markup=False, highlight=False)
    for each in done:
        _show(each.name, each.compared, accepted, console)
        if each.swapped:
            console.print(f"{each.name} serves its new tables from position {each.position} on.")
        else:
            console.print(f"{each.name} goes on with the tables that served; the others wait beside.")
            _tell_how_to_accept(each.name, each.compared, console, back=back)
    return FINE if all(each.swapped for each in done) else AMISS


def _tell_how_to_accept(name: str, compared: Compared, console: Console, *, back: bool) -> None:
    console.print("If all of this is as it should be:", highlight=False)
    # On a line of its own and not broken, so that it can be taken as it is.
    console.print(swap_command(name, compared.differences, back=back), markup=False, highlight=False, soft_wrap=True)


def _compare(
    projection: Projection, ledger: Ledger, database: Database, at: datetime, console: Console, *, back: bool
) -> int:
    with _bar(console) as progress:
        compared = compare_again(ledger, database, projection, at, _told(progress, projection.name), back=back)
    _show(projection.name, compared, (), console)
    if not unexplained(compared.differences, ()):
        return FINE
    _tell_how_to_accept(projection.name, compared, console, back=back)
    return AMISS


def _show(name: str, compared: Compared, accepted: Collection[str], console: Console) -> None:
    if compared.not_compared:
        console.print(f"{name} was not compared: {compared.not_compared}", markup=False, highlight=False)
    elif not compared.differences:
        console.print(f"{name}: no difference at position {compared.position}.")
    else:
        shown = Table("difference", "rows", "an example", "state", title=f"{name} at position {compared.position}")
        for one in compared.differences:
            shown.add_row(one.group, str(one.rows), one.example, _state(one, accepted))
        console.print(shown)


def _state(one: Difference, accepted: Collection[str]) -> str:
    if one.explained:
        return "explained"
    return "accepted" if one.group in accepted else "to be accepted"


def _check(chosen: Sequence[Projection], ledger: Ledger, database: Database, at: datetime, console: Console) -> int:
    with _bar(console) as progress:
        found = check(ledger, database, chosen, at, _told(progress, "check"))
    for finding in found:
        console.print(str(finding), markup=False, highlight=False)
    console.print(f"{len(chosen)} read models checked, {len(found)} findings.")
    return AMISS if found else FINE


class _Rate(ProgressColumn):
    """Events a second."""

    def render(self, task: Task) -> Text:
        """As text."""
        return Text(f"{task.finished_speed or task.speed or 0:.0f} events/s")


def _bar(console: Console) -> Progress:
    """How far, how fast, and how much longer."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn()
    return Progress(*columns, console=console)


def _told(progress: Progress, name: str) -> Told:
    task = progress.add_task(name, total=None)

    def told(reached: int, aim: int) -> None:
        progress.update(task, completed=reached, total=aim)

    return told
