"""The example clients: one real, one whose truth is known. `make data` writes them."""

from collections.abc import Callable
from pathlib import Path

from crmlab.contract import InputError, suggestion
from crmlab.datasets.cdnow import cdnow
from crmlab.datasets.xinglin import xinglin

EXAMPLES: dict[str, Callable] = {"cdnow": cdnow, "xinglin": xinglin}


def write(name: str, folder: str | Path) -> None:
    """Write the tables of an example client into a folder."""
    if name not in EXAMPLES:
        raise InputError(f"there is no example client {name!r}{suggestion(name, EXAMPLES)}")
    EXAMPLES[name](folder)
