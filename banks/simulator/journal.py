"""The bank's memory on disk: one record a line, only ever appended, replayed at start.

Without a directory nothing is written and the bank forgets when it stops. Every record is handed to the operating
system before the change counts, so killing the process loses nothing; a machine that loses power may lose the last
records, which is enough for a simulator.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from banks.simulator.records import Record
from banks.simulator.refusals import Unusable

FILE_NAME: Final = "journal.jsonl"


class Journal:
    """Records in `directory`/journal.jsonl, or nowhere when `directory` is None."""

    def __init__(self, directory: Path | None) -> None:
        self._path = directory / FILE_NAME if directory is not None else None
        self._file: BinaryIO | None = None

    def replay(self) -> Iterator[Record]:
        """All records in the order they were written. A last line cut off by a crash is removed from the file.

        Raises Unusable when another line cannot be read.
        """
        if self._path is None or not self._path.exists():
            return
        text = self._path.read_bytes()
        whole = text.rfind(b"\n") + 1
        if whole != len(text):
            os.truncate(self._path, whole)
        decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)
        for number, line in enumerate(text[:whole].splitlines(), start=1):
            try:
                yield decoder.decode(line)
            except msgspec.MsgspecError as fault:
                advice = "restore the file, or remove it to start with empty books"
                raise Unusable(f"line {number} of {self._path} is not a record of this bank: {advice}") from fault

    def append(self, record: Record) -> None:
        """Write `record`; it is with the operating system when this returns."""
        if self._path is None:
            return
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self._path, "ab", buffering=0, opener=_private)  # noqa: SIM115 - closed by close()
        self._file.write(msgspec.json.encode(record) + b"\n")

    def close(self) -> None:
        """Close the file; a later append opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
