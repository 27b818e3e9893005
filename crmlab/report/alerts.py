"""`alerts.csv`: what all reports of a date warn of, most pressing first, for those who are to act on it.

Each report hands over its alerts in `confidential/alerts/<notebook>.csv`. Ids are the client's own: these files are
for the client alone.
"""

import csv
from pathlib import Path

from crmlab.privacy import CONFIDENTIAL
from crmlab.report import joining

PARTS = f"{CONFIDENTIAL}/alerts"
JOINED = f"{CONFIDENTIAL}/alerts.csv"
# those of crmlab.publication, which a run need not load
SEVERITIES = ("high", "medium", "low")


def join(folder: Path, staging: Path) -> None:
    """Write `alerts.csv` of a date anew if any of its parts is newer, and remove it where no part is left."""
    parts = joining.outdated(folder, "alerts")
    if not parts:
        return
    columns, rows = [], []
    for part in parts:
        with part.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            rows += reader
            columns += [name for name in reader.fieldnames or () if name not in columns]
    told = ([row.get(name, "") for name in columns] for row in sorted(rows, key=_pressing))
    joining.write(folder / JOINED, staging, [columns, *told])


def _pressing(row: dict[str, str]) -> tuple:
    """Severity, then what is at risk or the amount; alerts that tell neither come after those that do."""
    at_stake = row["value_at_risk"] or row.get("amount")
    known = -float(at_stake) if at_stake else 0.0
    return SEVERITIES.index(row["severity"]), not at_stake, known, row["kind"], row["customer_id"]
