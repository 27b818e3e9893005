"""`customers.csv`: what all reports of a date say of each customer, joined by id, for the client's own CRM.

Each report hands over its columns in `confidential/customers/<notebook>.csv`. Ids are the client's own: these files
are for the client alone.
"""

import csv
from pathlib import Path

from crmlab.privacy import CONFIDENTIAL
from crmlab.report import joining

PARTS = f"{CONFIDENTIAL}/customers"
JOINED = f"{CONFIDENTIAL}/customers.csv"
_KEY = "customer_id"


def join(folder: Path, staging: Path) -> None:
    """Write `customers.csv` of a date anew if any of its parts is newer, and remove it where no part is left."""
    parts = joining.outdated(folder, "customers")
    if not parts:
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
    filled = (
        [customer, *rows[customer], *[""] * (len(columns) - 1 - len(rows[customer]))] for customer in sorted(rows)
    )
    joining.write(folder / JOINED, staging, [columns, *filled])
