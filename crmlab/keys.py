"""Secret keys of a project: from the environment, or from a file of its own that only its owner can read.

A file lies below `data/`, which git ignores, beside the tables that it protects the reports on: whoever can read it can
read the customers' ids and names themselves. There every analyst and the scheduler find the same key, and it is kept,
copied and deleted with the data; a file in somebody's home folder would give each of them codes of their own.
"""

import os
import secrets
import tempfile
from pathlib import Path

from crmlab.contract import InputError

BYTES = 32


def secret_key(root: Path, name: str, *, variable: str, use: str) -> bytes:
    """The key of a project: 64 hexadecimal digits in the environment's `variable`, or else in `data/<name>`.

    The file is made with mode 600 where there is none.

    Parameters
    ----------
    use
        What the key is for, in an error: "makes customers' codes".

    Raises
    ------
    InputError
        If what is there is no key, or none can be made.
    """
    if given := os.environ.get(variable):
        return _key(given, variable, use)
    path, where = root / "data" / name, f"data/{name}"
    try:
        if not path.exists():
            _make(path)
        return _key(path.read_text(encoding="ascii", errors="replace"), where, use)
    except OSError as error:
        raise InputError(f"{where}: cannot hold the key that {use}: {error.strerror}; set {variable} instead") from None


def _key(text: str, where: str, use: str) -> bytes:
    try:
        found = bytes.fromhex(text.strip())
    except ValueError:
        found = b""
    if len(found) != BYTES:
        # without the text, which may be a key with a slip of the pen in it
        raise InputError(f"{where}: must hold {2 * BYTES} hexadecimal digits, the key that {use}")
    return found


def _make(path: Path) -> None:
    """Write a new key, whole or not at all; one that another process has made meanwhile stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".") as stream:  # mode 600
        stream.write(secrets.token_hex(BYTES) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
        try:
            os.link(stream.name, path)
        except FileExistsError:
            return
