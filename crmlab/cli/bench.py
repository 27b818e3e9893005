"""Commands for who works on notebooks: JupyterLab, and a new analysis."""

import click

from crmlab.cli.program import input_errors, main


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[JUPYTER'S OPTIONS]...")
@input_errors
def lab(options):
    """Open the notebooks in JupyterLab, which stores them without results."""
    from crmlab.lab.server import open_lab
    from crmlab.params import find_project

    open_lab(find_project().notebooks, options)


@main.command()
@click.argument("name")
@input_errors
def notebook(name):
    """Start a new analysis: notebooks/NAME.ipynb, which the next `crmlab report` makes for every client."""
    from crmlab.lab.new_notebook import new_notebook
    from crmlab.params import find_project

    project = find_project()
    click.echo(f"wrote {new_notebook(project.notebooks, name).relative_to(project.root)}")
