"""What stands in a folder of reports: by client, the records of all its dates, and whether its last run could start.

A file that is none of ours, or cannot be read, is left out; it never keeps the pages from being written.
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import quote

from crmlab.messages import LANGUAGES

_STATES = ("ok", "failed", "skipped")
_FAILED = ".failed.json"


@dataclass(frozen=True)
class Published:
    """What stands in the folder of one client.

    Attributes
    ----------
    id
        The folder's name.
    entries
        One for each report of each as-of date, oldest first: its record, with `href` (the report, or the last good one
        of that date) and `failed_href` (the page on the failure), links from the folder of reports or None. The status
        of one that failed last is `failed`; its metrics are those of the last good run.
    failure
        The record of `failed.json`, if parameters or data were so wrong that the last run could start no report.
    """

    id: str
    entries: tuple[dict, ...]
    failure: dict | None = None

    @property
    def name(self) -> str:
        """The name on the pages."""
        latest = self.failure or self.entries[-1]
        return latest.get("client_name") or self.id

    @property
    def language(self) -> str:
        """The language of its pages: that of its latest report."""
        return self.entries[-1].get("language") or "en" if self.entries else "en"

    @property
    def stale_after_days(self) -> int | None:
        """How old its data may become; None where it has no schedule."""
        return self.entries[-1].get("stale_after_days") if self.entries else None

    @property
    def link(self) -> str:
        """The folder as part of a link."""
        return quote(self.id)

    @property
    def dates(self) -> list[str]:
        """As-of dates, oldest first."""
        return sorted({entry["as_of"] for entry in self.entries})

    def at(self, as_of: str) -> list[dict]:
        """The entries of one date."""
        return [entry for entry in self.entries if entry["as_of"] == as_of]

    def metrics(self, as_of: str) -> dict[str, dict]:
        """What all reports of a date published, by the metric's name; nothing of what is sealed.

        Each says its report's `language`, and is `old` where the report failed since.
        """
        return {
            name: metric | {"old": entry["status"] == "failed", "language": entry.get("language") or "en"}
            for entry in self.at(as_of)
            for name, metric in entry["metrics"].items()
            if not entry.get("protected")
        }

    def before(self, notebook: str, as_of: str) -> dict | None:
        """The last report of a notebook before a date, if it is one that was made."""
        earlier = (entry for entry in reversed(self.entries) if entry["as_of"] < as_of)
        return next((entry for entry in earlier if entry["notebook"] == notebook and entry["status"] == "ok"), None)

    def last_good(self, entry: dict) -> dict | None:
        """The entry of the same notebook, at this date or the latest before, whose report stands."""
        standing = (
            earlier
            for earlier in reversed(self.entries)
            if earlier["notebook"] == entry["notebook"] and earlier["as_of"] <= entry["as_of"]
        )
        return next((found for found in standing if found["href"] and found["status"] != "skipped"), None)


def published(reports: Path, left_out: Callable[[str], object] = lambda line: None) -> dict[str, Published]:
    """By client's id, what stands in a folder of reports.

    Parameters
    ----------
    left_out
        Called with a line on each file or folder that cannot be read, or is none of ours where ours should be.
    """
    found = {}
    for folder in sorted(path for path in reports.iterdir() if path.is_dir() and not path.name.startswith(".")):
        try:
            client = Published(folder.name, tuple(_entries(folder, left_out)), _failure(folder, left_out))
        except OSError as error:
            left_out(f"{error.filename}: left out of the index: {error.strerror}")
            continue
        if client.entries or client.failure:
            found[client.id] = client
    return found


def _entries(folder: Path, left_out: Callable) -> Iterator[dict]:
    for day in sorted(path for path in folder.iterdir() if _is_day(path.name) and path.is_dir()):
        # one listing of the folder is faster than a question for each file
        names = {path.name for path in day.iterdir() if not path.name.startswith(".")}
        for name in sorted(names):
            if not name.endswith(".json") or name.endswith(_FAILED):
                continue
            notebook = name.removesuffix(".json")
            place = {"client": folder.name, "as_of": day.name, "notebook": notebook}
            if not (entry := _read(day / name, place, left_out)):
                continue
            failed = f"{notebook}{_FAILED}" in names and _read(day / f"{notebook}{_FAILED}", place, left_out)
            if failed:
                entry |= {"status": "failed", "reason": failed.get("reason")}
            for key, page in (("href", f"{notebook}.html"), ("failed_href", f"{notebook}.failed.html")):
                entry[key] = quote(f"{folder.name}/{day.name}/{page}") if page in names else None
            yield entry


def _failure(folder: Path, left_out: Callable) -> dict | None:
    path = folder / "failed.json"
    return _read(path, {"client": folder.name, "status": "failed"}, left_out) if path.exists() else None


def _read(path: Path, place: dict[str, str], left_out: Callable) -> dict | None:
    """A record of the place it lies in, or None if the file is none of ours."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        _check(record, place)
    except (OSError, ValueError) as error:
        left_out(f"{path}: left out of the index: {error}")
        return None
    return record


def _check(record: object, place: dict[str, str]) -> None:
    """Whether pages can rely on what a record holds."""
    wanted = {*place, "status"} | ({"metrics"} if "notebook" in place else set())
    if not isinstance(record, dict) or not wanted <= set(record):
        raise ValueError("lacks what a report's record holds")
    for key, value in place.items():
        if record[key] != value:
            raise ValueError(f"holds the {key} {record[key]!r} where {value!r} belongs")
    if record["status"] not in _STATES:
        raise ValueError(f"holds an unknown status: {record['status']!r}")
    for key in ("client_name", "title", "reason", "currency"):
        if not isinstance(record.get(key), str | None):
            raise ValueError(f"holds no text as {key}: {record[key]!r}")
    for key in ("inputs", "provenance"):
        if not isinstance(record.get(key, {}), dict):
            raise ValueError(f"holds no values by name as {key}: {record[key]!r}")
    if record.get("language") not in (None, *LANGUAGES):
        raise ValueError(f"holds an unknown language: {record['language']!r}")
    limit = record.get("stale_after_days")
    if not (limit is None or type(limit) is int and limit > 0):
        raise ValueError(f"holds no number of days as stale_after_days: {limit!r}")
    metrics = record.get("metrics", {})
    if not isinstance(metrics, dict):
        raise ValueError(f"holds no metrics by name: {metrics!r}")
    wrong = [name for name, metric in metrics.items() if not (_is_metric(metric) or _is_rating(name, metric))]
    if wrong:
        raise ValueError(f"holds a metric that is none: {wrong[0]}")


def _is_metric(metric: object) -> bool:
    """A value, or None where it is none; between its ends where it has both."""
    if not isinstance(metric, dict) or not isinstance(metric.get("unit"), str):
        return False
    if not isinstance(metric.get("no_interval"), str | None):
        return False
    numbers = [metric.get(name) for name in ("low", "value", "high")]
    known = [number for number in numbers if number is not None]
    real = all(isinstance(number, int | float) and math.isfinite(number) for number in known)
    return real and known == sorted(known)


def _is_rating(name: str, metric: object) -> bool:
    """A grade such as B+, the only metric that is no number."""
    value = metric.get("value") if isinstance(metric, dict) and name == "rating" else None
    return isinstance(value, str) and 0 < len(value) <= 3


def _is_day(name: str) -> bool:
    """Whether a folder is named after a date, as 1998-06-30; fromisoformat alone takes 2025-W10-1 too."""
    try:
        return date.fromisoformat(name).isoformat() == name
    except ValueError:
        return False
