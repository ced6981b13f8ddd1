"""Rebuilds by the operators' command, in trials: how far one is, how it ended, what it left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import sqlalchemy
from sqlalchemy import Connection, Select, TableClause, column, select, table, union_all, update

from ledger.errors import Problem, ReadTablesUnavailable
from local.processes import Process, tail
from projections.database import Database
from projections.projection import PROJECTIONS
from tests.torture.judge import Kind, Violation
from tests.torture.read_models import SPOOL, Scene, generations, left_over
from tests.torture.trial import until

START, LOAD, COMPARE, EXCHANGE, END = "start", "load", "compare", "exchange", "end"
"""How far a rebuild is: nothing made, tables filled, tables whole, some of them serve, all serve."""

LOOKS = 10
"""How often a question is asked that an exchange came in between."""

LEFT = -1
"""The position of tables beside that an earlier rebuild left."""

REFUSED = 2
"""The exit code of a command that could not be done."""

QUOTED = 3
"""Lines of a log that a violation quotes."""


def reached(database: Database, before: Mapping[str, int]) -> str:
    """How far the rebuild is that began when the tables of each projection were of these generations."""
    for _ in range(LOOKS):
        now = generations(database, before)
        # A place that is not there is one that is being exchanged, in one step too many.
        taken_over = sum(now.get(name, generation + 1) > generation for name, generation in before.items())
        if taken_over:
            return END if taken_over == len(before) else EXCHANGE
        with suppress(ReadTablesUnavailable):  # some took over between two questions
            begun = [_begun(place) for place in _beside(database, before)]
            whole = database.column(union_all(*begun)) if begun else []
            return START if not whole else COMPARE if len(whole) == len(before) and all(whole) else LOAD
    raise AssertionError("A rebuild does not stand still for a moment.")


def mark_left(database: Database, before: Mapping[str, int]) -> None:
    """Mark what an earlier rebuild left, so that it is not taken for the next, which removes it unread."""
    for place in _beside(database, before):
        database.write(partial(Connection.execute, statement=update(place).values(position=LEFT)))


def _beside(database: Database, before: Mapping[str, int]) -> list[TableClause]:
    there = set(sqlalchemy.inspect(database.engine).get_table_names())
    names = [f"{PROJECTIONS[name].place.name}__g{generation + 1}" for name, generation in before.items()]
    return [table(name, column("position"), column("whole")) for name in names if name in there]


def _begun(place: TableClause) -> Select[tuple[bool]]:
    return select(place.c.whole).where(place.c.position != LEFT)


def ended(rebuild: Process) -> list[Violation]:
    """Wait until a rebuild has ended, and say in what way it ended unclearly."""
    if not until(lambda: not rebuild.running):
        return [Violation(Kind.STALLED, f"{rebuild.name} goes on and on")]
    return unclear(rebuild)


def unclear(rebuild: Process) -> list[Violation]:
    """What is unclear in the end of a rebuild, which shall be exit code 0, or 2 and a problem that is typed."""
    if not rebuild.exit_code:
        return []
    told = rebuild.log.read_text(errors="replace")
    typed = any(f"{title}. " in told for title in _titles(Problem))
    if rebuild.exit_code == REFUSED and typed and "Traceback" not in told:
        return []
    where = f"{rebuild.name} ended with {rebuild.exit_code}: {tail(rebuild.log, QUOTED)}"
    return [Violation(Kind.UNEXPLAINED, where)]


def succeeded(rebuild: Process) -> list[Violation]:
    """Wait until a rebuild has ended that nobody disturbs; it must have done everything."""
    found = ended(rebuild)
    if not found and rebuild.exit_code:
        where = f"{rebuild.name} ended with {rebuild.exit_code}: {tail(rebuild.log, QUOTED)}"
        return [Violation(Kind.STALLED, where)]
    return found


def remains(scene: Scene, when: str) -> list[Violation]:
    """What should be gone when a rebuild has ended well: tables nobody reads, processes, files."""
    found = [*left_over(scene.database), *(f"process {pid}" for pid in processes(scene)), *spooled(scene)]
    return [Violation(Kind.LEFT_OVER, f"{', '.join(found)}, {when}")] if found else []


def processes(scene: Scene) -> list[int]:
    """Ids of the processes of rebuilds that run, their children included."""
    sign = f"{SPOOL}={scene.spool}".encode()
    running = Path("/proc").glob("[0-9]*")
    return sorted(int(place.name) for place in running if sign in _read(place / "environ").split(b"\0"))


def folding(scene: Scene) -> list[int]:
    """Ids of those of them that fold for the command."""
    return [pid for pid in processes(scene) if b"spawn_main" in _read(Path(f"/proc/{pid}/cmdline"))]


def spooled(scene: Scene) -> list[str]:
    """Folders for rows on their way into the database that are there."""
    return sorted(path.name for path in scene.spool.iterdir())


def _read(file: Path) -> bytes:
    """What is in a file, nothing when it has gone."""
    try:
        return file.read_bytes()
    except OSError:
        return b""


def _titles(kind: type[Problem]) -> Iterator[str]:
    yield kind.title
    for more in kind.__subclasses__():
        yield from _titles(more)
