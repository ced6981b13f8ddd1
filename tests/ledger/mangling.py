"""What each bank makes of a payer's text, as chapters 3.4 and 8.1 of the bank wire specification tell it.

A payer writes a text (`written`), a bank's model delivers it, and `judge` compares what a matcher finds with what was
written. Everything comes from the random source that is handed in, so a seed names its texts for ever. Models know the
specification only: nothing here is taken from the matcher.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple

LINE: Final = 35
"""Columns of a line in MB's core (3.4)."""

LONGEST: Final = {"mb": 200, "mbdn": 140, "vietinbank": 100}
"""Where a bank cuts a payer's text (1.5, 8.1); of ACB and Techcombank it is not known."""

NAMES: Final = ("NGUYEN VAN ANH", "Trần Thị Bình", "PHAM QUOC DUNG", "Lê Minh Châu", "CONG TY TNHH DONG A", "Đỗ Ý")
RECEIVERS: Final = ("TRAN THI BINH", "CONG TY SOCAI", "CTY CP SOCAI VN")
WORDS: Final = ("chuyen tien", "Chuyển khoản", "thanh toán", "CK", "tien hang", "đơn hàng 10025", "TT HD 000123", "")

_DIGITS: Final = "0123456789"
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ANY: Final = _DIGITS + _LETTERS


class Written(NamedTuple):
    """What a payer wrote: the text, the codes it was about, and whether they stand in it unharmed."""

    text: str
    codes: tuple[str, ...]
    intact: bool


# the payer


def written(dice: Random, new_code: Callable[[], str]) -> Written:
    """A payer's text: in seven of ten an intact code, else two of them, a damaged one or none."""
    kind = dice.random()
    code = new_code()
    if kind < 0.7:
        return Written(_around(dice, _styled(dice, code)), (code,), intact=True)
    if kind < 0.75:
        other = new_code()
        return Written(_around(dice, f"{_styled(dice, code)} {_styled(dice, other)}"), (code, other), intact=True)
    if kind < 0.9:
        return Written(_around(dice, _styled(dice, damaged(dice, code))), (code,), intact=False)
    return Written(_around(dice, ""), (), intact=True)


def damaged(dice: Random, code: str) -> str:
    """A code with one thing wrong: a character replaced, lost, added or doubled, or two neighbours swapped."""
    at = dice.randrange(len(code))
    before, here, after = code[:at], code[at], code[at + 1 :]
    match dice.randrange(5):
        case 0:
            return before + dice.choice(_ANY.replace(here, "")) + after
        case 1:
            return before + after
        case 2:
            return before + dice.choice(_ANY) + here + after
        case 3:
            return before + here * 2 + after
    return before + after[:1] + here + after[1:]


def _styled(dice: Random, code: str) -> str:
    """As it is, in small letters, spaced out, with hyphens, or in groups of four."""
    match dice.randrange(8):
        case 0:
            return code.lower()
        case 1:
            return f"{code[:5]} {code[5:9]} {code[9:]}"
        case 2:
            return dice.choice(("-", ".", " ", "_", "/")).join((code[:5], code[5:]))
        case 3:
            return " ".join(code[at : at + 4] for at in range(0, len(code), 4))
    return code


def _around(dice: Random, code: str) -> str:
    before, after = dice.choice(WORDS), dice.choice(WORDS)
    match dice.randrange(5):
        case 0:
            return f"{dice.choice(NAMES)} {before} {code}".strip()
        case 1:
            return f"{before} {code} {after}".strip()
        case 2:
            return f"{code} {after}".strip()
        case 3:
            return f"{before}{code}".strip()
    return code


# what banks have in common


def _number(dice: Random, length: int) -> str:
    return "".join(dice.choices(_DIGITS, k=length))


def _mixed(dice: Random, length: int) -> str:
    return "".join(dice.choices(_ANY + _LETTERS.lower(), k=length))


def _bare(text: str) -> str:
    """Without diacritics; the stroke of đ is no mark and is replaced by hand."""
    parts = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(part for part in parts if not unicodedata.combining(part))


