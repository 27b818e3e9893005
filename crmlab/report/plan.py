"""What is to be made: client x notebook x as-of date. Faults of the input are found here, before a kernel starts."""

import hashlib
import json
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path

from crmlab.client import Client, check, data_files, open_client
from crmlab.contract import InputError, suggestion
from crmlab.data import fingerprint
from crmlab.notebook import RESERVED, Notebook, read_notebooks
from crmlab.params import Project

_VERSIONS = ("crmlab", "pandas", "duckdb", "narwhals", "lifetimes", "statsmodels", "papermill", "nbconvert")


@dataclass(frozen=True)
class Job:
    """One report to make."""

    client: str
    name: str
    notebook: Notebook
    as_of: date
    currency: str
    language: str
    injected: dict
    parameters: dict
    fingerprint: str
    reason: str | None

    @property
    def folder(self) -> Path:
        """Where it goes, below the folder of reports."""
        return Path(self.client, self.as_of.isoformat())

    def record(self, status: str, reason: str | None, results: dict, seconds: float, git: str) -> dict:
        """The JSON beside the report."""
        return {
            "client": self.client,
            "client_name": self.name,
            "notebook": self.notebook.name,
            "title": self.notebook.title,
            "as_of": self.as_of.isoformat(),
            "currency": self.currency,
            "language": self.language,
            "status": status,
            "reason": reason,
            "metrics": results.get("metrics", {}),
            "models": results.get("models", {}),
            "data": results.get("data", {}),
            "parameters": self.parameters,
            "fingerprint": self.fingerprint,
            "provenance": {
                "seconds": round(seconds, 1),
                "run_on": datetime.now(UTC).isoformat(timespec="seconds"),
                "versions": {"python": platform.python_version()} | {name: version(name) for name in _VERSIONS},
                "git": git,
            },
        }


def plan(
    project: Project, clients: Iterable[str] = (), notebooks: Iterable[str] = (), as_of: str | None = None
) -> list[Job]:
    """Check every input of the named clients (all, if none is named) and list the reports to make.

    Raises
    ------
    InputError
        With one line for each fault of each client.
    """
    available = read_notebooks(project.notebooks)
    for name in notebooks:
        if name not in available:
            raise InputError(f"no such notebook: {name}{suggestion(name, available)}")
    chosen = [notebook for name, notebook in available.items() if not notebooks or name in notebooks]
    ids = list(dict.fromkeys(clients)) or project.clients()
    if not ids:
        raise InputError(f"{project.params.name}/: holds no client's file")
    jobs, faults = [], []
    for client_id in ids:
        try:
            client = open_client(client_id, as_of, project=project)
            check(client)
            jobs += _jobs(client, chosen)
        except InputError as error:
            faults.append(str(error))
    if faults:
        raise InputError("\n".join(faults))
    return jobs


def _jobs(client: Client, notebooks: list[Notebook]) -> list[Job]:
    data = fingerprint(data_files(client))
    jobs = []
    for notebook in notebooks:
        injected = client.params.injected(notebook)
        parameters = {p.name: p.default for p in notebook.parameters} | injected | {"as_of": client.as_of.isoformat()}
        missing = [table for table in notebook.tables if table not in client.tables]
        content = json.dumps([notebook.path.read_text(encoding="utf-8"), parameters, data, version("crmlab")])
        jobs.append(
            Job(
                client=client.id,
                name=client.name,
                notebook=notebook,
                as_of=client.as_of,
                currency=client.currency,
                language=client.language,
                injected=injected,
                parameters={name: value for name, value in parameters.items() if name not in RESERVED[:1]},
                fingerprint=hashlib.sha256(content.encode()).hexdigest(),
                reason=f"the client supplies no table {' and no table '.join(missing)}" if missing else None,
            )
        )
    return jobs
