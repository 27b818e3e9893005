"""The example clients: real ones, and one whose truth is known. `make data` writes them."""

from collections.abc import Callable
from pathlib import Path

from crmlab.contract import InputError, suggestion
from crmlab.datasets.cdnow import cdnow
from crmlab.datasets.dunnhumby import dunnhumby
from crmlab.datasets.files import NotInstalled
from crmlab.datasets.telco import telco
from crmlab.datasets.xinglin import xinglin

__all__ = ["EXAMPLES", "NotInstalled", "client_file", "write"]

EXAMPLES: dict[str, Callable] = {"cdnow": cdnow, "telco": telco, "xinglin": xinglin, "dunnhumby": dunnhumby}


def write(name: str, folder: str | Path) -> None:
    """Write the tables of an example client into a folder.

    Parameters
    ----------
    name
        One of `EXAMPLES`.

    Raises
    ------
    InputError
        If there is no such example; `NotInstalled` if it comes with a package that is not there.
    """
    if name not in EXAMPLES:
        raise InputError(f"there is no example client {name!r}{suggestion(name, EXAMPLES)}")
    EXAMPLES[name](folder)


def client_file(name: str) -> Path | None:
    """The client's file of an example that is a client only where its package is installed; None if it always is."""
    path = Path(__file__).with_name(f"{name}.yaml")
    return path if path.exists() else None
