"""Commands on clients: their data, their parameters, the examples."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from crmlab.cli.program import as_of_option, input_errors, main, params_option
from crmlab.contract import InputError

if TYPE_CHECKING:
    from crmlab.quality import Quality


@main.command()
@click.argument("clients", nargs=-1, metavar="[CLIENT]...")
@as_of_option
@params_option
@input_errors
def check(clients, as_of, params):
    """Read the tables of CLIENTs, or of all, against the contract, without running a notebook."""
    from crmlab.client import open_client
    from crmlab.gate import check as check_client
    from crmlab.onboarding.doubts import doubts
    from crmlab.params import find_project

    project = find_project(params)
    faults = []
    for client_id in clients or project.clients():
        try:
            client = open_client(client_id, as_of, project=project)
            qualities = check_client(client)
        except InputError as error:
            faults.append(error.detail)
            continue
        click.echo(f"{client.id}: {client.name}, as of {client.as_of}")
        show_read(qualities, doubts(client))
    if faults:
        raise InputError("\n".join(faults))


def show_read(qualities: "Iterable[Quality]", odd: Iterable[str]) -> None:
    """What was read of each table, the first rows left out, and what should be looked at."""
    for quality in qualities:
        filtered = f"{quality.filtered:>8,} left out by keep" if quality.filtered else ""
        click.echo(f"  {quality.table:18}{quality.rows:>12,} rows{quality.rejected:>8,} rejected{filtered}")
        for column, files in quality.lacking.items():
            click.echo(f"    {column}: missing from {files} of {len(quality.files)} files")
        for example in quality.examples:
            click.echo(f"    {example}")
    for line in odd:
        click.echo(f"  CHECK {line}")


@main.command("params")
@click.argument("client")
@click.argument("notebook")
@as_of_option
@params_option
@input_errors
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
@input_errors
def data(names, force):
    """Write the example clients' tables into data/, those that are not there yet."""
    import shutil

    from crmlab import datasets
    from crmlab.contract import suggestion
    from crmlab.params import find_project

    project = find_project()
    root = project.root
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
                # one whose client's file comes with it is no client until it is asked for by name
                if not datasets.client_file(name):
                    click.echo(f"left out {folder.relative_to(root)}: {error}", err=True)
                continue
            click.echo(f"wrote {folder.relative_to(root)}")
            given, own = datasets.client_file(name), project.params / f"{name}.yaml"
            if given and not own.exists():
                shutil.copyfile(given, own)
                click.echo(f"wrote {project.params.name}/{own.name}")
