"""The key that signs the audit log: Ed25519, made on first use, outside the folder of reports.

Whoever can write reports but cannot read this key can change nothing in the log without it showing.
"""

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from crmlab.keys import secret_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

VARIABLE, FILE = "CRMLAB_SIGNING_KEY", ".signing_key"


def signing_key(root: Path) -> "Ed25519PrivateKey":
    """The private key of a project: `CRMLAB_SIGNING_KEY`, or `data/.signing_key`; see `crmlab.keys`."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    raw = secret_key(root, FILE, variable=VARIABLE, use="signs the audit log")
    return Ed25519PrivateKey.from_private_bytes(raw)


def known_key(root: Path) -> "Ed25519PrivateKey | None":
    """The private key of a project if it has one."""
    return signing_key(root) if os.environ.get(VARIABLE) or (root / "data" / FILE).exists() else None


def public(key: "Ed25519PrivateKey") -> str:
    """The public half, as hexadecimal digits."""
    return key.public_key().public_bytes_raw().hex()


def is_signature(signature: object, content: str, public_key: str) -> bool:
    """Whether a signature is that of a text, by this key and no other."""
    from cryptography.exceptions import InvalidSignature

    try:
        raw = bytes.fromhex(signature) if isinstance(signature, str) else b""
        # AB and ab are the same bytes; only one of them is what was written
        if raw.hex() != signature:
            return False
        _public(public_key).verify(raw, content.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


@cache
def _public(key: str):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