def _punctuation(dice: Random, text: str) -> str:
    """Dots, brackets, hyphens and slashes stay, become blanks, or are dropped."""
    becomes = dice.choice((None, None, " ", ""))
    return text if becomes is None else re.sub(r"[./()_-]", becomes, text)


def _vietcombank_prefix(dice: Random, text: str, at: str) -> str:
    """A transfer that Vietcombank sent on: its own prefix before, both parties behind (8.1)."""
    gap = dice.choice((" ", " ", ""))
    head = f"MBVCB.{_number(dice, dice.choice((10, 11)))}.{_number(dice, 6)}."
    parties = f"CT tu{gap}{_number(dice, 10)} {dice.choice(NAMES)} toi{gap}{_number(dice, 10)} {dice.choice(RECEIVERS)}"
    return f"{head}{text}.{parties} tai {at}"


def _time(dice: Random) -> str:
    return f"{dice.randrange(24):02}:{dice.randrange(60):02}:{dice.randrange(60):02}"


def _day(dice: Random) -> str:
    return f"{dice.randrange(1, 13):02}{dice.randrange(1, 29):02}{dice.randrange(22, 27)}"


# a model for each bank


def acb(dice: Random, text: str) -> str:
    """Behind the text a trace and a time; structured tags; or the sender's bank before it."""
    trace = f"GD {_number(dice, 6)}-{_day(dice)} {_time(dice)}"
    match dice.randrange(8):
        case 0:
            return f"{_vietcombank_prefix(dice, text, 'ACB')} {trace}"
        case 1:
            head = f"ACC-GD {_number(dice, 6)}-2026-09-19T{_time(dice)}-{_number(dice, 6)}-"
            return f"{head}/CTR/{text}/MAC/{_mixed(dice, 16)}"
        case 2:
            return f"ACB;{_number(dice, 8)};{text}"
        case 3:
            return f"IB {dice.choice(NAMES)} {text}".upper()
        case 4:
            return f"{text} GD {_number(dice, 4)}IBT1{_mixed(dice, 8)} {_day(dice)}-{_time(dice)}"
        case 5:
            return f"MoMoT09{_number(dice, 8)}T{_number(dice, 11)}T970416T{text}"
        case 6:
            return f"{text}{trace}"
    return f"{text}{dice.choice((' ', '-'))}{trace}"


def mb(dice: Random, text: str) -> str:
    """Lines of 35 columns, joined with a blank, joined with the blank at the edge lost, or not broken at all."""
    told = _mb_narrative(dice, text)
    lines = [told[at : at + LINE] for at in range(0, len(told), LINE)]
    match dice.randrange(3):
        case 0:
            told = " ".join(lines)
        case 1:
            told = "".join(line.strip() for line in lines)
    # These stand outside the counted text.
    before = dice.choice(("", "", "CUSTOMER ", f"{dice.choice(NAMES)} ", "BankAPINotify "))
    return before + told + dice.choice(("", "", f" NG CHUYEN:CUSTOMER {_number(dice, 10)}"))


def _mb_narrative(dice: Random, text: str) -> str:
    match dice.randrange(7):
        case 0:
            return f"{_vietcombank_prefix(dice, text, 'MB')}- Ma GD ACSP/ {_mixed(dice, 2)}{_number(dice, 6)}"
        case 1:
            return f"{text} - Ma giao dich/ Trace {_number(dice, 6)}"
        case 2:
            return f"{text} Trace {_number(dice, 6)}"
        case 3:
            return f"{dice.choice(('QR', 'Thanh toan QR-', 'QR - '))}{text} VRC{_mixed(dice, 10)}"
        case 4:
            return f"{_number(dice, 11)}-{text}-CHUYEN TIEN-OQCH{_number(dice, 8)}-MOMO{_number(dice, 11)}MOMO"
        case 5:
            return f"MB {text}. TU: {dice.choice(NAMES)}"
    return f"{text}- Ma GD ACSP/ {_mixed(dice, 2)}{_number(dice, 6)}"


def mbdn(dice: Random, text: str) -> str:
    """The core of MB; incoming money reads as there, a bulk line's text has no signs but - + ( ) . (1.5)."""
    if dice.randrange(3):
        return mb(dice, text)
    return re.sub(r"[^A-Za-z0-9+().-]", " ", _bare(f"Chi trả {text}"))


