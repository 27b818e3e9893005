"""The portfolio: one row per client with its state, its figures and its reports. `reports/index.html`."""

from collections.abc import Mapping, Sequence
from datetime import date

from crmlab import language
from crmlab.intervals import Estimate
from crmlab.prose import capitalised, shown
from crmlab.report.html import written

# the columns of the ledger: metric in the published JSON, header
FIGURES = (
    ("customers", "Customers"),
    ("revenue", "Revenue"),
    ("clv_total", "Lifetime value"),
    ("top_20_percent_share", "From the top fifth"),
    ("repeat_share", "Bought again"),
)
_STATES = {"ok": ("good", "built"), "failed": ("bad", "failed"), "skipped": ("idle", "skipped")}


def render_index(entries: Sequence[Mapping]) -> str:
    """The page of all clients.

    Parameters
    ----------
    entries
        What each run published (client, notebook, as_of, status, reason, metrics), with client_name, href (link to the
        last good report, if any), failed_href (link to the page on the failure) and title where known. Of several runs
        of one notebook for one client the latest counts.
    """
    clients = [_client(found) for found in _by_client(entries).values()]
    clients.sort(key=lambda client: (client["rank"], client["name"].casefold()))
    failed = [client for client in clients if client["state"] == "bad"]
    troubles = [trouble for client in clients for trouble in client["troubles"]]
    page = {
        "language": "en",
        "running": "crmlab · portfolio",
        "page_title": "Portfolio: customer relationships",
        "kicker": "Customer relationships",
        "heading": "Portfolio",
        "dek": "How well each client keeps its customers, what they are worth, and which reports need attention.",
        "facts": _facts(clients),
        "verdict": _verdict(clients, failed),
        "advice": _advice(failed),
        "clients": clients,
        "headers": [header for _, header in FIGURES],
        "troubles": sorted(troubles, key=lambda trouble: trouble["kind"]),
    }
    return written("portfolio.html.j2", page)


def _by_client(entries: Sequence[Mapping]) -> dict[str, list[Mapping]]:
    found: dict[str, list[Mapping]] = {}
    latest = {
        (entry["client"], entry["notebook"]): entry for entry in sorted(entries, key=lambda entry: entry["as_of"])
    }
    for client, notebook in sorted(latest):
        found.setdefault(client, []).append(latest[client, notebook])
    return found


def _client(entries: list[Mapping]) -> dict:
    name = entries[0].get("client_name") or entries[0]["client"]
    states = [entry["status"] for entry in entries]
    state = "failed" if "failed" in states else "ok" if "ok" in states else "skipped"
    latest = max(entry["as_of"] for entry in entries)
    metrics: dict = {}
    for entry in sorted(entries, key=lambda entry: entry["as_of"]):
        metrics |= entry.get("metrics") or {}
    kind, word = _STATES[state]
    return {
        "name": name,
        "id": entries[0]["client"],
        "rank": ("failed", "ok", "skipped").index(state),
        "state": kind,
        "word": word,
        "as_of": language.day(date.fromisoformat(latest)),
        "figures": [_figure(metrics.get(metric), header) for metric, header in FIGURES],
        "reports": [_report(entry) for entry in entries],
        "troubles": [_trouble(entry, name) for entry in entries if entry["status"] != "ok"],
    }


def _figure(metric: Mapping | None, header: str) -> dict:
    if not metric or metric.get("value") is None:
        return {"header": header, "value": "–", "unit": "", "bounds": ""}
    given = {name: metric.get(name) for name in ("value", "low", "high", "unit", "n")}
    estimate = Estimate(**given, label=header, no_interval=metric.get("no_interval") or "none was published")
    value, unit, bounds = shown(estimate)
    return {"header": header, "value": value, "unit": unit, "bounds": bounds}


def _title(entry: Mapping) -> str:
    return entry.get("title") or entry["notebook"].replace("_", " ").capitalize()


def _report(entry: Mapping) -> dict:
    return {
        "title": _title(entry),
        "status": entry["status"],
        "href": entry.get("href") if entry["status"] != "skipped" else None,
        "failed_href": entry.get("failed_href") if entry["status"] == "failed" else None,
    }


def _trouble(entry: Mapping, name: str) -> dict:
    kind = entry["status"]
    return {
        "kind": kind,
        "mark": _STATES[kind][0],
        "title": f"{name}: {_title(entry)} {kind}.",
        "text": _sentence(entry.get("reason") or "No reason was given."),
        "client": entry["client"],
        "href": entry.get("href"),
        "failed_href": entry.get("failed_href"),
    }


def _sentence(text: str) -> str:
    ended = text.rstrip()
    return capitalised(ended if ended.endswith((".", "!", "?", "。")) else f"{ended}.")


def _facts(clients: list[dict]) -> list[tuple[str, str]]:
    states = [report["status"] for client in clients for report in client["reports"]]
    facts = [("Clients", len(clients)), ("Reports", states.count("ok"))]
    facts += [("Skipped", states.count("skipped")), ("Failed", states.count("failed"))]
    return [(name, language.number(value)) for name, value in facts]


def _verdict(clients: list[dict], failed: list[dict]) -> str:
    if not clients:
        return "No client has been reported on yet."
    total = language.number(len(clients))
    if not failed:
        return (
            f"No report of the {total} clients failed." if len(clients) > 1 else "No report of the one client failed."
        )
    names = ", ".join(client["name"] for client in failed)
    if len(clients) == 1:
        return f"The one client has a report that failed: {names}."
    if len(failed) == 1:
        return f"One of {total} clients has a report that failed: {names}."
    return f"{language.number(len(failed))} of {total} clients have a report that failed: {names}."


def _advice(failed: list[dict]) -> str:
    if not failed:
        return "Figures stand with their intervals; a dash means that a client's data or parameters do not give one."
    return "Base no decision on a failed report until it is renewed; the last good one stays linked, with its own date."
