"""Commands that begin something: a client from its files, the reference pages of the documentation."""

import sys
from pathlib import Path

import click

from crmlab.cli.clients import show_read
from crmlab.cli.program import input_errors, main, params_option
from crmlab.contract import InputError


@main.command()
@click.argument("client")
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@click.option("--currency", metavar="CODE", help="Of all amounts, such as EUR.  [default: what the headers name]")
@click.option("--customer", metavar="COLUMN", help="What the files call the customer's id.  [default: guessed]")
@params_option
@input_errors
def new(client, files, currency, customer, params):
    """Begin CLIENT from its FILEs or folders of them: guess what they are, write params/CLIENT.yaml, and check it."""
    from crmlab.client import open_client
    from crmlab.gate import check
    from crmlab.onboarding.doubts import doubts
    from crmlab.onboarding.start import start, told
    from crmlab.params import find_project

    project = find_project(params)
    if not files and sys.stdin.isatty():
        files = [Path(name) for name in click.prompt("Files or folders, with blanks between").split()]
    made = start(project, client, files, currency=currency and currency.upper(), customer=customer)
    path = project.params / f"{client}.yaml"
    path.write_text(made.text, encoding="utf-8")
    for line in told(made, project):
        click.echo(line)
    click.echo(f"\nwrote {project.params.name}/{path.name}, and read with it:")
    try:
        began = open_client(client, project=project)
        show_read(check(began), doubts(began))
    except InputError as error:
        raise InputError(f"it cannot be used yet:\n{error}\nmend the file, then: make check CLIENT={client}") from error
    lines = f"{made.to_check} lines of {project.params.name}/{path.name} say CHECK; look at them, then run"
    click.echo(f"\n{lines if made.to_check else 'Next'}: make report CLIENT={client}")


@main.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@input_errors
def docs(folder):
    """Write the data dictionary and the glossary, in each language, into FOLDER.  [default: docs]"""
    from crmlab.params import find_project
    from crmlab.reference import pages

    project = find_project()
    folder = folder or project.root / "docs"
    folder.mkdir(exist_ok=True)
    for name, text in pages(project).items():
        (folder / name).write_text(text, encoding="utf-8")
        click.echo(f"wrote {folder.name}/{name}")
