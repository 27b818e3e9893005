"""What reports of a client have published, read back for a notebook that builds on them."""

import json
from datetime import date
from pathlib import Path

import pandas as pd

from crmlab.absence import FitError
from crmlab.csv_cells import unguarded_frame
from crmlab.intervals import Estimate
from crmlab.messages import _
from crmlab.privacy import CONFIDENTIAL


def record(folder: Path, notebook: str) -> dict | None:
    """The JSON of a report in the folder of its date; None if there is none that is well.

    A report that failed when it was last made counts as none, whatever stands there from before.
    """
    path = folder / f"{notebook}.json"
    if not path.exists() or (folder / f"{notebook}.failed.json").exists():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    return found if found["status"] == "ok" else None


def metrics(folder: Path, notebooks: tuple[str, ...]) -> dict[str, Estimate]:
    """What these notebooks published at a date, by the metric's name; those that could not be had are left out."""
    found: dict[str, Estimate] = {}
    for notebook in notebooks:
        published = (record(folder, notebook) or {}).get("metrics", {})
        for name, entry in published.items():
            if entry["value"] is not None and (entry["low"] is None) == (entry["high"] is None):
                found.setdefault(name, estimate(entry))
    return found


def estimate(entry: dict) -> Estimate:
    """The entry of a report's JSON as an estimate again."""
    if entry["low"] is None and not entry.get("no_interval"):
        # an interval without ends, which JSON cannot hold
        entry = entry | {"no_interval": _("it has no bound")}
    return Estimate(**entry)


def customers(folder: Path, notebooks: tuple[str, ...]) -> pd.DataFrame:
    """One row per customer with what these notebooks handed over for `customers.csv`, sorted by `customer_id`.

    Raises
    ------
    FitError
        If none handed over any.
    """
    paths = [folder / CONFIDENTIAL / "customers" / f"{name}.csv" for name in notebooks if record(folder, name)]
    # an id such as NA is no missing value
    options = {"dtype": {"customer_id": str}, "keep_default_na": False, "na_values": [""], "encoding": "utf-8-sig"}
    frames = [pd.read_csv(path, **options).set_index("customer_id") for path in paths if path.exists()]
    if not frames:
        raise FitError(_("no other report of this date says anything of single customers"))
    joined = pd.concat(frames, axis=1).rename_axis("customer_id").reset_index()
    return unguarded_frame(joined).sort_values("customer_id", ignore_index=True)


def reasons(folder: Path, notebooks: tuple[str, ...]) -> dict[str, str]:
    """Why these notebooks say nothing at a date, by name; those that are well are left out."""
    found = {}
    for name in notebooks:
        path = folder / f"{name}.json"
        if record(folder, name) is None:
            published = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            skipped = published.get("status") == "skipped" and published.get("reason")
            found[name] = skipped or _("its report was not made")
    return found


def history(folder: Path, notebook: str, before: date) -> list[tuple[date, dict, dict]]:
    """Metrics and models of the dates before `before` at which a notebook was made, oldest first.

    Parameters
    ----------
    folder
        Of the client: it holds a folder for each date.
    """
    dates = sorted(each.name for each in folder.glob("????-??-??") if each.is_dir() and each.name < before.isoformat())
    found = ((date.fromisoformat(day), record(folder / day, notebook)) for day in dates)
    return [(day, entry["metrics"], entry["models"]) for day, entry in found if entry]
