"""Rules that name what is done: those of the code, and those that a client writes in YAML."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from crmlab.diagnosis.indicators import nearest
from crmlab.expressions import Expression, parse
from crmlab.messages import N_

_FIELDS = ("name", "when", "action", "owner")
_NEEDED = ("name", "when", "action")
_NOBODY = N_("Management")


@dataclass(frozen=True)
class Rule:
    """What is done when a condition holds.

    Attributes
    ----------
    name
        In machine files; of a client's own rule as it was written.
    when
        A condition, as `crmlab.expressions` reads it.
    action, owner, title
        What is done, by whom, and what that is called: in English and translated where it is shown, or as the client
        wrote it.
    """

    name: str
    when: str
    action: str
    owner: str
    title: str

    def condition(self, known: Iterable[str] | Mapping[str, str]) -> Expression:
        """When it applies; a `ValueError` where that cannot be read, or reads what is not among `known`."""
        return parse(self.when, known)


def rules(own: Sequence[Mapping[str, str]], known: Iterable[str] | Mapping[str, str], *, what: str) -> tuple[Rule, ...]:
    """A client's own rules, checked.

    Parameters
    ----------
    own
        Each with `name`, `when`, `action` and perhaps `owner`.
    known
        What `when` may read.
    what
        What the entries are, in the singular: `strategy`.

    Raises
    ------
    ValueError
        If an entry is not complete, or cannot be read, with the nearest known name.
    """
    found: list[Rule] = []
    for place, entry in enumerate(own, start=1):
        where = f"{what} {place}"
        if not isinstance(entry, Mapping):
            raise ValueError(f"{where} must have {', '.join(_FIELDS)}, got {entry!r}")
        for field in entry:
            if field not in _FIELDS:
                raise ValueError(f"{where}: {field} is no part of it{nearest(field, _FIELDS)}")
        for field in _NEEDED:
            if not isinstance(entry.get(field), str) or not entry[field].strip():
                raise ValueError(f"{where}: {field} must be a text, got {entry.get(field)!r}")
        if entry["name"] in [rule.name for rule in found]:
            raise ValueError(f"{where}: the name {entry['name']} is given twice")
        rule = Rule(entry["name"], entry["when"], entry["action"], str(entry.get("owner") or _NOBODY), entry["name"])
        try:
            rule.condition(known)
        except ValueError as error:
            raise ValueError(f"{where} ({rule.name}): {error}") from None
        found.append(rule)
    return tuple(found)
