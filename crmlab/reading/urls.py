"""URLs of databases: where one is stands in the environment, and what is secret of it is shown nowhere."""

import os
import re
from urllib.parse import unquote, urlsplit

from crmlab.contract import InputError
from crmlab.reading.stores import is_in_store

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_URL = re.compile(r"[A-Za-z][\w.+-]*://")
_SECRET_KEYS = "password|passwd|pwd|secret|token|passphrase|private_key|access_key|sslpassword"
_SECRETS = (
    # the last @ ends it: who writes an @ into a password does not always encode it
    (re.compile(r"(://[^/\s'\"@:]*:)[^\s'\"]+(?=@)"), r"\1***"),
    (re.compile(rf"((?:{_SECRET_KEYS})\s*=\s*)[^&\s'\"]+", re.IGNORECASE), r"\1***"),
)


def is_database(source: str) -> bool:
    """Whether a source is the URL of a database, or the variable that holds one."""
    return bool(_URL.match(source) or _VARIABLE.search(source)) and not is_in_store(source)


def without_secrets(text: str) -> str:
    """A text in which no URL shows its password."""
    for pattern, by in _SECRETS:
        text = pattern.sub(by, text)
    return text


def has_secret(source: str) -> bool:
    """Whether a password stands in a source itself, instead of in the environment."""
    stated = _VARIABLE.sub("", source)
    return bool(_URL.match(source)) and without_secrets(stated) != stated


def shown(source: str) -> str:
    """A database as reports call it: the variable that holds its URL, else the URL without what is secret."""
    return without_secrets(source)


def url(source: str, where: str) -> str:
    """A source with its variables, such as `${CRM_DB_URL}`, filled from the environment: a secret, shown nowhere.

    Raises
    ------
    InputError
        If a variable is not set, or is empty.
    """

    def value(found: re.Match) -> str:
        if not (held := os.environ.get(found[1])):
            raise InputError(f"{where}.source: the variable {found[1]} is not set in the environment")
        return held

    return _VARIABLE.sub(value, source).strip()


def cleared(text: str, address: str) -> str:
    """A text without anything of a URL that only those who may log in know."""
    for secret in _secrets(address):
        text = text.replace(secret, "***")
    return without_secrets(text)


def _secrets(url: str) -> list[str]:
    """The parts of a URL that no message may hold, the longest first."""
    parts = {url}
    try:
        password = urlsplit(url).password or ""
    except ValueError:
        password = ""
    # what stands between the first colon and the last @, in case it is not encoded as it should be
    rough = url.split("://", 1)[-1].rpartition("@")[0].partition(":")[2]
    parts |= {password, unquote(password), rough, unquote(rough)}
    for found in re.finditer(rf"(?:{_SECRET_KEYS})=([^&\s]+)", url, re.IGNORECASE):
        parts |= {found[1], unquote(found[1])}
    return sorted(filter(None, parts), key=len, reverse=True)
