"""Sealed reports: one HTML file that shows nothing without its password, and with it the report as it was, offline.

AES-256-GCM encrypts the page; PBKDF2-HMAC-SHA256 makes the key of the password and a random salt. Argon2 would resist
machines built for guessing better, but WebCrypto, which opens the file in any browser, offers PBKDF2 alone; anything
else would have to travel along as a program in every report. The number of iterations is thus what slows a guess down.

Not hidden: that it is a report of crmlab, its language and its size.
"""

import base64
import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path

from markupsafe import Markup

from crmlab.contract import InputError
from crmlab.messages import speaking
from crmlab.params import find_project
from crmlab.report import audit, templates, workspace

VARIABLE = "CRMLAB_SEAL_PASSWORD"
ENDING = ".sealed.html"
# OWASP asks for 600,000 at least; a guess takes 0.4 s on the machine that this was measured on, and so does opening
ITERATIONS = 1_000_000
# a thousand graphics cards try about ten million passwords a second: twelve random letters last them 150 years
LEAST_CHARACTERS = 12
_MARK = "crmlab sealed report"
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)"')
_HASH = re.compile(r"'(sha256-[A-Za-z0-9+/]{43}=)'")


def seal(page: str, password: str) -> str:
    """A page that opens with the password and holds nothing of the report in the clear.

    The report's scripts stay allowed by their hashes, which its own policy names; it is enforced as well once opened.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    sealed = AESGCM(_key(password, salt)).encrypt(nonce, page.encode(), None)
    policy = _POLICY.search(page)
    script = templates.script("sealed.js")
    with speaking("zh" if re.match(r'\s*<!DOCTYPE html>\s*<html lang="zh', page) else "en"):
        return templates.written(
            "sealed.html.j2",
            {
                "language": templates.html_language(),
                "mark": _MARK,
                "script": script["script"],
                "scripts": [
                    Markup(found) for found in (script["script_hash"], *_HASH.findall(policy[1] if policy else ""))
                ],
                "salt": _text(salt),
                "nonce": _text(nonce),
                "iterations": ITERATIONS,
                "sealed": _text(sealed),
            },
        )


def is_sealed(path: Path) -> bool:
    """Whether a page is one that `seal` made."""
    with path.open("rb") as stream:
        return f'content="{_MARK}"'.encode() in stream.read(2000)


def seal_files(pages: Iterable[Path], password: str, say: Callable[[str], None]) -> list[Path]:
    """Write the sealed page beside each report's page; those among published reports enter the audit log.

    Parameters
    ----------
    say
        Called with a line if a run at work among these reports must be waited for.

    Raises
    ------
    InputError
        If one is no page of a report; then none is written.
    """
    sealed = {path.resolve(): seal(_page(path), password) for path in list(pages)}
    targets = {path.with_name(path.name.removesuffix(".html") + ENDING): page for path, page in sealed.items()}
    for target, page in targets.items():
        new = target.with_name(f".{target.name}")
        new.write_text(page, encoding="utf-8", newline="\n")
        os.replace(new, target)
    for reports in {folder for target in targets if (folder := audit.folder_of(target))}:
        own = [target for target in targets if target.is_relative_to(reports)]
        with workspace.only_run(reports, {target.relative_to(reports).parts[0] for target in own}, say):
            audit.Log(reports, find_project(start=reports).root).note("sealed", own)
    return list(targets)


def _page(path: Path) -> str:
    try:
        page = path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'is no text'}") from error
    if path.suffix != ".html" or not page.lstrip().startswith("<!DOCTYPE html>"):
        raise InputError(f"{path}: is no page of a report; name its .html file")
    if is_sealed(path):
        raise InputError(f"{path}: is sealed already")
    return page


def given_password(file: Path | None, ask: Callable[[], str] | None) -> str:
    """The password: the one line of a file if one is named, else the environment's, else what is typed.

    Parameters
    ----------
    ask
        Asks for it; None where nobody is there.

    Raises
    ------
    InputError
        If there is none, or it is too short. No message holds it.
    """
    if file:
        try:
            password, source = file.read_text(encoding="utf-8-sig").rstrip("\r\n"), str(file)
        except (UnicodeDecodeError, OSError) as error:
            raise InputError(f"{file}: no password can be read from it") from error
    elif password := os.environ.get(VARIABLE, ""):
        source = VARIABLE
    elif ask:
        password, source = ask(), "the password"
    else:
        raise InputError(f"no password to seal reports with: set {VARIABLE}")
    if len(password) < LEAST_CHARACTERS:
        raise InputError(
            f"{source}: must have {LEAST_CHARACTERS} characters at least, since whoever has the file can try any"
        )
    return password


def run_password(where: str) -> str:
    """The environment's, for a run; `where` names the client that needs it.

    Raises
    ------
    InputError
        If there is none, or it is too short.
    """
    try:
        return given_password(None, None)
    except InputError as error:
        raise InputError(f"{where}: protect: {error}") from error


def _key(password: str, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

    # as the browser does: a letter and its accent are typed in one piece on some machines and in two on others
    typed = unicodedata.normalize("NFC", password).encode("utf-8", "surrogateescape")
    return PBKDF2HMAC(SHA256(), 32, salt, ITERATIONS).derive(typed)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
