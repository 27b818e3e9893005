"""Runs planned reports, several at a time, and publishes them with the pages over them.

One process at a time works on a client in a folder of reports; on others others may, from this working copy or
another. A report that fails fails alone; whatever ends the run, what stands is whole, and the next run makes the rest.
"""

import json
import shutil
import socket
import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from crmlab.notebook import is_name
from crmlab.params import Project
from crmlab.report import alerts, audit, build, customers, inputs, memory, workspace
from crmlab.report.history import render_history
from crmlab.report.html import without_places
from crmlab.report.index import OTHERS, portfolios, render_index
from crmlab.report.plan import Plan
from crmlab.report.published import Published, published
from crmlab.report.schedule import Outcome, Schedule, Watch, fault_of

# half of the memory is for the kernels' engines, and no engine gets less than this
_LEAST_ENGINE_MB = 256


def run(
    project: Project,
    plan: Plan,
    reports: Path,
    scratch: Path,
    *,
    workers: int,
    watch: Watch,
    plan_again: Callable[[], Plan],
    check: Callable[[], None] = lambda: None,
    force: bool = False,
    seconds: float = 3600.0,
) -> list[Outcome]:
    """Make the reports that are not current, `workers` at a time, then the pages over all that there are.

    Parameters
    ----------
    scratch
        Folder for what kernels write in passing.
    plan_again
        Gives the plan anew where another run had to be waited for: it may have changed what stands, and time has gone.
    check
        Called now and then; what it raises ends the run.
    force
        Make them all.
    seconds
        How long one report may take.

    Raises
    ------
    TargetError
        If the disk of `reports` is full, or can only be read. What stands there is whole.
    InputError
        If `reports` cannot hold reports for another reason, or its audit log was begun with another key.
    """
    try:
        clients = _clients(plan)
        with (
            workspace.only_run(reports, clients, watch.say, check) as waited,
            workspace.staging(reports) as staging,
        ):
            plan = _only(plan_again(), clients) if waited else plan
            share = max(_LEAST_ENGINE_MB, (memory.available() >> 20) // (2 * workers))
            git, log = inputs.git_commit(project.root), audit.Log(reports, project.root)
            site = build.Site(project, reports, staging, scratch, seconds, share, force, git, log)
            watch.planned(len(plan.jobs))
            before = published(reports)
            outcomes = _clients_that_failed(plan, before, site)
            for outcome in outcomes:
                watch.finished(outcome)
            outcomes += Schedule(plan, before, site, workers, watch, check).run()
            joined = _join(plan, reports, staging, log)
            # what others publish meanwhile, their own pages show: the last to come here has seen all
            with workspace.whole_folder(reports):
                log.note("pages", joined + _write_pages(reports, staging, watch))
            return outcomes
    except OSError as error:
        if workspace.is_full(error):
            raise workspace.TargetError(
                f"{error.filename or reports}: cannot be written: {error.strerror}. Reports go to {reports}, temporary "
                f"files to {tempfile.gettempdir()}; make room there, then run again. Earlier reports are whole."
            ) from error
        raise


def _clients(plan: Plan) -> set[str]:
    """Whose folders a plan leads to; what is no name of a client is none of a folder."""
    return {job.client for job in plan.jobs} | {client for client in plan.faults if is_name(client)}


def _only(plan: Plan, clients: Collection[str]) -> Plan:
    """What a plan says of clients that are held: any that came meanwhile are the next run's."""
    faults = {client: fault for client, fault in plan.faults.items() if client in clients or not is_name(client)}
    return replace(plan, jobs=[job for job in plan.jobs if job.client in clients], faults=faults)


def _clients_that_failed(plan: Plan, before: Mapping[str, Published], site: build.Site) -> list[Outcome]:
    """Publish of each client whether its input can be used; outcomes of those whose cannot."""
    outcomes = []
    for client, reason in plan.faults.items():
        if plan.asked or not is_name(client):  # another date may be none of the client's fault; no name of a folder
            outcomes.append(Outcome(client, "", "", "failed", reason, 0.0, site.reports))
            continue
        file = site.reports / client / "failed.json"
        known = before.get(client)
        about = {"client": client, "client_name": known.name if known else client, "status": "failed"}
        about["reason"] = without_places(reason)
        provenance = {"run_on": datetime.now(UTC).isoformat(timespec="seconds"), "copy": _copy(site.project)}
        text = json.dumps(about | {"provenance": provenance}, ensure_ascii=False, indent=1) + "\n"
        fault = fault_of(build.replace_if_changed, file, text, site.staging)
        site.log.note("failed", [file])
        outcomes.append(Outcome(client, "", "", "failed", f"{reason}\n{fault}" if fault else reason, 0.0, file))
    started, clients = {job.client for job in plan.jobs}, site.project.clients()
    for client, standing in before.items():
        # what another working copy said of a client of its own stays
        gone = client not in clients and _of_copy(standing.failure) == _copy(site.project)
        if standing.failure and (client in started or gone):
            (site.reports / client / "failed.json").unlink()
            if not standing.entries and gone:
                shutil.rmtree(site.reports / client)
            site.log.note("pages", [site.reports / client / name for name in ("failed.json", "index.html")])
    return outcomes


def _copy(project: Project) -> str:
    """Which working copy this is, without its place on the machine."""
    return inputs.digest([socket.gethostname(), str(project.params)])[:16]


def _of_copy(failure: Mapping | None) -> str | None:
    return ((failure or {}).get("provenance") or {}).get("copy")


def _join(plan: Plan, reports: Path, staging: Path, log: audit.Log) -> list[Path]:
    """Of each date, what its reports say of single customers; one that is not as the log says is made anew."""
    joined = []
    for folder in sorted({job.folder for job in plan.jobs}):
        for kind in (customers, alerts):
            path = reports / folder / kind.JOINED
            if not log.agrees(path):
                path.unlink(missing_ok=True)
            kind.join(reports / folder, staging)
            joined.append(path)
    return joined


def _write_pages(reports: Path, staging: Path, watch: Watch) -> list[Path]:
    """The portfolio in the languages of its clients, and each client's history, where they say something new."""
    found = published(reports, watch.say)
    files, today = portfolios(found), date.today()
    for language, file in files.items():
        build.replace_if_changed(reports / file, render_index(found, language=language, today=today), staging)
    for file in OTHERS - set(files.values()):
        (reports / file).unlink(missing_ok=True)
    for name, client in found.items():
        home = f"../{files.get(client.language, 'index.html')}"
        build.replace_if_changed(reports / name / "index.html", render_history(client, home=home), staging)
    return [reports / file for file in OTHERS | set(files.values())] + [reports / name / "index.html" for name in found]
