"""What a report is made from, as fingerprints: whether it must be made again is decided by these alone.

Contents count, not dates of files: a folder that was copied or checked out anew gives the same fingerprints.
"""

import hashlib
import json
import os
import platform
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from crmlab.notebook import Notebook
from crmlab.params import Params, Project
from crmlab.sources import fingerprint, in_store, is_queried, snapshots, source_files

# the parts, as a run calls them where it says why it makes a report again
PARTS = {
    "client": "its client's settings",
    "data": "its data",
    "notebook": "the notebook",
    "parameters": "its parameters",
    "needs": "a report it needs",
    "previous": "the report before it",
    "code": "crmlab's code",
    "versions": "a package's version",
}
_HEAD = ("client", "language", "currency", "timezone", "max_rejected", "stale_after_days", "protect")
_HEAD += ("show", "min_group")
# while these stay, a client's as-of date and the verdict on its data do as well
OF_CLIENT = ("client", "data", "code", "versions")


def digest(content: Any) -> str:
    """SHA-256 of something that JSON can hold, as 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


@cache
def versions() -> dict[str, str]:
    """Python and every package that crmlab asks for, with the version installed."""
    names = [re.match(r"[\w.-]+", line)[0] for line in requires("crmlab") or () if "extra ==" not in line]
    return {"python": platform.python_version(), "crmlab": version("crmlab")} | {n: _version(n) for n in sorted(names)}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # asked for on another system only
        return "none"


@cache
def code() -> str:
    """Fingerprint of the package itself: modules, templates, style sheet."""
    root = Path(__file__).parents[1]
    files = sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return digest([[path.relative_to(root).as_posix(), fingerprint([path])] for path in files])


def client_inputs(params: Params, project: Project) -> dict[str, str]:
    """Fingerprints of the parts that all reports of a client share: `client`, `data`, `code`, `versions`.

    Raises
    ------
    InputError
        If a data file is missing.
    """
    head = {name: getattr(params, name) for name in _HEAD}
    head["targets"] = {name: [target.value, target.at_most] for name, target in params.targets.items()}
    head |= {"engine": params.engine, "data": {table: source.model_dump() for table, source in params.data.items()}}
    data = {}
    for table in params.data:
        files = source_files(params, table, project)
        data[table] = [[path.name for path in files], fingerprint(files), *_queried(params, table)]
    return {"client": digest(head), "data": digest(data), "code": code(), "versions": digest(versions())}


def _queried(params: Params, table: str) -> list[str]:
    """Fingerprints of what a database gave for a table, asked once in a run; none where it comes from files alone."""
    if in_store(params.data[table]):  # a store may have changed since: made again in every run, once
        return [os.environ.get("CRMLAB_SNAPSHOTS", "")]
    if not is_queried(params.data[table]):
        return []
    from crmlab.data import connect

    with tempfile.TemporaryDirectory() as passing:
        return snapshots(connect(), params, table, Path(os.environ.get("CRMLAB_SNAPSHOTS") or passing))


def notebook_inputs(notebook: Notebook) -> str:
    """Fingerprint of a notebook's cells and what it says of itself; outputs count for nothing, nor who ran it."""
    content = json.loads(notebook.path.read_text(encoding="utf-8"))
    cells = [
        [cell["cell_type"], "".join(cell["source"]), cell["metadata"].get("tags", [])] for cell in content["cells"]
    ]
    return digest([cells, content["metadata"].get("crmlab", {})])


def changed(before: Mapping[str, str], now: Mapping[str, str], parts: Iterable[str] = tuple(PARTS)) -> str:
    """What differs between two reports' inputs, in words; empty if nothing does."""
    return ", ".join(PARTS[part] for part in parts if before.get(part) != now.get(part))


def git_commit(root: Path) -> str:
    """The commit the project stands at, `-dirty` if files differ from it; empty where there is no git."""
    try:
        described = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return described.stdout.strip()
