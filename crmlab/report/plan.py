"""What is to be made: client x notebook x as-of date. Faults of the input are found here, before a kernel starts."""

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from crmlab.contract import InputError, suggestion
from crmlab.messages import listed, ngettext, speaking
from crmlab.notebook import RESERVED, Notebook, parse_day, read_notebooks
from crmlab.params import Params, Project, load_params
from crmlab.report import inputs, processes, seal
from crmlab.report.published import Published


@dataclass(frozen=True)
class Job:
    """One report to make.

    Attributes
    ----------
    asked
        The as-of date that the command gave, if it did.
    latest
        Whether the as-of date is the last in the data, not one that was given.
    inputs
        Fingerprints of what it is made from, by part; those of the reports it needs are added when they are there.
    previous
        The as-of date of the last report before it, if there is one.
    stale_after_days
        How old its data may become, if the client's file says so.
    protect
        Whether its pages are published sealed.
    reason
        Why it is skipped, if it is.
    """

    client: str
    name: str
    notebook: Notebook
    asked: str | None
    latest: bool
    as_of: date
    currency: str
    language: str
    injected: dict
    parameters: dict
    inputs: dict[str, str]
    previous: str | None
    stale_after_days: int | None
    protect: bool
    reason: str | None

    @property
    def key(self) -> tuple[str, str]:
        """Client and notebook, of which there is one job in a plan."""
        return self.client, self.notebook.name

    @property
    def folder(self) -> Path:
        """Where it goes, below the folder of reports."""
        return Path(self.client, self.as_of.isoformat())

    @property
    def fingerprint(self) -> str:
        """One fingerprint of all inputs: while it stays, the report is not made again."""
        return inputs.digest(self.inputs)

    def after(self, needed: Mapping[str, str]) -> "Job":
        """The same job with what became of each report it needs: its fingerprint, or `failed` or `skipped`."""
        return replace(self, inputs=self.inputs | {"needs": inputs.digest(needed)})

    def record(self, status: str, reason: str | None, results: dict, provenance: dict) -> dict:
        """The JSON beside the report."""
        return {
            "client": self.client,
            "client_name": self.name,
            "notebook": self.notebook.name,
            "title": self.notebook.title,
            "as_of": self.as_of.isoformat(),
            "previous": self.previous,
            "stale_after_days": self.stale_after_days,
            "protected": self.protect,
            "currency": self.currency,
            "language": self.language,
            "status": status,
            "reason": reason,
            "metrics": results.get("metrics", {}),
            "models": results.get("models", {}),
            "data": results.get("data", {}),
            "period": results.get("period"),
            "parameters": self.parameters,
            "inputs": self.inputs,
            "fingerprint": self.fingerprint,
            "provenance": provenance
            | {"run_on": datetime.now(UTC).isoformat(timespec="seconds"), "versions": inputs.versions()}
            | {"latest": self.latest},
        }


@dataclass(frozen=True)
class Plan:
    """Jobs, each after those it needs; by client, what is wrong with the input of those that get none.

    `asked` is the as-of date that the command gave, if it did.
    """

    jobs: list[Job] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)
    asked: str | None = None


def plan(
    project: Project,
    published: Mapping[str, Published],
    *,
    clients: Iterable[str] = (),
    notebooks: Iterable[str] = (),
    as_of: str | None = None,
    workers: int = 1,
    seconds: float | None = None,
    check: Callable[[], None] = lambda: None,
) -> Plan:
    """Check every input of the named clients (all, if none is named) and list the reports to make.

    A client's data are read only if they, or what reads them, are not those of a report that stands.

    Parameters
    ----------
    published
        What stands in the folder of reports.
    workers, seconds
        How many clients' data are read at a time, and how long that may take for one.
    check
        Called now and then; what it raises ends the planning.

    Raises
    ------
    InputError
        If a name is wrong, or a notebook, or the input of every client.
    """
    if as_of not in (None, "latest"):
        try:
            parse_day(as_of, "must be a date (YYYY-MM-DD) or latest")
        except ValueError as error:
            raise InputError(f"--as-of {error}, got {as_of!r}") from error
    available = read_notebooks(project.notebooks)
    for name in notebooks:
        if name not in available:
            raise InputError(f"no such notebook: {name}{suggestion(name, available)}")
    chosen = _in_order(available, notebooks or available)
    ids = list(dict.fromkeys(clients)) or project.clients()
    if not ids:
        raise InputError(f"{project.params.name}/: holds no client's file")
    for client in ids:
        if client not in project.clients():
            raise InputError(f"no such client: {client}{suggestion(client, project.clients())}")

    def of_client(client: str) -> list[Job] | InputError:
        try:
            params = load_params(project, client, as_of=as_of)
            if params.protect:
                seal.run_password(params.file)
            parts = inputs.client_inputs(params, project)
            day = _known_day(published.get(client), parts, params.as_of)
            if day is None:
                _load_ahead()
                day = parse_day(processes.ask(_read_all, project, client, as_of, seconds=seconds))
            standing = published.get(client)
            return [_job(params, notebook, as_of, day, parts, standing) for notebook in chosen]
        except InputError as error:
            return error
        except processes.ProcessDied as error:
            return InputError(f"{project.params.name}/{client}.yaml: reading its data, {error}")

    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(of_client, client) for client in ids]
        try:
            while wait(futures, timeout=0.2).not_done:
                check()
            found = {client: future.result() for client, future in zip(ids, futures, strict=True)}
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            while wait(futures, timeout=0.1).not_done:
                processes.end_asked()
            raise
    faults = {client: str(result) for client, result in found.items() if isinstance(result, InputError)}
    if len(faults) == len(ids):
        details = (result.detail for result in found.values() if isinstance(result, InputError))
        raise InputError("\n".join(faults.values()), "\n".join(details))
    return Plan(
        [job for result in found.values() if not isinstance(result, InputError) for job in result],
        faults,
        None if as_of == "latest" else as_of,
    )


