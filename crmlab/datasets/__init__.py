"""The example clients: two real, one whose truth is known. `make data` writes them."""

from collections.abc import Callable
from pathlib import Path

from crmlab.contract import InputError, suggestion
from crmlab.datasets.cdnow import cdnow
from crmlab.datasets.telco import NotInstalled, telco
from crmlab.datasets.xinglin import xinglin

__all__ = ["EXAMPLES", "NotInstalled", "write"]

EXAMPLES: dict[str, Callable] = {"cdnow": cdnow, "telco": telco, "xinglin": xinglin}


def write(name: str, folder: str | Path) -> None:
    """Write the tables of an example client into a folder."""
    if name not in EXAMPLES:
        raise InputError(f"there is no example client {name!r}{suggestion(name, EXAMPLES)}")
    EXAMPLES[name](folder)
