"""MB's wire shapes that can be turned."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from banks.simulator.mb.memo_lines import Lines
from banks.simulator.settings import Seconds, Settings


class MbSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`history_memos` and `push_memos`: how a feed joins the core's lines (3.4). `success`: the code of success, of
    which two are seen (3.1.3). `sync_s`: how long a synchronous transfer waits for its end. `id_tail_max`: how many
    letters and digits may follow the two codes of a transaction id (8 in the sample; more as agreed). `reference_tail`:
    what hangs on a reference of the history (3.2.3). `pushes`: the movements subscribed to (3.1.6). `bearer`: which
    calls to the customer carry his token beside the push of balances ([assumed]: all of them).
    """

    webhook_timeout_s: Annotated[float, Meta(gt=0, le=60)] = 15.0
    history_memos: Lines = "wrapped"
    push_memos: Lines = "clean"
    success: Literal["000", "00"] = "000"
    sync_s: Seconds = 5.0
    id_tail_max: Annotated[int, Meta(ge=8, le=32)] = 15
    reference_tail: Annotated[str, Meta(pattern=r"^(\\[A-Z0-9]+)?$")] = ""
    pushes: Literal["C", "D", "DC"] = "DC"
    bearer: Literal["all", "push"] = "all"
