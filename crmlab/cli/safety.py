"""Commands that keep customers and reports safe: seal, verify, erase."""

import sys
from pathlib import Path

import click

from crmlab.cli.program import input_errors, main, params_option, project_and_reports, reports_option
from crmlab.cli.reports import make
from crmlab.contract import InputError


@main.command()
@click.argument("pages", nargs=-1, required=True, metavar="REPORT...", type=click.Path(path_type=Path))
@click.option("--password-file", type=click.Path(path_type=Path), help="File whose only line is the password.")
@input_errors
def seal(pages, password_file):
    """Write REPORT.sealed.html beside each REPORT.html: one file that opens with a password alone, offline.

    The password is that of --password-file, of CRMLAB_SEAL_PASSWORD, or asked for; it is never an argument, which other
    users of the machine could read.
    """
    from crmlab.report.progress import shown
    from crmlab.report.seal import given_password, seal_files

    password = given_password(password_file, _typed if sys.stdin.isatty() else None)
    for page in seal_files(pages, password, lambda line: click.echo(line, err=True)):
        click.echo(f"sealed {shown(page)}")


def _typed() -> str:
    return click.prompt("Password", hide_input=True, confirmation_prompt="Again", err=True)


@main.command()
@click.argument("clients", nargs=-1, metavar="[CLIENT]...")
@params_option
@reports_option
@input_errors
def verify(clients, params, reports):
    """Prove that the reports of CLIENTs, or all, stand as they were published, and that the audit log is unbroken."""
    from crmlab.report.verification import verify as verified

    project, reports = project_and_reports(params, reports)
    if not reports.is_dir():
        raise InputError(f"{reports}: is no folder of reports")
    verdict = verified(reports, project.root, clients)
    for fault in verdict.faults:
        click.echo(fault, err=True)
    state = f"{len(verdict.faults)} faults" if verdict.faults else "all as they were published"
    click.echo(f"{verdict.files} files, {verdict.entries} entries of the audit log: {state}")
    click.echo(f"last entry {verdict.last}\nkey        {verdict.key}")
    sys.exit(1 if verdict.faults else 0)


@main.command()
@click.argument("client")
@click.argument("customer")
@params_option
@reports_option
@input_errors
def erase(client, customer, params, reports):
    """Take CUSTOMER out of CLIENT's data files and of all reports, make these again, and write a receipt."""
    from crmlab.erase import erase as erased
    from crmlab.report.progress import Progress

    project, reports = project_and_reports(params, reports)
    watch = Progress(None)
    receipt, path = erased(project, reports, client, customer, watch.say)
    for file, rows in receipt.rows.items():
        click.echo(f"{file}: {rows:,} rows")
    faults = 0
    # the last again without a date: it may be an earlier one now
    for as_of in (*receipt.dates, None) if receipt.dates else ():
        try:
            code = make(project, reports, watch, {"clients": (client,), "as_of": as_of})
        except InputError as error:
            click.echo(str(error), err=True)
            code = 1
        if code > 128:
            sys.exit(code)
        faults += code
    for task in receipt.by_hand:
        click.echo(f"by hand: {task}", err=True)
    click.echo(f"receipt: {path}")
    sys.exit(1 if faults or receipt.by_hand else 0)
