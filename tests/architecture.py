"""The house rules as functions: each takes one source file and yields what it does against the rule.

`tests/test_architecture.py` runs every rule over every file of the tree, and over planted faults to see each caught.
A rule that must be broken once, for a reason, is listed in `EXEMPT` together with that reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]

FLOORS = {"ledger": 0, "commands": 1, "projections": 1, "banks": 1, "web": 2, "workers": 2, "local": 3}
"""Every package of ours and its floor; a package may import itself and lower floors."""

LINES_MAX = 40
"""Lines one function may have, decorators left out, docstring included."""

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "service", "services", "core"}

EXEMPT: dict[tuple[str, str], str] = {}
"""(rule name, file) -> the reason why this file may break this rule."""


@dataclass(frozen=True)
class Source:
    """One Python file: `path` relative to the root with forward slashes, its parsed `tree` and its `text`."""

    path: str
    text: str
    tree: ast.Module

    @classmethod
    def of(cls, path: str, text: str) -> Source:
        """A source from text, for planted faults and for real files alike."""
        return cls(path, text, ast.parse(text, path))

    @property
    def package(self) -> str:
        return PurePosixPath(self.path).parts[0]

    @property
    def is_simulator(self) -> bool:
        return self.path.startswith("banks/simulator/")

    @property
    def is_door(self) -> bool:
        """Whether this file may read the clock, the environment and make random values."""
        name = PurePosixPath(self.path).name
        return FLOORS[self.package] >= 2 or name == "__main__.py" or self.is_simulator


STORAGE = ("ledger/mongodb", "ledger/mysql", "ledger/sqlite", "ledger/sql_", "ledger/commit")
"""Event recorders: they know time-outs and databases, and no amount of money."""

SQL_STORAGE = ("ledger/mysql", "ledger/sqlite", "ledger/sql_")
"""Those of them that keep events in SQL tables."""

Rule = Callable[[Source], Iterator[str]]


def sources() -> list[Source]:
    """Every Python file of our packages."""
    files = sorted(file for package in FLOORS for file in (ROOT / package).rglob("*.py"))
    return [Source.of(file.relative_to(ROOT).as_posix(), file.read_text()) for file in files]


# names: which module does each name of a file come from


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, full dotted name) of everything imported anywhere in the file, functions and `TYPE_CHECKING` included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{'.' * node.level}{node.module or ''}.{alias.name}") for alias in node.names)


def _full_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, full dotted name) of every use of an imported name: `dt.datetime.now` after `import datetime as dt`."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {
                a.asname or a.name.partition(".")[0]: a.name if a.asname else a.name.partition(".")[0]
                for a in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            head, _, rest = _dotted(node).partition(".")
            if head in known:
                yield node.lineno, f"{known[head]}.{rest}".rstrip(".")


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        inner = _dotted(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return node.id if isinstance(node, ast.Name) else ""


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


# the rules


def imports_go_down(source: Source) -> Iterator[str]:
    """Imports go down only, nobody imports a neighbour on the same floor, and no import is relative."""
    for line, name in _imports(source.tree):
        target = name.partition(".")[0]
        if target == "":
            yield f"{source.path}:{line}: relative import; write the whole name"
        elif target == "tests":
            yield f"{source.path}:{line}: the tests are imported"
        elif target in FLOORS and target != source.package and FLOORS[target] >= FLOORS[source.package]:
            yield f"{source.path}:{line}: {source.package} imports {target}, which does not lie below it"


def simulator_stands_alone(source: Source) -> Iterator[str]:
    """The bank simulator imports nothing of ours, and nobody of ours but `local` imports the simulator."""
    for line, name in _imports(source.tree):
        inside = name.startswith("banks.simulator")
        if source.is_simulator and name.partition(".")[0] in FLOORS and not inside:
            yield f"{source.path}:{line}: the simulator imports {name}"
        if not source.is_simulator and source.package != "local" and inside:
            yield f"{source.path}:{line}: {source.path} imports the simulator"


_CLOCK_AND_DICE = re.compile(
    r"datetime\.datetime\.(now|utcnow|today)|datetime\.date\.today|time\.\w*(time|monotonic|perf_counter|sleep)(_ns)?"
    r"|uuid\.uuid[14]|(random|secrets)(\..*)?|os\.(urandom|environb?|getenvb?)(\..*)?"
)
_NOT_A_CLOCK = {"time.strptime", "time.strftime", "secrets.compare_digest"}


def no_clock_no_dice(source: Source) -> Iterator[str]:
    """Below the doors nobody reads the clock, makes random values or reads the environment."""
    if source.is_door:
        return
    names = [(line, name) for line, name in _full_names(source.tree) if name not in _NOT_A_CLOCK]
    for line, name in sorted(set(names)):
        if _CLOCK_AND_DICE.fullmatch(name) and name not in {"random", "secrets"}:
            yield f"{source.path}:{line}: {name} below the doors; take it as an argument"


def functions_are_short(source: Source) -> Iterator[str]:
    """A function has at most 40 lines, docstring included."""
    for function in _functions(source.tree):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > LINES_MAX:
            yield f"{source.path}:{function.lineno}: {function.name} has {lines} lines"


def names_say_what_is_inside(source: Source) -> Iterator[str]:
    """No file or folder is called utils, helpers, common, misc, manager, service or core."""
    for part in PurePosixPath(source.path).with_suffix("").parts:
        if part in FORBIDDEN_NAMES:
            yield f"{source.path}: the name {part} does not say what it holds"


def errors_are_not_swallowed(source: Source) -> Iterator[str]:
    """Whoever catches everything (bare, Exception, BaseException) raises again."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        broad = any(kind is None or _dotted(kind) in {"Exception", "BaseException"} for kind in kinds)
        if broad and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node)):
            yield f"{source.path}:{node.lineno}: everything is caught and nothing raised again"


