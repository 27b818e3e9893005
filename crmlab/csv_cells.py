"""Cells of the CSV files that we write: no spreadsheet takes for a formula what somebody wrote.

A text that begins with a sign of a formula stands there with an apostrophe before it; numbers stay as they are. Whoever
joins such a file to others by an id takes one apostrophe off where a sign of a formula follows it, as `unguarded` does.
"""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# as RFC 4180 has it: a cell that holds either sign is then put in quotation marks, and begins no row of its own
LINE_END = "\r\n"
# signs of the other width count too: some spreadsheets take them for their likes
_SIGN = re.compile(r"[\s']*[=+\-@＝＋－＠]|'*[\t\r\n]")
_NUMBER = re.compile(r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|inf)", re.ASCII)


def _is_formula(text: str) -> bool:
    return bool(_SIGN.match(text)) and not _NUMBER.fullmatch(text)


def guarded(cell: Any) -> Any:
    """A cell as it may stand in a CSV file; what is no text stays as it is.

    Examples
    --------
    >>> [guarded(each) for each in ("=1+1", "-5", "-1e3", "- none", "Ann")]
    ["'=1+1", '-5', '-1e3', "'- none", 'Ann']
    """
    return f"'{cell}" if isinstance(cell, str) and _is_formula(cell) else cell


def unguarded(cell: Any) -> Any:
    """What `guarded` was given."""
    return cell[1:] if isinstance(cell, str) and cell.startswith("'") and _is_formula(cell[1:]) else cell


def guarded_frame(frame: "pd.DataFrame") -> "pd.DataFrame":
    """A frame whose texts, and names of columns, may stand in a CSV file."""
    return _each_text(frame, guarded)


def unguarded_frame(frame: "pd.DataFrame") -> "pd.DataFrame":
    """What `guarded_frame` was given."""
    return _each_text(frame, unguarded)


def _each_text(frame: "pd.DataFrame", change) -> "pd.DataFrame":
    changed = frame.rename(columns=change)
    for name in changed.select_dtypes(exclude=["number", "bool", "datetime", "timedelta"]):
        changed[name] = changed[name].map(change)
    return changed
