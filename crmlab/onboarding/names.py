"""What the columns and tables of the contract are called in the files that firms send, in English and Chinese.

A name counts when it is the whole header, or all of its words stand in it: `Order Date (local)` holds `order date`.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_CHINESE = "\u4e00-\u9fff"
# what stands in `names.txt` for names of whole files, and above those of values
FILES, VALUES = "files", "values"
# part of too many names to say anything in a longer one
_WHOLE = ("id", "编号")


@dataclass(frozen=True)
class Likeness:
    """How near a header comes to a column of the contract, from 0 to 1, and whether it is one of its names."""

    score: float
    is_exact: bool = False


def words(header: str) -> list[str]:
    """A header's words, small: `InvoiceDate`, `invoice_date` and `Invoice Date` are the same; Chinese is one word.

    Examples
    --------
    >>> words("InvoiceDate (UTC)"), words("客户 编号")
    (['invoice', 'date', 'utc'], ['客户编号'])
    """
    joined = re.sub(f"(?<=[{_CHINESE}])\\s+(?=[{_CHINESE}])", "", header.strip())
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", joined)
    return re.findall(f"[a-z]+|[0-9]+|[{_CHINESE}]+", apart.lower())


@cache
def known_names() -> dict[str, dict[str, tuple[str, ...]]]:
    """By table and column of the contract, and `FILES`: the names that firms use, from `names.txt`; so for `VALUES`."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for line in Path(__file__).with_name("names.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            columns = found.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            column, names = line.split(": ", 1)
            columns[column] = tuple(name.strip() for name in names.split(","))
    return found


def likeness(header: str, table: str, column: str) -> Likeness:
    """How near a header comes to a column.

    Near 1 where it is one of the column's names, the likelier the nearer; below that, where it holds all words of one,
    by how much of it they are.

    Examples
    --------
    >>> likeness("Invoice Date", "transactions", "date").is_exact, likeness("colour", "transactions", "date").score
    (True, 0.0)
    """
    said, best = words(header), 0.0
    for place, name in enumerate((column, *known_names()[table][column])):
        wanted = words(name)
        if "".join(wanted) == "".join(said):
            return Likeness(1 - 0.002 * place, True)
        if name in _WHOLE:
            continue
        # of one sign, such as 到, a longer header would say too little; Chinese needs no blanks to hold several words
        if set(wanted) <= set(said) if wanted[0].isascii() else len(name) > 1 and name in "".join(said):
            best = max(best, 0.3 + 0.5 * len("".join(wanted)) / len("".join(said)))
    return Likeness(best)


def file_likeness(stem: str, table: str) -> float:
    """1 if a file is called as a table is, as in `orders_2024`; 0 if not."""
    said = words(stem)
    return float(any(
        set(words(name)) <= set(said) if words(name)[0].isascii() else name in "".join(said)
        for name in (table, *known_names()[table][FILES])
    ))  # fmt: skip


def meaning(value: str) -> str | None:
    """What a value such as 赢单 or `Closed Won` means among those of choices and of true and false; None if unknown.

    Examples
    --------
    >>> meaning("Closed Won"), meaning("是"), meaning("perhaps")
    ('won', 'true', None)
    """
    said = " ".join(words(value))
    return next((known for known, names in known_names()[VALUES].items() if said in names), None)
