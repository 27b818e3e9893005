"""The program that the commands belong to, and what they share: errors, signals, options."""

import atexit
import functools
import os
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crmlab import __version__
from crmlab.contract import InputError

if TYPE_CHECKING:
    from crmlab.params import Project


def input_errors(command):
    """Shows what is wrong with the input as it is, without a traceback, and exits with 2."""

    @functools.wraps(command)
    def wrapped(*args, **kwargs):
        try:
            return command(*args, **kwargs)
        except InputError as error:
            click.echo(error.detail, err=True)
            sys.exit(2)
        except OSError as error:
            click.echo(f"{error.filename or command.__name__}: {error.strerror or error}", err=True)
            sys.exit(1)

    return wrapped


class Stopped(BaseException):
    """The run was told to end, by the signal of this number."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextmanager
def stoppable():
    """Note a signal that ends a run, and give what raises `Stopped` at a place of the run's own choosing.

    A second one ends the run outright. Signals that are ignored, as under nohup, stay so.

    Raises
    ------
    Stopped
        Where the run calls what it was given, after a signal.
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


params_option = click.option(
    "--params", type=click.Path(path_type=Path), help="Folder of clients' files.  [default: params]"
)
reports_option = click.option(
    "--reports", type=click.Path(path_type=Path), help="Folder of published reports.  [default: reports]"
)
as_of_option = click.option("--as-of", metavar="DATE", help="Look back from this date (YYYY-MM-DD) or `latest`.")


def project_and_reports(params: Path | None, reports: Path | None) -> "tuple[Project, Path]":
    """The project, and the folder of its published reports: the one that was named, else `reports` in its root."""
    from crmlab.params import find_project

    project = find_project(params)
    return project, (reports or project.root / "reports").resolve()


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