def no_float_near_money(source: Source) -> Iterator[str]:
    """Ledger and commands know no float: no literal, no call, no true division; annotations may say it (timeouts)."""
    if source.package not in {"ledger", "commands"} or source.path.startswith(STORAGE):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield f"{source.path}:{node.lineno}: the float {node.value}"
        if isinstance(node, ast.Call) and _dotted(node.func) == "float":
            yield f"{source.path}:{node.lineno}: float(...)"
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div) and not _joins_paths(node):
            yield f"{source.path}:{node.lineno}: true division; name the rounding"


def _joins_paths(node: ast.BinOp | ast.AugAssign) -> bool:
    """Whether a `/` has text on a side, as only paths do."""
    sides = [node.left, node.right] if isinstance(node, ast.BinOp) else [node.value]
    return any(isinstance(side, ast.JoinedStr) or isinstance(getattr(side, "value", None), str) for side in sides)


SOCKET_OWNERS = {"banks/transport.py", "workers/webhooks.py", "ledger/committer.py"}
_SOCKETS = ("socket", "ssl", "http.client", "urllib.request", "httpx", "requests", "urllib3", "aiohttp", "smtplib")


def sockets_have_owners(source: Source) -> Iterator[str]:
    """Only the files that talk to banks, to merchants and to the committer open connections (servers aside)."""
    if source.path in SOCKET_OWNERS or source.is_simulator or source.package == "local":
        return
    for line, name in _imports(source.tree):
        if any(name == library or name.startswith(f"{library}.") for library in _SOCKETS):
            yield f"{source.path}:{line}: imports {name}; only {' and '.join(sorted(SOCKET_OWNERS))} open connections"


_SQL = re.compile(
    r"\s*(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s.+\sSET|DELETE\s+FROM|(CREATE|DROP|ALTER|RENAME)\s+TABLE)\s", re.S
)


def sql_lives_in_projections(source: Source) -> Iterator[str]:
    """SQL text and SQLAlchemy are found in projections and SQL event stores only (and in `local`, for its servers)."""
    if source.package in {"projections", "local"} or source.path.startswith(SQL_STORAGE):
        return
    for line, name in _imports(source.tree):
        if name.partition(".")[0] in {"sqlalchemy", "sqlite3", "mysql"}:
            yield f"{source.path}:{line}: imports {name}"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _SQL.match(node.value):
            yield f"{source.path}:{node.lineno}: an SQL statement"