@cache
def _load_ahead() -> None:
    """Import what runs notebooks and writes pages while other processes read data: it takes as long as they do."""

    def load():
        import crmlab.report.kernels  # noqa: F401
        from crmlab.report.html import exporter

        exporter()

    threading.Thread(target=load, daemon=True).start()


def _in_order(available: dict[str, Notebook], names: Iterable[str]) -> list[Notebook]:
    """The named notebooks and those they need, these first."""
    ordered: dict[str, Notebook] = {}

    def add(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise InputError(f"notebooks/{name}.ipynb: needs itself, by way of {' and '.join(above)}")
        for needed in available[name].needs:
            if needed not in available:
                known = suggestion(needed, available)
                raise InputError(f"notebooks/{name}.ipynb: needs {needed}, which is no notebook{known}")
            add(needed, (*above, name))
        ordered[name] = available[name]

    for name in names:
        add(name, ())
    return list(ordered.values())


def _known_day(published: Published | None, parts: dict[str, str], given: date | None) -> date | None:
    """The as-of date of a report that was made from the same data by the same code: that given, or else the latest."""
    for entry in published.entries if published else ():
        day, made_from = parse_day(entry["as_of"]), entry.get("inputs", {})
        fits = day == given if given else entry.get("provenance", {}).get("latest")
        if fits and all(made_from.get(part) == parts[part] for part in inputs.OF_CLIENT):
            return day
    return None


def _read_all(project: Project, client_id: str, as_of: str | None) -> str:
    """Check all of a client's data; its as-of date."""
    from crmlab.client import open_client
    from crmlab.gate import check

    client = open_client(client_id, as_of, project=project)
    check(client)
    return client.as_of.isoformat()


def _job(
    params: Params,
    notebook: Notebook,
    asked: str | None,
    as_of: date,
    parts: dict[str, str],
    published: Published | None,
) -> Job:
    # the date itself, not `latest`: data that change during the run must not move it
    injected = params.injected(notebook) | {"as_of": as_of.isoformat()}
    parameters = {p.name: p.default for p in notebook.parameters} | injected
    missing = [table for table in notebook.tables if table not in params.data]
    if not set(notebook.any_of) & set(params.data):
        missing += notebook.any_of
    before = published.before(notebook.name, as_of.isoformat()) if published else None
    own = {"notebook": inputs.notebook_inputs(notebook), "parameters": inputs.digest(parameters)}
    if before:
        own["previous"] = inputs.digest([before["as_of"], before["metrics"]])
    return Job(
        client=params.id,
        name=params.client,
        notebook=notebook,
        asked=asked,
        latest=params.as_of is None,
        as_of=as_of,
        currency=params.currency,
        language=params.language,
        injected=injected,
        parameters={name: value for name, value in parameters.items() if name not in RESERVED[:1]},
        inputs=parts | own,
        previous=before["as_of"] if before else None,
        stale_after_days=params.stale_after_days,
        protect=params.protect,
        reason=_lacking(missing, params.language) if missing else None,
    )


def _lacking(tables: list[str], language: str) -> str:
    """Why a report is skipped, as its readers are told."""
    with speaking(language):
        names = listed(tables)
        return ngettext(
            "the client supplies no table {names}", "the client supplies none of the tables {names}", len(tables)
        ).format(names=names)
