"""Files that are either whole or not there, and packages that an example comes with."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from crmlab.contract import InputError


class NotInstalled(InputError):
    """An example comes with a package that is not there."""


def package(module: str, name: str, *, example: str) -> Path:
    """The folder of a package, found without importing it: its files are read by path.

    Parameters
    ----------
    module, name
        What it is called where it is imported, and where it is installed from.
    example
        What comes with it, for the message.

    Raises
    ------
    NotInstalled
        If it is not there.
    """
    spec = find_spec(module)
    if spec is None:
        raise NotInstalled(f"the example {example} comes with the package {name}, which is not installed")
    return Path(spec.origin).parent


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path to write to, which takes the place of `path` once the block has ended without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