def flask_lives_in_web(source: Source) -> Iterator[str]:
    """Flask, its parts and the application server are imported in web only (and in the bank's own simulator)."""
    if source.package == "web" or source.is_simulator:
        return
    for line, name in _imports(source.tree):
        if name.partition(".")[0] in {"flask", "flask_smorest", "werkzeug", "granian", "webargs", "apispec"}:
            yield f"{source.path}:{line}: imports {name}"


def queues_live_in_workers(source: Source) -> Iterator[str]:
    """Only workers know RQ: recorded events and the timetable cause work, neither web nor commands enqueue."""
    if source.package == "workers":
        return
    for line, name in _imports(source.tree):
        if name.partition(".")[0] == "rq":
            yield f"{source.path}:{line}: imports {name}"


_ACTING = {"workers", "commands", "banks", "web", "redis", "rq"}


def read_models_do_not_act(source: Source) -> Iterator[str]:
    """Projections know nobody who acts: no command, job, queue, bank or connection, and they keep no event."""
    if source.package != "projections":
        return
    for line, name in _imports(source.tree):
        if name.partition(".")[0] in _ACTING or any(name == one or name.startswith(f"{one}.") for one in _SOCKETS):
            yield f"{source.path}:{line}: imports {name}; a rebuild would act once more"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and _dotted(node.func).endswith((".keep", ".log.append")):
            yield f"{source.path}:{node.lineno}: keeps an event; a rebuild would keep it once more"


def files_say_why_they_exist(source: Source) -> Iterator[str]:
    """Every file starts with a docstring."""
    if not ast.get_docstring(source.tree):
        yield f"{source.path}: no docstring"


def modules_have_tests(source: Source) -> Iterator[str]:
    """Every module `x/y.py` has a test `tests/x/test_y.py`; `__main__` is tested as `test_main.py`."""
    path = PurePosixPath(source.path)
    if path.name == "__init__.py" and not any(_functions(source.tree)):
        return
    subject = {"__init__": path.parent.name, "__main__": "main"}.get(path.stem, path.stem)
    test = ROOT / "tests" / path.parent / f"test_{subject}.py"
    parts = sorted((ROOT / "tests" / path.parent).glob(f"test_{subject}_*.py"))
    if not test.is_file() and not parts:
        yield f"{source.path}: no {test.relative_to(ROOT).as_posix()}"


def appliers_only_assign(source: Source) -> Iterator[str]:
    """What follows an event (`@follows(...)`) is assignments to self: no rule, no clock, no lookup, no exception."""
    if source.package != "ledger":
        return
    for function in _functions(source.tree):
        if not any(_dotted(d.func if isinstance(d, ast.Call) else d) == "follows" for d in function.decorator_list):
            continue
        for statement in function.body:
            if not _is_assignment(statement):
                yield f"{source.path}:{statement.lineno}: {function.name} does more than assign"


def _is_assignment(statement: ast.stmt) -> bool:
    """Assigning to (or deleting from) self, `pass`, or a docstring; the value may be an expression, never a walrus."""
    if isinstance(statement, ast.Pass):
        return True
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str)
    if not isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete):
        return False
    targets = statement.targets if isinstance(statement, ast.Assign | ast.Delete) else [statement.target]
    hidden = any(isinstance(node, ast.NamedExpr) for node in ast.walk(statement))
    return not hidden and all(_belongs_to_self(target) for target in targets)


def _belongs_to_self(target: ast.expr) -> bool:
    while isinstance(target, ast.Attribute | ast.Subscript):
        target = target.value
    return isinstance(target, ast.Name) and target.id == "self"


RULES: list[Rule] = [
    imports_go_down,
    simulator_stands_alone,
    no_clock_no_dice,
    functions_are_short,
    names_say_what_is_inside,
    errors_are_not_swallowed,
    no_float_near_money,
    sockets_have_owners,
    sql_lives_in_projections,
    flask_lives_in_web,
    queues_live_in_workers,
    read_models_do_not_act,
    files_say_why_they_exist,
    modules_have_tests,
    appliers_only_assign,
]


def faults(rule: Rule, source: Source) -> list[str]:
    """What one file does against one rule, unless it is exempt."""
    return [] if (rule.__name__, source.path) in EXEMPT else list(rule(source))
