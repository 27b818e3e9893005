"""Files with the client's own ids, joined from what each report hands over, in a folder that its owner alone can open.

No page needs them: whoever serves or forwards reports leaves `confidential/` out.
"""

import csv
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from crmlab.csv_cells import LINE_END
from crmlab.privacy import CONFIDENTIAL


def outdated(folder: Path, kind: str) -> list[Path]:
    """Parts of a date's `<kind>.csv` if it must be written anew; where no part is left, it is removed."""
    parts, joined = sorted((folder / CONFIDENTIAL / kind).glob("*.csv")), folder / CONFIDENTIAL / f"{kind}.csv"
    if not parts:
        joined.unlink(missing_ok=True)
        return []
    newest = max(part.stat().st_mtime_ns for part in (*parts, parts[0].parent))
    return [] if joined.exists() and joined.stat().st_mtime_ns >= newest else parts


def write(path: Path, staging: Path, rows: Iterable[Sequence[str]]) -> None:
    """The rows, the header among them, as a file that is whole or not there."""
    new = staging / path.name
    new.touch(mode=0o600)
    # the mark by which spreadsheets know UTF-8
    with new.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream, lineterminator=LINE_END).writerows(rows)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(new, path)


def make_private(folder: Path) -> None:
    """Make a folder, and the one above it, such that nobody but their owner can look into them."""
    for each in (folder.parent, folder):
        each.mkdir(mode=0o700, exist_ok=True)
        if stat.S_IMODE(each.stat().st_mode) != 0o700:  # it is there from before, for others to read
            each.chmod(0o700)
