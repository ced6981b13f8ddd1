"""What only the recorders on MongoDB do: URLs that the library may be handed, told before anything is contacted.

What they share with the other stores is tested in `test_recorders.py`.
"""

from __future__ import annotations

import pytest
from eventsourcing.persistence import InterfaceError

from ledger.mongodb import Factory


@pytest.mark.parametrize("url", ["postgres://user:s3cret@host/db", "s3cret"])
def test_a_url_of_another_store_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InterfaceError) as refusal:
        Factory({"EVENT_STORE_URL": url})
    assert "mongodb://host:27017/socai?replicaSet=rs0" in str(refusal.value)
    assert "s3cret" not in str(refusal.value)
