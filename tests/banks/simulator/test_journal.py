"""The bank's memory on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from banks.simulator.journal import FILE_NAME, Journal
from banks.simulator.records import ClockAdvanced, OrderReceived
from banks.simulator.refusals import Unusable


def test_records_are_replayed_in_the_order_they_were_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "state")
    journal.append(OrderReceived("T1"))
    journal.append(ClockAdvanced(5.0))
    journal.close()
    again = Journal(tmp_path / "state")
    assert list(again.replay()) == [OrderReceived("T1"), ClockAdvanced(5.0)]
    again.append(OrderReceived("T2"))
    again.close()
    assert len(list(Journal(tmp_path / "state").replay())) == 3


def test_a_record_is_on_disk_before_append_returns(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(OrderReceived("T1"))
    assert b"T1" in (tmp_path / FILE_NAME).read_bytes()
    journal.close()


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(OrderReceived("T1"))
    journal.close()
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_a_last_line_cut_off_by_a_crash_is_forgotten(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(OrderReceived("T1"))
    journal.close()
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes() + b'{"type":"order_rec')
    again = Journal(tmp_path)
    assert list(again.replay()) == [OrderReceived("T1")]
    again.append(OrderReceived("T2"))
    again.close()
    assert list(Journal(tmp_path).replay()) == [OrderReceived("T1"), OrderReceived("T2")]


def test_another_unreadable_line_is_named_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b'{"type":"order_received","trace":"T1"}\nwhat?\n')
    with pytest.raises(Unusable, match=r"line 2 .* restore the file"):
        list(Journal(tmp_path).replay())


def test_without_a_directory_nothing_is_kept() -> None:
    journal = Journal(None)
    journal.append(OrderReceived("T1"))
    assert list(journal.replay()) == []
    journal.close()
