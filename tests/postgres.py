"""A PostgreSQL of the tests' own, in a temporary folder, where its programs are installed."""

import getpass
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PASSWORD = "s3cr€t/w@rd:x"


def programs() -> Path | None:
    """The folder of initdb and pg_ctl: on the path, or where Debian puts them."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda path: int(path.parent.name))


def _user() -> list[str]:
    """PostgreSQL does not start as root; what to run it as another user with."""
    return ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []


def missing() -> str:
    """Why there can be no PostgreSQL here; empty if there can."""
    if not hasattr(os, "getuid") or programs() is None:
        return "PostgreSQL is not installed: apt install postgresql"
    if os.getuid() == 0 and (
        not shutil.which("runuser") or subprocess.run(["id", "postgres"], capture_output=True).returncode
    ):
        return "PostgreSQL does not run as root, and there is no user postgres"
    return ""


@contextmanager
def cluster() -> Iterator[str]:
    """The URL of a database, reached over a socket in its own folder, with a password."""
    from urllib.parse import quote

    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, "postgres")
        secret = folder / "password"
        secret.write_text(PASSWORD + "\n", encoding="utf-8")
        if os.getuid() == 0:
            shutil.chown(secret, "postgres")
        user = "postgres" if os.getuid() == 0 else getpass.getuser()
        data = folder / "data"
        init = ["initdb", "-D", str(data), "-A", "scram-sha-256", "-U", user, "--pwfile", str(secret), "-E", "UTF8"]
        _run(init + ["--no-locale", "--no-sync"], folder)
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        _run(["pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start"], folder)
        try:
            yield f"postgresql://{user}:{quote(PASSWORD, safe='')}@/postgres?host={folder}"
        finally:
            _run(["pg_ctl", "-D", str(data), "-m", "immediate", "stop"], folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[str], folder: Path) -> None:
    command = [*_user(), str(programs() / command[0]), *command[1:]]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
