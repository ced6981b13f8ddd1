"""A customer of the simulated MBDN, written from the bank wire specification: own files, plain HTTP, no adapter."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

import httpx

from tests.banks.simulator.customer import until
from tests.banks.simulator.mb.customer import Customer as MbCustomer
from tests.banks.simulator.mb.customer import Json

ACCOUNT = "0009990005678"
BULK = "/private/corp/bulk/v2"
HEADING = ("STT", "So tai khoan", "Ten", "Ngan hang", "So tien", "Noi dung")
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
LINE = (1, "12345678", "NGUYEN VAN A", "970416", 200_000, "SOCAI000000001 CHI TRA")
Line = Sequence[str | int]


def line(**changes: str | int) -> Line:
    """The usual row, with changes by column."""
    names = ("no", "account", "name", "bank", "amount", "description")
    return tuple((LINE[place] if name not in changes else changes[name]) for place, name in enumerate(names))


def cell(value: str | int) -> str:
    if isinstance(value, int):
        return f"<c><v>{value}</v></c>"
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def table(lines: Sequence[Line]) -> str:
    rows = "".join(f"<row>{''.join(map(cell, one))}</row>" for one in (HEADING, *lines))
    return f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'


def workbook(sheet: str, more: Mapping[str, str] | None = None) -> bytes:
    """An XLSX file with this worksheet; `more` are parts in place of or beside the usual ones."""
    target = '<Relationship Id="r1" Type="x" Target="worksheets/sheet1.xml"/>'
    parts = {
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">'
        '<sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">{target}</Relationships>',
        "xl/worksheets/sheet1.xml": sheet,
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in (parts | dict(more or {})).items():
            archive.writestr(name, text)
    return file.getvalue()


class Customer(MbCustomer):
    """The enrolled company, as the maker."""

    def corporate(self, call: str, **body: object) -> httpx.Response:
        ref_no = {"refNo": str(uuid.uuid4())}
        return self.http.post(f"{BULK}/{call}", json=ref_no | body, headers=self.headers(**{"biz-platform": "biz-1.0"}))

    def upload(self, name: str, content: bytes, **changes: object) -> httpx.Response:
        said = {"refNo": str(uuid.uuid4()), "serviceCode": "GCM_MFT_PROLL"} | changes
        return self.http.post(
            f"{BULK}/uploadFile",
            files={"file": (f"{name}.xlsx", content)},
            data={"request": json.dumps(said)},
            headers=self.headers(**{"biz-platform": "biz-1.0"}),
        )

    def read_in(self, name: str, *lines: Line) -> str:
        """The bank's id of a file it has read in."""
        bulk = self.upload(name, workbook(table(lines or (LINE,)))).json()["bulkId"]
        until(lambda: self.corporate("checkBulkProcess", bulkId=bulk).json()["status"] == "FINISHED")
        return str(bulk)

    def looked_at(self, bulk: str) -> Json:
        found: Json = self.corporate("getBulkTransaction", bulkId=bulk).json()
        return found

    def file(self, name: str) -> Json:
        """What an enquiry says of a file."""
        found: Json = self.corporate("getBulkTransaction", fileName=f"{name}.xlsx").json()
        return found

    def order_file(self, name: str, *lines: Line) -> httpx.Response:
        """All steps as far as saving."""
        return self.corporate("saveBulk", bulkId=self.read_in(name, *lines))

    def approved(self, name: str) -> Json:
        """The file once it has ended."""
        waiting = ("pendingapproval", "pendingexecute", "inprogress")
        return until(lambda: found if (found := self.file(name))["status"] not in waiting else None) or {}
