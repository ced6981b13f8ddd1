"""The application server's lines are JSON lines that repeat no traceback."""

from __future__ import annotations

import json
import logging
import logging.config
from collections.abc import Iterator

import pytest
from granian.log import LogLevels, configure_logging

from web.log_lines import SERVER_LOG, ServerLines


@pytest.fixture
def server() -> Iterator[logging.Logger]:
    """The server's logger, as it was before at the end."""
    logger = logging.getLogger("_granian")
    before = (logger.handlers[:], logger.level, logger.propagate)
    yield logger
    logger.handlers, _, logger.propagate = before
    logger.setLevel(before[1])


def test_the_server_writes_json_lines_on_standard_error(
    server: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(LogLevels.info, SERVER_LOG)
    server.info("Listening at %s", "somewhere")
    written = capsys.readouterr()
    assert written.out == ""
    assert json.loads(written.err)["message"] == "Listening at somewhere"


def test_what_the_server_caught_is_told_without_its_words() -> None:
    said = "Application callable raised an exception\nTraceback (most recent call last):\nValueError: canary"
    record = logging.LogRecord("_granian.callbacks", logging.ERROR, __file__, 1, said, None, None)
    line = json.loads(ServerLines().format(record))
    assert line["message"] == "Application callable raised an exception"
    assert record.getMessage() == said
