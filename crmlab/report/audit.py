"""The audit log: each published file by its hash, in a chain of signed entries, so that no change goes unnoticed.

`audit.jsonl` has one entry a line: who did what, when, from which data, and the SHA-256 of every file as it was then,
or null for one that was removed. Each holds the hash of the line before it and a signature. `audit.head.json` tells,
signed as well, how many lines there are: whoever removes the last ones cannot make it anew.

An entry is written before the files it names are moved to their place. A run that is killed between the two leaves
reports that are not as the log says, which the next run makes again.
"""

import getpass
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock

from crmlab.contract import InputError
from crmlab.report import signing, workspace

NAME, HEAD = "audit.jsonl", "audit.head.json"
# what the first line follows, and what a line follows whose predecessor nobody knows
START, UNKNOWN = "0" * 64, "unknown"


class Log:
    """The log of a folder of reports, as one run reads and writes it; others may write to it meanwhile.

    Attributes
    ----------
    known
        The hash of every file that an entry names, from the folder of reports on, as the last such entry gives it.

    Raises
    ------
    InputError
        If the log was begun with another key.
    """

    def __init__(self, reports: Path, root: Path):
        self.reports, self.root = reports, root
        self._lock = RLock()
        self.known: dict[str, str | None] = {}
        self._size, self._entries, self._last = 0, 0, START
        with workspace.whole_folder(reports):
            self._read_on()

    def agrees(self, path: Path) -> bool:
        """Whether a file stands as the log says; also if no entry names it."""
        place = self._place(path)
        return place not in self.known or self.known[place] == digest(path)

    def append(self, event: str, files: Mapping[Path, str | None], **about: object) -> None:
        """Add an entry on files that are about to stand with these hashes, or to be gone.

        Parameters
        ----------
        about
            What else there is to say: client, notebook, as_of, fingerprints.
        """
        with self._lock, workspace.whole_folder(self.reports):
            self._read_on()
            key = signing.signing_key(self.root)
            named = {self._place(path): known for path, known in files.items()}
            entry = {
                "entry": self._entries + 1,
                "previous": self._last,
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "by": _user(),
                "event": event,
                **about,
                "files": named,
            }
            if self._size == 0:
                self._write_head(key)
            line = json.dumps(_sealed(entry, key)).encode()
            with (self.reports / NAME).open("r+b" if self._size else "wb") as stream:
                stream.truncate(self._size)
                stream.seek(self._size)
                stream.write(line + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
            self._size += len(line) + 1
            self._entries, self._last = self._entries + 1, hashlib.sha256(line).hexdigest()
            self._write_head(key)
            self.known |= named

    def note(self, event: str, paths: Iterable[Path], **about: object) -> None:
        """Add an entry on those of the files that no longer stand as the log says, if there are any.

        For what a run has just written or removed itself; of any other file it would vouch for what others did.
        """
        found = {path: digest(path) for path in paths}
        with self._lock, workspace.whole_folder(self.reports):
            self._read_on()
            if news := {path: now for path, now in found.items() if self.known.get(self._place(path)) != now}:
                self.append(event, news, **about)

    def _read_on(self) -> None:
        """Take in what the log holds beyond what is known of it: all at first, later what other runs have added."""
        content = read(self.reports / NAME, self._size)
        # a line without its end is that of a run that was killed while it wrote: it is written over
        self._size += content.rfind(b"\n") + 1
        lines = content.split(b"\n")[:-1]
        self.known |= statements(entry for line in lines if (entry := parsed(line)))
        if lines or (not self._entries and (content or (self.reports / HEAD).exists())):
            self._entries, self._last = self._end(lines)

    def _end(self, lines: list[bytes]) -> tuple[int, str]:
        """How many entries there are, and the hash of the last: as the head says, or a line that came after it."""
        key = signing.public(signing.signing_key(self.root))
        head, last = read_head(self.reports), parsed(lines[-1]) if lines else None
        if last and not is_signed(last, key):
            last = None
        if head is None:  # which lines came after the last that stands, nobody can tell
            return last["entry"] if last else self._entries + len(lines), UNKNOWN
        if head["key"] != key:
            raise InputError(
                f"{NAME}: is signed with another key, {head['key'][:16]}, than that of this project, {key[:16]}; "
                f"set {signing.VARIABLE} to it, or move {NAME} and {HEAD} elsewhere to begin a new log"
            )
        if last and (last["entry"], last["previous"]) == (head["entries"] + 1, head["last"]):
            return last["entry"], hashlib.sha256(lines[-1]).hexdigest()
        return head["entries"], head["last"]

    def _write_head(self, key) -> None:
        head = {"entries": self._entries, "last": self._last, "key": signing.public(key)}
        new = self.reports / f".{HEAD}"
        with new.open("w", encoding="utf-8") as stream:
            stream.write(json.dumps(_sealed(head, key)) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(new, self.reports / HEAD)

    def _place(self, path: Path) -> str:
        return path.relative_to(self.reports).as_posix()


def digest(path: Path) -> str | None:
    """SHA-256 of a file; None if there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def folder_of(path: Path) -> Path | None:
    """The folder of reports that a file lies in, if it has a log."""
    return next((folder for folder in path.parents if (folder / NAME).is_file()), None)


def read(path: Path, start: int = 0) -> bytes:
    """What a file holds from a place on; nothing where there is none."""
    if not path.is_file():
        return b""
    with path.open("rb") as stream:
        stream.seek(start)
        return stream.read()


def parsed(line: bytes) -> dict | None:
    """A line as an entry; None if it is not to the byte as one is written."""
    try:
        entry = json.loads(line)
        if json.dumps(entry).encode() != line:
            return None
    except (ValueError, RecursionError):
        return None
    wanted = {"entry": int, "previous": str, "at": str, "event": str, "files": dict}
    return entry if isinstance(entry, dict) and all(type(entry.get(k)) is t for k, t in wanted.items()) else None


def is_signed(entry: Mapping, public_key: str) -> bool:
    """Whether an entry, or the head, is as the holder of the key wrote it."""
    content = {name: value for name, value in entry.items() if name != "signature"}
    return signing.is_signature(entry.get("signature"), json.dumps(content), public_key)


def read_head(reports: Path) -> dict | None:
    """The head, if it is signed by the key that it names."""
    try:
        text = read(reports / HEAD).decode()
        head = json.loads(text)
        whole = json.dumps(head) + "\n" == text and set(head) == {"entries", "last", "key", "signature"}
        return head if whole and is_signed(head, head["key"]) else None
    except (ValueError, TypeError, RecursionError):
        return None


def statements(entries: Iterable[Mapping]) -> dict[str, str | None]:
    """What entries say of each file, the last prevailing."""
    return {place: known for entry in entries for place, known in entry["files"].items()}


def _sealed(content: dict, key) -> dict:
    return content | {"signature": key.sign(json.dumps(content).encode()).hex()}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number that has no name, as in a container
        return str(os.getuid())
