"""Whether reports stand as they were published: the chain of the audit log, its signatures, and each file's hash."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from crmlab.report import audit, signing


@dataclass(frozen=True)
class Verdict:
    """What a check of a folder of reports found.

    Attributes
    ----------
    faults
        A line on each thing that is not as it was written; none if all is.
    files, entries
        How many were looked at.
    last
        The hash of the last line: who notes it elsewhere can tell later that the whole log was not put back to an
        earlier state, which nothing within the folder could show.
    key
        The public key that the signatures were held against.
    """

    faults: tuple[str, ...]
    files: int
    entries: int
    last: str
    key: str


def verify(reports: Path, root: Path, clients: Collection[str] = ()) -> Verdict:
    """Hold a folder of reports against its audit log; the files of some clients only, if any are named.

    The key is that of the project where it has one, else the one that the log itself names.
    """
    own, head = signing.known_key(root), audit.read_head(reports)
    lines = audit.read(reports / audit.NAME).split(b"\n")
    torn = lines.pop()
    if not (lines or torn or head):
        fault = (
            f"{audit.NAME}: there is none: it was removed, or the reports are older than it; --force makes them anew"
        )
        return Verdict((fault,), 0, 0, "", signing.public(own) if own else "")
    key = signing.public(own) if own else head["key"] if head else ""
    faults = []
    if head is None:
        faults.append(f"{audit.HEAD}: is missing or was changed: lines removed from the end of the log would not show")
    elif head["key"] != key:
        faults.append(f"{audit.HEAD}: is signed with another key, {head['key'][:16]}, than that of this project")
    good, broken = _chain(lines, key, head) if key else ({}, [])
    faults += broken
    if torn:
        faults.append(f"{audit.NAME}: its last line has no end, as after a run that was killed; the next run mends it")
    looked_at, wrong = _files(reports, list(good.values()), clients)
    last = hashlib.sha256(lines[-1]).hexdigest() if lines else ""
    return Verdict((*faults, *wrong), looked_at, len(lines), last, key)


def _chain(lines: list[bytes], key: str, head: dict | None) -> tuple[dict[int, dict], list[str]]:
    """Entries whose signature holds, in the order of their numbers, and what is wrong with lines or their order."""
    found, faults, hashes = {}, [], {0: audit.START}
    wanted, before = 1, audit.START
    for place, line in enumerate(lines, 1):
        where, entry, trusted = f"{audit.NAME}: line {place}", audit.parsed(line), before is not None
        before = None
        if entry is None or not audit.is_signed(entry, key):
            faults.append(f"{where}: was edited, or signed with another key")
            wanted += 1
            continue
        number = entry["entry"]
        if number > wanted:
            faults.append(f"{where}: {_entries(wanted, number - 1)} missing before it")
        elif number < wanted:
            faults.append(f"{where}: holds entry {number}, which belongs further up: moved or repeated")
        elif trusted and entry["previous"] != hashes.get(number - 1):
            faults.append(f"{where}: does not follow from the line before it")
        before = hashes[number] = hashlib.sha256(line).hexdigest()
        found[number] = entry
        wanted = max(wanted, number + 1)
    if head:
        if wanted <= head["entries"]:
            faults.append(f"{audit.NAME}: {_entries(wanted, head['entries'])} missing at its end")
        elif wanted > head["entries"] + 2 or hashes.get(head["entries"], head["last"]) != head["last"]:
            faults.append(f"{audit.HEAD}: is not that of this log, but an earlier one or another's")
    return dict(sorted(found.items())), faults


def _entries(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"


def _files(reports: Path, entries: list[dict], clients: Collection[str]) -> tuple[int, list[str]]:
    """How many files were looked at, and what is wrong with which."""
    known, faults = audit.statements(entries), []
    standing = {path.relative_to(reports).as_posix() for path in _standing(reports)}
    places = sorted(place for place in known.keys() | standing if not clients or place.split("/")[0] in clients)
    for place in places:
        try:
            now, wanted = audit.digest(reports / place), known.get(place)
        except PermissionError:
            faults.append(f"{place}: cannot be read by this user: not checked")
            continue
        if now == wanted:
            continue
        if wanted is None:
            faults.append(f"{place}: was added, no entry names it")
        elif now is None:
            faults.append(f"{place}: is missing")
        elif earlier := [entry["at"] for entry in entries if entry["files"].get(place) == now]:
            faults.append(f"{place}: an earlier version stands, of {earlier[-1]}")
        else:
            faults.append(f"{place}: was altered")
    return len(places), faults


def _standing(reports: Path) -> list[Path]:
    """All files of clients; hidden ones are the system's."""
    found = [path for folder in reports.iterdir() if folder.is_dir() for path in folder.rglob("*") if path.is_file()]
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(reports).parts)]
