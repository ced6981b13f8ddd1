"""How benchmarks measure and report: rounds, rates over threads, figures, one JSON file and one table.

Figures are ratios against a reference of the same run, because these machines are shared and noisy.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]


class Figure(NamedTuple):
    """One measured figure. `reference` is measured in the same run, None where nothing is compared.

    `bar` is what is asked of the ratio, or of the value where there is no reference; None if nothing is asked. It is
    the least that will do, or `at_most` the most.
    """

    id: str
    unit: str
    value: float
    reference: float | None = None
    bar: float | None = None
    at_most: bool = False

    @property
    def ratio(self) -> float | None:
        return None if not self.reference else self.value / self.reference

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None when nothing was asked."""
        if self.bar is None:
            return None
        measured = self.value if self.ratio is None else self.ratio
        return measured <= self.bar if self.at_most else measured >= self.bar

    def as_json(self) -> dict[str, Any]:
        rounded = {"value": round(self.value, 3), "reference": self.reference and round(self.reference, 3)}
        ratio = None if self.ratio is None else round(self.ratio, 4)
        return {"id": self.id, "unit": self.unit, **rounded, "ratio": ratio, "bar": self.bar, "met": self.met}


def rate(work: Callable[[int], object], numbers: Sequence[int], threads: int) -> float:
    """How many of `work(number)` are done a second when `threads` threads share the numbers; an error ends it."""
    began = time.perf_counter()
    if threads == 1:
        for number in numbers:
            work(number)
    else:
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(work, numbers):
                pass
    return len(numbers) / (time.perf_counter() - began)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of the sorted values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


def commit() -> str:
    """The commit that is measured, with `+` when the work tree differs from it."""
    return (_git("rev-parse", "--short=12", "HEAD") or "unknown") + ("+" if _git("status", "--porcelain") else "")


def _git(*words: str) -> str:
    found = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip()


def report(name: str, figures: Sequence[Figure]) -> None:
    """Print the table and write `build/bench/<name>.json`."""
    file = ROOT / "build" / "bench" / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    result = {"name": name, "commit": commit(), "figures": [figure.as_json() for figure in figures]}
    file.write_text(json.dumps(result, indent=2) + "\n")
    table = Table(title=f"{name} at {result['commit']}")
    for heading in ("figure", "value", "unit", "reference", "ratio", "bar", "met"):
        table.add_column(heading, justify="left" if heading in ("figure", "unit") else "right")
    for figure in figures:
        row = figure.as_json()
        asked = None if figure.bar is None else f"{'<=' if figure.at_most else '>='} {figure.bar:g}"
        cells = (row["id"], row["value"], row["unit"], row["reference"], row["ratio"], asked, row["met"])
        table.add_row(*("" if cell is None else str(cell) for cell in cells))
    Console(file=sys.stdout, width=120).print(table)
    print(f"Written: {file.relative_to(ROOT)}")
