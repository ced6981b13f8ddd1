"""How a command of the read models ends, for whoever runs it from a script."""

from __future__ import annotations

from typing import Final

FINE: Final = 0
AMISS: Final = 1
"""Something differs that nobody has accepted, is not as the log says, is set aside, has stopped or must be rebuilt."""
REFUSED: Final = 2
"""The command could not be done, as with words that are none."""
