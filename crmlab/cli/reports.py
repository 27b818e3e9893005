"""Making reports: the command, and what others that make some use of it."""

import os
import sys
import tempfile
from pathlib import Path

import click

from crmlab.cli.program import (
    Stopped,
    as_of_option,
    input_errors,
    main,
    params_option,
    project_and_reports,
    stoppable,
)

CORES = os.cpu_count() or 1
_MINUTES = 60.0


@main.command()
@click.argument("clients", nargs=-1, metavar="[CLIENT]...")
@click.option("--notebook", "notebooks", multiple=True, metavar="NAME", help="Only this analysis; may be repeated.")
@as_of_option
@params_option
@click.option("--reports", type=click.Path(path_type=Path), help="Folder to publish into.  [default: reports]")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=CORES,
    help="Reports made at a time; fewer where memory is short.  [default: the cores]",
)
@click.option("--force", is_flag=True, help="Make reports again that are current.")
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, max=100_000, min_open=True),
    default=_MINUTES,
    metavar="MINUTES",
    help="What one report may take.  [default: 60]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "pdf"]),
    default="html",
    help="With pdf, also print each report, by Chromium or its kin.  [default: html]",
)
@click.option("--log", type=click.Path(path_type=Path), help="Append what happens as JSON lines.")
@click.option("--quiet", is_flag=True, help="Show only what failed.")
@input_errors
def report(clients, notebooks, as_of, params, reports, jobs, force, time_limit, form, log, quiet):
    """Build the reports of CLIENTs, or of all of them, that are not current."""
    from crmlab.report.progress import Progress

    project, reports = project_and_reports(params, reports)
    asked = {"clients": clients, "notebooks": notebooks, "as_of": as_of}
    watch = Progress(log, quiet=quiet)
    sys.exit(make(project, reports, watch, asked, jobs=jobs, force=force, minutes=time_limit, form=form))


def make(project, reports: Path, watch, asked: dict, *, jobs=CORES, force=False, minutes=_MINUTES, form="html") -> int:
    """Make what is not current of what is asked for; the exit code, as `crmlab.cli` lists them.

    Parameters
    ----------
    reports
        The folder to publish into.
    watch
        What tells of the run's course: a `crmlab.report.progress.Progress`.
    asked
        `clients`, `notebooks` and `as_of`; what is missing or empty is not restricted.
    minutes
        What one report may take.
    form
        `html`, or `pdf` to print each report too.
    """
    from crmlab.report import pdf
    from crmlab.report.plan import plan
    from crmlab.report.published import published
    from crmlab.report.run import run
    from crmlab.report.workspace import TargetError, scratch

    try:
        with stoppable() as check, scratch() as folder:
            limits = {"workers": jobs, "seconds": 60 * minutes, "check": check}

            def planned():
                watch.doing("Looking for what has changed ...")
                # where what databases give is kept, for the kernels too: all reports of a run read the same rows
                os.environ["CRMLAB_SNAPSHOTS"] = tempfile.mkdtemp(dir=folder)
                standing = published(reports) if reports.is_dir() else {}
                return plan(project, standing, **asked, **limits)

            outcomes = run(project, planned(), reports, folder, watch=watch, plan_again=planned, force=force, **limits)
            watch.doing("Looking for what is to be printed ...")
            wanted = form == "pdf"
            printed = pdf.update(
                outcomes, reports, folder, wanted=wanted, say=watch.say, root=project.root, check=check, workers=jobs
            )
    except TargetError as error:
        watch.say(str(error))
        return 1
    except Stopped as stopped:
        watch.stopped(str(stopped))
        return 128 + stopped.number
    finally:
        os.environ.pop("CRMLAB_SNAPSHOTS", None)
    watch.ended(outcomes, reports / "index.html")
    return 1 if not printed or any(outcome.status == "failed" for outcome in outcomes) else 0
