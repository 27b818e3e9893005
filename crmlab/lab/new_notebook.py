"""A new analysis with the anatomy of a report in place: a notebook in the folder is all that a run needs."""

import json
from pathlib import Path

from crmlab.contract import InputError
from crmlab.notebook import check_name

TEMPLATE = Path(__file__).parent / "template.ipynb"
_TITLE = "TITLE"


def new_notebook(notebooks: Path, name: str) -> Path:
    """Write `NAME.ipynb`, which runs as it is and asks to be filled; its file.

    Parameters
    ----------
    notebooks
        The project's folder of notebooks.
    name
        Of letters, digits, _ and -: the name of the file, of the analysis and of its section in a client's file.

    Raises
    ------
    InputError
        If the name is none, or there is such a notebook.
    """
    path = notebooks / f"{check_name(name, f'{notebooks.name}/{name}.ipynb')}.ipynb"
    title = json.dumps(name.replace("_", " ").capitalize(), ensure_ascii=False)[1:-1]
    try:
        with path.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(TEMPLATE.read_text(encoding="utf-8").replace(_TITLE, title))
    except FileExistsError as error:
        raise InputError(f"{notebooks.name}/{path.name}: is there already; choose another name") from error
    return path