def vietinbank(dice: Random, text: str) -> str:
    """A retrieval reference before the text, or what the bank's app adds."""
    match dice.randrange(6):
        case 0:
            return f"CT DEN: {_number(dice, 12)} {text} chuyen FT{_number(dice, 14)}; tai Napas"
        case 1:
            return f"BankAPINotify CT DEN:{_number(dice, 10)} ND:{text} SD:{_number(dice, 8)}"
        case 2:
            return f"QR - {text}"
        case 3:
            return f"CTDEN:{_number(dice, 12)}{text}".replace(" ", "")
        case 4:
            return f"CT DEN:{_number(dice, 12)} SEVQR {text}"
    return f"CT DEN:{_number(dice, 12)} {text}"


def techcombank(dice: Random, text: str) -> str:
    """Hardly anything: a name, or the sender's bank before it."""
    match dice.randrange(4):
        case 0:
            return _vietcombank_prefix(dice, text, "TCB")
        case 1:
            return f"{dice.choice(NAMES)} chuyen khoan {text}"
        case 2:
            return f"{text} FT{_number(dice, 14)}\\BNK"
    return text


def vietcombank(dice: Random, text: str) -> str:
    """Traces and a time before the text; the payer's bank's own reference first or last."""
    head = f"{_number(dice, 6)}.{_day(dice)}.{_number(dice, 6)}."
    match dice.randrange(4):
        case 0:
            return f"{head}{text} FT{_number(dice, 14)}"
        case 1:
            return f"FT{_number(dice, 14)} {head}{text}"
        case 2:
            bank = dice.choice(("970422", "970407", "970415"))
            trace = f"{_number(dice, 10)}2026{_mixed(dice, 4)}{_number(dice, 6)}"
            return f"0200{bank}{trace}.{_number(dice, 5)}.{_number(dice, 6)}.{text}"
    return _vietcombank_prefix(dice, text, "VCB").rpartition(" tai ")[0]


MODELS: Final[dict[str, Callable[[Random, str], str]]] = {
    "acb": acb,
    "mb": mb,
    "mbdn": mbdn,
    "vietinbank": vietinbank,
    "techcombank": techcombank,
    "vietcombank": vietcombank,
}


def delivered(dice: Random, bank: str, text: str) -> str:
    """What arrives at `bank`: letters it takes, its own words around them, signs lost or not."""
    taken = text[: LONGEST.get(bank)]
    taken = dice.choice((taken, _bare(taken), _bare(taken), _bare(taken).upper(), unicodedata.normalize("NFD", taken)))
    return _punctuation(dice, MODELS[bank](dice, taken))


def deliveries(seed: int, count: int, new_code: Callable[[], str]) -> Iterator[tuple[str, Written, str]]:
    """`count` times (bank, what was written, what arrived), the banks in turn."""
    dice = Random(seed)
    banks = list(MODELS)
    for number in range(count):
        bank = banks[number % len(banks)]
        wrote = written(dice, new_code)
        yield bank, wrote, delivered(dice, bank, wrote.text)


# the judge


@dataclass
class Verdict:
    """What a matcher made of many texts. `missed` and `wrong` hold the texts themselves, for a person to read."""

    intact: int = 0
    damaged: int = 0
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def judge(texts: Iterable[tuple[str, Written, str]], find: Callable[[str], list[str]]) -> Verdict:
    """Every code that was written and is unharmed is to be found; any other code that is found is wrong.

    A damaged code may only be found where the damage did none: who doubles its last character leaves it whole.
    """
    verdict = Verdict()
    for bank, wrote, arrived in texts:
        found = find(arrived)
        told = f"{bank}: {arrived!r} for {wrote.codes} gave {found}"
        if set(found) - set(wrote.codes):
            verdict.wrong.append(told)
        if not wrote.intact:
            verdict.damaged += 1
            continue
        verdict.intact += len(wrote.codes)
        verdict.missed += [told] * len(set(wrote.codes) - set(found))
    return verdict
