"""The `crmlab` command.

Exit codes: 0 all built, reused or skipped with a reason; 1 some report failed, or was not printed though it was to be;
2 the input is wrong and nothing ran; 128 and the signal's number if one ended the run.
"""

import atexit
import functools
import os
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import click

from crmlab import __version__
from crmlab.contract import InputError


def _input_errors(command):
    """Shows what is wrong with the input as it is, without a traceback, and exits with 2."""

    @functools.wraps(command)
    def wrapped(*args, **kwargs):
        try:
            return command(*args, **kwargs)
        except InputError as error:
            click.echo(str(error), err=True)
            sys.exit(2)
        except OSError as error:
            click.echo(f"{error.filename or command.__name__}: {error.strerror or error}", err=True)
            sys.exit(1)

    return wrapped


class Stopped(BaseException):
    """The run was told to end."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextmanager
def _stoppable():
    """Note a signal that ends a run, and give what raises it at a place of the run's own choosing.

    A second one ends the run outright. Signals that are ignored, as under nohup, stay so.
    """
    noted, before = [], {}

    def note(number, _):
        noted.append(number)
        for each in before:
            signal.signal(each, signal.SIG_DFL)

    def check():
        if noted:
            raise Stopped(noted[0])

    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
        before = {number: signal.getsignal(number) for number in numbers if signal.getsignal(number) != signal.SIG_IGN}
        for number in before:
            signal.signal(number, note)
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_params = click.option("--params", type=click.Path(path_type=Path), help="Folder of clients' files.  [default: params]")
_as_of = click.option("--as-of", metavar="DATE", help="Look back from this date (YYYY-MM-DD) or `latest`.")


class Program(click.Group):
    """The command, which ends its process at once where it is called as a program.

    Taking the interpreter apart, object by object, takes longer than starting it did. All that ends with a process
    (files, multiprocessing's processes, temporary folders) is ended before.
    """

    def __call__(self):
        try:
            self.main()
        except SystemExit as ended:
            others = [each for each in threading.enumerate() if each is not threading.main_thread()]
            if not isinstance(ended.code, int) or not all(each.daemon for each in others):
                raise
            atexit._run_exitfuncs()
            for stream in (sys.stdout, sys.stderr):
                if stream:  # there is none where it was closed
                    stream.flush()
            os._exit(ended.code)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="crmlab")
def main():
    """Judge customer relationship management: from a client's raw tables to reports."""


@main.command()
@click.argument("clients", nargs=-1, metavar="[CLIENT]...")
@click.option("--notebook", "notebooks", multiple=True, metavar="NAME", help="Only this analysis; may be repeated.")
@_as_of
@_params
@click.option("--reports", type=click.Path(path_type=Path), help="Folder to publish into.  [default: reports]")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    help="Reports made at a time; fewer where memory is short.  [default: the cores]",
)
@click.option("--force", is_flag=True, help="Make reports again that are current.")
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, max=100_000, min_open=True),
    default=60.0,
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
@_input_errors
def report(clients, notebooks, as_of, params, reports, jobs, force, time_limit, form, log, quiet):
    """Build the reports of CLIENTs, or of all of them, that are not current."""
    from crmlab.params import find_project
    from crmlab.report import pdf
    from crmlab.report.plan import plan
    from crmlab.report.progress import Progress
    from crmlab.report.published import published
    from crmlab.report.run import run
    from crmlab.report.workspace import TargetError, scratch

    project = find_project(params)
    reports = (reports or project.root / "reports").resolve()
    watch = Progress(log, quiet=quiet)
    try:
        with _stoppable() as check, scratch() as folder:
            limits = {"workers": jobs, "seconds": 60 * time_limit, "check": check}

            def planned():
                watch.doing("Looking for what has changed ...")
                standing = published(reports) if reports.is_dir() else {}
                return plan(project, standing, clients=clients, notebooks=notebooks, as_of=as_of, **limits)

            outcomes = run(project, planned(), reports, folder, watch=watch, plan_again=planned, force=force, **limits)
            watch.doing("Looking for what is to be printed ...")
            wanted = form == "pdf"
            printed = pdf.update(outcomes, reports, folder, wanted=wanted, say=watch.say, check=check, workers=jobs)
    except TargetError as error:
        watch.say(str(error))
        sys.exit(1)
    except Stopped as stopped:
        watch.stopped(str(stopped))
        sys.exit(128 + stopped.number)
    watch.ended(outcomes, reports / "index.html")
    sys.exit(1 if not printed or any(outcome.status == "failed" for outcome in outcomes) else 0)


@main.command()
@click.argument("clients", nargs=-1, metavar="[CLIENT]...")
@_as_of
@_params
@_input_errors
def check(clients, as_of, params):
    """Read the tables of CLIENTs, or of all, against the contract, without running a notebook."""
    from crmlab.client import check as check_client
    from crmlab.client import open_client
    from crmlab.params import find_project

    project = find_project(params)
    faults = []
    for client_id in clients or project.clients():
        try:
            client = open_client(client_id, as_of, project=project)
            qualities = check_client(client)
        except InputError as error:
            faults.append(str(error))
            continue
        click.echo(f"{client.id}: {client.name}, as of {client.as_of}")
        for quality in qualities:
            click.echo(f"  {quality.table:18}{quality.rows:>12,} rows{quality.rejected:>8,} rejected")
            for example in quality.examples:
                click.echo(f"    {example}")
    if faults:
        raise InputError("\n".join(faults))


@main.command("params")
@click.argument("client")
@click.argument("notebook")
@_as_of
@_params
@_input_errors
def show_params(client, notebook, as_of, params):
    """Print what a run injects into NOTEBOOK for CLIENT, as flat YAML for `papermill -f`."""
    from ruamel.yaml import YAML

    from crmlab.contract import suggestion
    from crmlab.notebook import read_notebooks
    from crmlab.params import find_project, load_params

    project = find_project(params)
    notebooks = read_notebooks(project.notebooks)
    if notebook not in notebooks:
        raise InputError(f"no such notebook: {notebook}{suggestion(notebook, notebooks)}")
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.dump(load_params(project, client, as_of=as_of).injected(notebooks[notebook]), sys.stdout)


@main.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--force", is_flag=True, help="Write them again even if they are there.")
@_input_errors
def data(names, force):
    """Write the example clients' tables into data/, those that are not there yet."""
    from crmlab import datasets
    from crmlab.contract import suggestion
    from crmlab.params import find_project

    root = find_project().root
    for name in names or datasets.EXAMPLES:
        if name not in datasets.EXAMPLES:
            raise InputError(f"no such example: {name}{suggestion(name, datasets.EXAMPLES)}")
        folder = root / "data" / name
        if force or not folder.is_dir():
            try:
                datasets.write(name, folder)
            except datasets.NotInstalled as error:
                if names:
                    raise
                click.echo(f"left out {folder.relative_to(root)}: {error}", err=True)
                continue
            click.echo(f"wrote {folder.relative_to(root)}")


if __name__ == "__main__":
    main()
