"""One more bank: its adapter, its rig, recorded replies and a first test, copied from the example under another name.

The example is a bank like any other (`banks/bidv.py`), so what is copied has passed every check and the whole contract.
It needs the source tree: an installed package has no tests to copy.
"""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from typing import Final

from banks.napas import ListedBank, listed_bank, listed_banks
from banks.registry import bank_classes
from ledger.errors import InvalidField

EXAMPLE: Final = "bidv"
NAME_MAX: Final = 16
"""Longer names would break the lines of the copy."""


def write(name: str, bin_: str | None, root: Path) -> str:
    """Writes bank `name` into the source tree at `root` and says what is there and what to do next. `bin_` is six
    digits, None for the bank of the list that has this short name. Overwrites nothing.

    Raises InvalidField, UnknownBank.
    """
    if not re.fullmatch(rf"[a-z][a-z0-9]{{1,{NAME_MAX - 1}}}", name) or keyword.iskeyword(name):
        raise InvalidField(f"A code is 2 to {NAME_MAX} small letters and digits, such as vpbank.", field="name")
    listed = _listed(name, bin_)
    parts = _parts(root)
    if _is_taken(name, root):
        raise InvalidField("There is such a bank, file or word already; nothing was written.", field="name")
    copies = {root / str(part).replace(EXAMPLE, name): root / part for part in parts}
    for new, old in copies.items():
        new.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(_copied(old.read_text(encoding="utf-8"), name, listed), encoding="utf-8")
    written = "".join(f"  {path.relative_to(root)}\n" for path in copies)
    return (
        f"{name}: {listed.short_name} (BIN {listed.bin})\n{written}"
        f"Now: pytest tests/banks/test_bank.py tests/banks/test_{name}.py -k {name}\n"
        f"Then put the bank's own words and replies in, and take `example` out of banks/{name}.py.\n"
    )


def _listed(name: str, bin_: str | None) -> ListedBank:
    if bin_ is not None:
        return listed_bank(bin_)
    found = [bank for bank in listed_banks().values() if bank.short_name.lower() == name]
    if len(found) != 1:
        raise InvalidField("No bank of the list has this short name; say its --bin.", field="bin")
    return found[0]


def _parts(root: Path) -> list[Path]:
    """The example's files, below `root`. Raises InvalidField where there are none."""
    found = [Path(f"banks/{EXAMPLE}.py"), Path(f"tests/banks/test_{EXAMPLE}.py")]
    found += sorted(path.relative_to(root) for path in (root / "tests" / "banks" / EXAMPLE).glob("*.*"))
    if len(found) == 2 or not all((root / path).is_file() for path in found):
        raise InvalidField("Start this at the top of Socai's source tree.", field="directory")
    return found


def _is_taken(name: str, root: Path) -> bool:
    """Whether a file or folder has this name, or the example uses it for something else, such as Money."""
    places = (f"banks/{name}", f"banks/{name}.py", f"tests/banks/{name}", f"tests/banks/{name}.py")
    text = (root / "banks" / f"{EXAMPLE}.py").read_text(encoding="utf-8")
    used = re.search(rf"\b{name.capitalize()}\b", text)
    return name in bank_classes() or bool(used) or any((root / place).exists() for place in places)


def _copied(text: str, name: str, listed: ListedBank) -> str:
    example = bank_classes()[EXAMPLE]
    words = {
        example.name: listed.short_name,
        example.__name__: name.capitalize(),
        example.bin: listed.bin,
        EXAMPLE: name,
    }
    text = re.sub("|".join(map(re.escape, words)), lambda found: words[found[0]], text)
    return re.sub(r"(?:^from \S+ import [^(\n]+\n)+", _sorted, text, flags=re.MULTILINE)


def _sorted(imports: re.Match[str]) -> str:
    """Imports stand in the order of their modules, which another name changes."""
    return "".join(sorted(imports[0].splitlines(keepends=True), key=lambda line: line.split()[1]))
