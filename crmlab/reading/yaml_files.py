"""A client's file as YAML 1.2, so that `NO`, `on` and `12:30` stay text: plain values, no objects, no more than fit."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from crmlab.contract import InputError

_KINDS = {type(None): "an empty file", list: "a list"}
# a client's file is read by people
_MOST_BYTES, _MOST_VALUES = 256 << 10, 100_000


class _Constructor(SafeConstructor):
    """Leaves dates as text: an impossible one is then a fault with a key, like any other."""

    def construct_document(self, node: Any) -> Any:
        if _values(node, {}) > _MOST_VALUES:
            raise ValueError(f"holds more than {_MOST_VALUES:,} values, counting what its aliases (*) stand for")
        return super().construct_document(node)


def _values(node: Any, known: dict[int, int]) -> int:
    """How many values a part of YAML is, an alias counting as all that it stands for."""
    if id(node) not in known:
        known[id(node)] = _MOST_VALUES  # of one that holds itself
        parts = node.value if isinstance(node.value, list) else ()
        known[id(node)] = 1 + sum(
            _values(each, known) for part in parts for each in (part if isinstance(part, tuple) else (part,))
        )
    return known[id(node)]


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


def read_yaml(path: Path, where: str) -> dict:
    """The keys and values of a client's file, all of them plain.

    Raises
    ------
    InputError
        In one line, which begins with `where`.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    try:
        with path.open("rb") as stream:
            text = stream.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise InputError(f"{where}: is larger than {_MOST_BYTES:,} bytes; keep data in files of their own")
        content = yaml.load(text.decode("utf-8-sig"))
    except DuplicateKeyError as error:
        key = str(error.problem).split('"')[1]
        line = error.problem_mark.line + 1
        raise InputError(f"{where}: line {line}: {key} is given twice; keep one of them") from error
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise InputError(f"{where}: line {line}: is not valid YAML: {error.problem}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"{where}: cannot be read: {error.strerror}") from error
    except RecursionError as error:
        raise InputError(f"{where}: is nested too deeply") from error
    except (YAMLError, ValueError) as error:
        raise InputError(f"{where}: {str(error).splitlines()[0]}") from error
    if not isinstance(content, dict):
        got = _KINDS.get(type(content), "a single value")
        raise InputError(f"{where}: must hold keys and values such as `client: Acme`, got {got}")
    return content
