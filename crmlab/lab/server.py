"""JupyterLab on the notebooks: its options, and what of a notebook is stored.

A notebook is stored without results and without what Jupyter notes of the machine, in the very form in which Jupyter
writes it: an edit of one cell shows in git as that cell alone.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from crmlab.contract import InputError

SETTINGS = Path(__file__).parent / "settings"
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# of a cell's metadata, what is part of the notebook
_KEPT = ("tags",)


def options(notebooks: Path) -> list[str]:
    """The command line on which JupyterLab opens a folder of notebooks, with its start page shown."""
    return [
        str(notebooks),
        "--ContentsManager.pre_save_hook=crmlab.lab.server.strip",
        "--LabApp.default_url=/lab/tree/README.md",
        f"--LabApp.app_settings_dir={SETTINGS}",
        "--LabApp.extension_manager=readonly",  # the other one asks the internet
    ]


def open_lab(notebooks: Path, further: Sequence[str] = ()) -> None:
    """Serve JupyterLab until it is ended; its kernels run on this Python.

    Parameters
    ----------
    notebooks
        The folder that it shows.
    further
        More of Jupyter's own options, such as `--no-browser`.

    Raises
    ------
    InputError
        If it is root who asks, as in a container, and does not say that this is meant.
    """
    if getattr(os, "geteuid", lambda: 1)() == 0 and "--allow-root" not in further:
        raise InputError(
            'Jupyter does not run as root; if that is meant, as in a container: make lab ARGS="--allow-root"'
        )
    from jupyterlab.labapp import LabApp

    LabApp.launch_instance(argv=[*options(notebooks), *further])


def strip(model: dict, path: str = "", **_: object) -> None:
    """Take results and traces of the machine out of a notebook before Jupyter stores it: its `pre_save_hook`.

    Parameters
    ----------
    model
        Of Jupyter's contents service; changed in place. Files that are no notebook stay as they are.
    path
        Where it is stored.
    """
    if model.get("type") != "notebook" or model["content"].get("nbformat") != 4:
        return
    notebook = model["content"]
    metadata = notebook["metadata"]
    notebook["metadata"] = KERNEL | ({"crmlab": metadata["crmlab"]} if "crmlab" in metadata else {})
    for cell in notebook["cells"]:
        cell["metadata"] = {name: cell["metadata"][name] for name in _KEPT if cell["metadata"].get(name)}
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
