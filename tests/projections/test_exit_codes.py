"""A command that cannot be done ends like one that cannot be read, and unlike one that found something amiss."""

from __future__ import annotations

import pytest

from projections.__main__ import main
from projections.exit_codes import AMISS, FINE, REFUSED


@pytest.mark.parametrize("words", [[], ["levitate"], ["swap"], ["rebuild", "--backwards"]])
def test_words_that_cannot_be_read_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == REFUSED
    assert "usage" in capsys.readouterr().err


def test_help_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == FINE
    assert "rebuild" in capsys.readouterr().out


def test_what_is_amiss_is_told_from_the_others() -> None:
    assert len({FINE, AMISS, REFUSED}) == 3
