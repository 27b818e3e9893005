"""`customers.csv`: what all reports of a date say of each customer, joined by id, for the client's own CRM.

Each report hands over its columns in `customers/<notebook>.csv`. Ids are the client's own: these files are for the
client alone, readable by nobody but the owner of the reports.
"""

import csv
import os
from pathlib import Path

PARTS = "customers"
JOINED = "customers.csv"
_KEY = "customer_id"


def join(folder: Path, staging: Path) -> None:
    """Write `customers.csv` of a date anew if any of its parts is newer, and remove it where no part is left."""
    parts, joined = sorted((folder / PARTS).glob("*.csv")), folder / JOINED
    if not parts:
        joined.unlink(missing_ok=True)
        return
    newest = max(part.stat().st_mtime_ns for part in (*parts, folder / PARTS))
    if joined.exists() and joined.stat().st_mtime_ns >= newest:
        return
    columns, rows = [_KEY], {}
    for part in parts:
        with part.open(encoding="utf-8-sig", newline="") as stream:
            header, *lines = csv.reader(stream)
        width = len(columns)
        columns += header[1:]
        for customer, *values in lines:
            known = rows.setdefault(customer, [])
            known += [""] * (width - 1 - len(known)) + values
    new = staging / JOINED
    # the mark by which spreadsheets know UTF-8
    with new.open("w", encoding="utf-8-sig", newline="") as stream:
        new.chmod(0o600)
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        for customer in sorted(rows):
            values = rows[customer]
            writer.writerow([customer, *values, *[""] * (len(columns) - 1 - len(values))])
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(new, joined)
