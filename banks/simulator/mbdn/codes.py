"""MBDN's response codes (3.3.5 and 3.3.6 of the bank wire specification).

[assumed]: which of a group's codes is used, that a file that cannot be taken is `205`, and that every refusal in the
bank's own codes comes with HTTP 200.
"""

from __future__ import annotations

from typing import Final

from banks.simulator.refusals import Cause

SUCCESS: Final = "00"
BAD_FILE: Final = "205"
DUPLICATE: Final = "GW1017"
INSUFFICIENT_FUNDS: Final = "GW641"
END_OF_DAY: Final = "GW0201"

BARRED: Final[dict[Cause, str]] = {
    "maintenance": END_OF_DAY,
    "foreign_account": "GW302",
    "duplicate": DUPLICATE,
    "over_limit": "GW38",
    "insufficient_funds": INSUFFICIENT_FUNDS,
}
"""The code for what the order desk does not take."""

ROW_INCOMPLETE: Final = "INNO_ERR_01"
ROW_BANK: Final = "INNO_ERR_03"
ROW_FORMAT: Final = "INNO_ERR_06"
ROW_NEGATIVE: Final = "INNO_ERR_07"
ROW_LONG: Final = "INNO_ERR_08"
ROW_LITTLE: Final = "INNO_ERR_09"
ROW_MUCH: Final = "INNO_ERR_11"
ROW_REPEATED: Final = "INNO_ERR_111"
ROW_SOURCE: Final = "INNO_ERR_112"
ROW_NAME: Final = "INNO_ERR_114"
ROW_UNVERIFIED: Final = "INNO_ERR_115"
ROW_NO_ACCOUNT: Final = "INNO_ERR_116"
ROW_LIMIT: Final = "INNO_ERR_118"
