"""Notes on what needs attention: a report that failed or was skipped, data that are older than they may be."""

from collections.abc import Iterable, Mapping

from crmlab import language
from crmlab.messages import N_, _, listed, ngettext
from crmlab.prose import capitalised
from crmlab.report.ledger import STATES, report, title
from crmlab.report.published import Published

_TITLES = {"failed": N_("{whose}: {report} failed."), "skipped": N_("{whose}: {report} skipped.")}
# names told one by one
_NAMED = 5


def trouble(client: Published, entry: dict, whose: str) -> dict:
    """The note on a report that failed or was skipped."""
    kind = entry["status"]
    return report(client, entry) | {
        "kind": kind,
        "mark": STATES[kind][0],
        "report": title(entry),
        "title": _(_TITLES[kind]).format(whose=whose, report=title(entry)),
        "lines": _lines(entry.get("reason")),
        "client": client.id,
    }


def not_started(client: Published) -> dict:
    """The note on a client of which the last run could make no report."""
    return {
        "kind": "failed",
        "mark": "bad",
        "title": _("{client}: no report could be started.").format(client=client.name),
        "lines": _lines(client.failure.get("reason")),
        "client": client.id,
    }


def _lines(reason: str | None) -> list[str]:
    """What a record gives as reason, each line as a sentence."""
    found = [line.strip() for line in (reason or "").splitlines() if line.strip()]
    return [_sentence(line) for line in found] or [_("No reason was given.")]


def _sentence(text: str) -> str:
    stop = "" if text.endswith((".", "!", "?", "。", "！", "？")) else "。" if "\u4e00" <= text[-1] <= "\u9fff" else "."
    # a file or a name stands as it is written
    return f"{capitalised(text) if text.split()[0].isalpha() else text}{stop}"


def together(clients: Iterable[Mapping]) -> list[dict]:
    """Notes: each failure by itself, the stale, then what was skipped, of many clients for one reason together."""
    troubles = [(client["name"], found) for client in clients for found in client["troubles"]]
    failed = [found for _name, found in troubles if found["kind"] == "failed"]
    skipped: dict[tuple, list] = {}
    for name, found in troubles:
        if found["kind"] == "skipped":
            skipped.setdefault((found["report"], *found["lines"]), []).append((name, found))
    stale = [_old(client) for client in clients if client["status"] == "stale"]
    return failed + stale + [_of_all(found) for found in skipped.values()]


def _of_all(found: list[tuple[str, dict]]) -> dict:
    """One note on a report that several clients lack for one reason."""
    (_name, first), names = found[0], [name for name, _note in found]
    if len(found) == 1:
        return first
    title = _("{report}: skipped for {n} clients.").format(report=first["report"], n=language.number(len(found)))
    return first | {"title": title, "lines": [*first["lines"], _("Clients: {names}.").format(names=named(names))]}


def _old(client: Mapping) -> dict:
    """The note on a client whose data are older than its schedule allows."""
    text = _("The latest data are of {day}, {age} ago; the limit is {limit}.")
    limit = ngettext("{n} day", "{n} days", client["limit"]).format(n=language.number(client["limit"]))
    return {
        "kind": "stale",
        "mark": "clock",
        "title": _("{client}: stale.").format(client=client["name"]),
        "lines": [text.format(day=client["as_of"], age=client["age"], limit=limit)],
    }


def named(names: list[str]) -> str:
    """The first of many: the ledger names them all."""
    if len(names) <= _NAMED:
        return listed(names)
    rest = language.number(len(names) - _NAMED)
    return _("{names} and {n} more").format(names=listed(names[:_NAMED]), n=rest)
