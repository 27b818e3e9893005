"""The portfolio: one row per client with its state, its figures and its reports. `reports/index.html`."""

from collections.abc import Mapping
from datetime import date

from crmlab import language
from crmlab.intervals import Estimate
from crmlab.prose import capitalised, shown
from crmlab.report.published import Published
from crmlab.report.templates import written

# the columns of the ledger: metric in the published JSON, header
FIGURES = (
    ("customers", "Customers"),
    ("revenue", "Revenue"),
    ("clv_total", "Lifetime value"),
    ("top_20_percent_share", "From the top fifth"),
    ("repeat_share", "Bought again"),
)
# by status: the mark on the page and its word, the gravest first
STATES = {"failed": ("bad", "failed"), "ok": ("good", "built"), "skipped": ("idle", "skipped")}
_NAMED = 5


def render_index(found: Mapping[str, Published]) -> str:
    """The page of all clients, each at its latest date, as `crmlab.report.published.published` finds them."""
    clients = [_client(client) for client in found.values()]
    clients.sort(key=lambda client: (list(STATES).index(client["status"]), client["name"].casefold(), client["id"]))
    troubles = [trouble for client in clients for trouble in client["troubles"]]
    page = {
        "language": "en",
        "running": "crmlab · portfolio",
        "page_title": "Portfolio: customer relationships",
        "kicker": "Customer relationships",
        "heading": "Portfolio",
        "dek": "How well each client keeps its customers, what they are worth, and which reports need attention.",
        "facts": _facts(clients),
        "verdict": _verdict(clients),
        "advice": _advice(clients),
        "clients": clients,
        "headers": [header for _, header in FIGURES],
        "troubles": sorted(troubles, key=lambda trouble: trouble["kind"]),
    }
    return written("portfolio.html.j2", page)


def _client(client: Published) -> dict:
    latest = client.dates[-1] if client.dates else None
    entries = client.at(latest) if latest else []
    status = "failed" if client.failure else state(entries)
    # where the latest date gives no figures, those of the last date that does, and its name
    dated = next((as_of for as_of in reversed(client.dates) if client.metrics(as_of)), None)
    metrics = client.metrics(dated) if dated else {}
    troubles = [trouble(client, entry, client.name) for entry in entries if entry["status"] != "ok"]
    return {
        "name": client.name,
        "id": client.id,
        "href": f"{client.link}/index.html",
        "status": status,
        "state": STATES[status][0],
        "word": STATES[status][1],
        "as_of": day(latest) if latest else "no report yet",
        "figures_of": day(dated) if dated and dated != latest else "",
        "figures": [figure(metrics.get(metric), header) for metric, header in FIGURES],
        "old": client.failure is not None or dated != latest,
        "reports": [report(client, entry) for entry in entries],
        "not_started": client.failure is not None,
        "troubles": [not_started(client), *troubles] if client.failure else troubles,
    }


def state(entries: list[dict]) -> str:
    """The status of several reports together: failed if one is, skipped if all are."""
    statuses = {entry["status"] for entry in entries}
    return next(status for status in STATES if status in statuses)


def day(as_of: str) -> str:
    """A date of the folder of reports in words."""
    return language.day(date.fromisoformat(as_of))


def figure(metric: Mapping | None, header: str) -> dict:
    """A published metric as a ledger shows it."""
    if not metric or metric.get("value") is None:
        return {"header": header, "value": "–", "unit": "", "bounds": "", "old": False}
    ends = metric.get("low"), metric.get("high")
    # an end that is infinite is null in JSON
    low, high = (None, None) if None in ends else ends
    estimate = Estimate(
        metric["value"], low, high, metric["unit"], metric.get("n"), header, no_interval="not published"
    )
    value, unit, bounds = shown(estimate)
    return {"header": header, "value": value, "unit": unit, "bounds": bounds, "old": metric.get("old", False)}


def report(client: Published, entry: dict) -> dict:
    """A report as a ledger links it; of one that failed, the last good one too, with its date if it is an earlier."""
    failed = entry["status"] == "failed"
    good = client.last_good(entry) if failed else entry if entry["status"] == "ok" else None
    return {
        "title": title(entry),
        "status": entry["status"],
        "href": good["href"] if good else None,
        "dated": day(good["as_of"]) if good and good["as_of"] != entry["as_of"] else "",
        "failed_href": entry["failed_href"] if failed else None,
    }


def title(entry: Mapping) -> str:
    """A report's title, or its notebook's name as one."""
    return entry.get("title") or entry["notebook"].replace("_", " ").capitalize()


def trouble(client: Published, entry: dict, where: str) -> dict:
    """The note on a report that failed or was skipped."""
    kind = entry["status"]
    return report(client, entry) | {
        "kind": kind,
        "mark": STATES[kind][0],
        "title": f"{where}: {title(entry)} {kind}.",
        "lines": _lines(entry.get("reason")),
        "client": client.id,
    }


def not_started(client: Published) -> dict:
    """The note on a client of which the last run could make no report."""
    return {
        "kind": "failed",
        "mark": "bad",
        "title": f"{client.name}: no report could be started.",
        "lines": _lines(client.failure.get("reason")),
        "client": client.id,
    }


def _lines(reason: str | None) -> list[str]:
    lines = [line.strip() for line in (reason or "").splitlines() if line.strip()] or ["No reason was given."]
    return [_sentence(line) for line in lines]


def _sentence(text: str) -> str:
    ended = text if text.endswith((".", "!", "?", "。")) else f"{text}."
    # a file or a name stands as it is written
    return capitalised(ended) if text.split()[0].isalpha() else ended


def _facts(clients: list[dict]) -> list[tuple[str, str]]:
    states = [report["status"] for client in clients for report in client["reports"]]
    facts = [("Clients", len(clients)), ("Reports", states.count("ok"))]
    facts += [("Skipped", states.count("skipped")), ("Failed", states.count("failed"))]
    if any(client["not_started"] for client in clients):
        facts.append(("Not started", sum(client["not_started"] for client in clients)))
    return [(name, language.number(value)) for name, value in facts]


def _verdict(clients: list[dict]) -> str:
    if not clients:
        return "No client has been reported on yet."
    stopped = [client["name"] for client in clients if client["not_started"]]
    failed = [client["name"] for client in clients if client["status"] == "failed" and not client["not_started"]]
    total = language.number(len(clients))
    if not failed and not stopped:
        return f"No report of {f'the {total} clients' if len(clients) > 1 else 'the one client'} failed."
    said = []
    for names, one, more in (
        (failed, "has a report that failed", "have a report that failed"),
        (stopped, "could not be reported on", "could not be reported on"),
    ):
        if names:
            count = language.number(len(names)) if len(names) > 1 else "one"
            of = "" if said else f" of {total} clients" if len(clients) > 1 else " client"
            count = "the one" if len(clients) == 1 else count
            said.append(f"{count}{of} {one if len(names) == 1 else more}: {_named(names)}")
    return f"{capitalised('; '.join(said))}."


def _named(names: list[str]) -> str:
    """The first of many: the ledger below names them all."""
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {language.number(len(names) - _NAMED)} more"


def _advice(clients: list[dict]) -> str:
    if not any(client["status"] == "failed" for client in clients):
        return "Figures stand with their intervals; a dash means that a client's data or parameters do not give one."
    return "Base no decision on a failed report until it is renewed; the last good one stays linked, with its own date."
