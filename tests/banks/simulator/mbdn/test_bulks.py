"""What is said of files."""

from __future__ import annotations

from banks.simulator.mbdn.bulks import Draft
from banks.simulator.mbdn.rows import Row
from tests.banks.simulator.customer import ControlPort
from tests.banks.simulator.mbdn.customer import LINE, Customer, line


def row(number: int, errors: tuple[tuple[str, str], ...] = ()) -> Row:
    return Row(number, {"amount": "5"}, errors, ())


def test_an_order_has_the_name_of_its_file_and_in_company_a_number_too() -> None:
    alone, together = Draft("B1", "T1", "1", (row(1),)), Draft("B1", "T1", "1", (row(1), row(2)))
    assert (alone.traces, together.traces, together.total) == (("T1",), ("T1-1", "T1-2"), 10)
    assert together.sound
    assert not Draft("B1", "T1", "1", (row(1), row(2, (("no", "x"),)))).sound


def test_a_file_is_in_progress_until_all_its_lines_have_ended(customer: Customer, control: ControlPort) -> None:
    customer.order_file("T1", LINE, line(no=2, account="55555555"))
    control.post("/orders/T1-1", status="refused")
    assert customer.file("T1")["status"] == "inprogress"
    control.post("/orders/T1-2", status="refused")
    assert customer.file("T1")["status"] == "rejected"
