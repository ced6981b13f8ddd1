"""The demonstration's own words; the demonstration itself runs in tests/flows/test_demo.py."""

from __future__ import annotations

from local.demo import Demo
from local.shop import Shop


def test_every_check_is_noted_and_told() -> None:
    said: list[str] = []
    with Shop() as shop:
        demo = Demo("http://127.0.0.1:9", "http://127.0.0.1:9", {"admin": "a", "approver": "b"}, shop, said.append)
        demo.check("one", True, "seen")
        demo.check("two", False, "not seen")
        demo.close()
    assert demo.checks == [("one", True, "seen"), ("two", False, "not seen")]
    assert said == ["✔ one (seen)", "✘ two (not seen)"]
