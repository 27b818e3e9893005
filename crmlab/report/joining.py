"""Files for the client alone that are joined from what each report hands over: readable by their owner only."""

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path


def outdated(folder: Path, kind: str) -> list[Path]:
    """Parts of `<kind>.csv` if it must be written anew; where no part is left, it is removed."""
    parts, joined = sorted((folder / kind).glob("*.csv")), folder / f"{kind}.csv"
    if not parts:
        joined.unlink(missing_ok=True)
        return []
    newest = max(part.stat().st_mtime_ns for part in (*parts, folder / kind))
    return [] if joined.exists() and joined.stat().st_mtime_ns >= newest else parts


def write(path: Path, staging: Path, rows: Iterable[Sequence[str]]) -> None:
    """The rows, the header among them, as a file that is whole or not there."""
    new = staging / path.name
    # the mark by which spreadsheets know UTF-8
    with new.open("w", encoding="utf-8-sig", newline="") as stream:
        new.chmod(0o600)
        csv.writer(stream, lineterminator="\n").writerows(rows)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(new, path)
