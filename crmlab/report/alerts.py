"""`alerts.csv`: what all reports of a date warn of, most pressing first, for those who are to act on it.

Each report hands over its alerts in `alerts/<notebook>.csv`. Ids are the client's own: these files are for the client
alone, readable by nobody but the owner of the reports.
"""

import csv
import os
from pathlib import Path

PARTS = "alerts"
JOINED = "alerts.csv"
# those of crmlab.publication, which a run need not load
SEVERITIES = ("high", "medium", "low")


def join(folder: Path, staging: Path) -> None:
    """Write `alerts.csv` of a date anew if any of its parts is newer, and remove it where no part is left."""
    parts, joined = sorted((folder / PARTS).glob("*.csv")), folder / JOINED
    if not parts:
        joined.unlink(missing_ok=True)
        return
    newest = max(part.stat().st_mtime_ns for part in (*parts, folder / PARTS))
    if joined.exists() and joined.stat().st_mtime_ns >= newest:
        return
    columns, rows = [], []
    for part in parts:
        with part.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            rows += reader
            columns += [name for name in reader.fieldnames or () if name not in columns]
    new = staging / JOINED
    # the mark by which spreadsheets know UTF-8
    with new.open("w", encoding="utf-8-sig", newline="") as stream:
        new.chmod(0o600)
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=_pressing))
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(new, joined)


def _pressing(row: dict[str, str]) -> tuple:
    """Severity, then what is at stake; alerts that do not tell it come after those that do."""
    known = bool(row["value_at_risk"])
    at_stake = -float(row["value_at_risk"]) if known else 0.0
    return SEVERITIES.index(row["severity"]), not known, at_stake, row["kind"], row["customer_id"]
