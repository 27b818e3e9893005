"""The portfolio: one row per client with its state, its figures and its reports. `reports/index.html`.

It speaks the language of most clients; where there are clients of both, the other language has a page beside it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

from crmlab import language
from crmlab.messages import LANGUAGES, N_, _, ngettext, sentences, speaking, spoken
from crmlab.report import ledger, notes, sparkline, templates
from crmlab.report.ledger import Column
from crmlab.report.published import Published

# what stands beside `index.html` where there are clients of two languages
OTHERS = {f"index.{code}.html" for code in LANGUAGES}
_RANKS = {"failed": 0, "stale": 1, "skipped": 3}
_FOREIGN = {"en": N_("in English"), "zh": N_("in Chinese")}


def portfolios(found: Mapping[str, Published]) -> dict[str, str]:
    """By language, the file of the portfolio: `index.html` in that of most clients, then the other if any has it."""
    counts = Counter(client.language for client in found.values() if client.entries)
    main = max(LANGUAGES, key=lambda code: counts[code])  # the first of equals is English
    return {main: "index.html"} | {code: f"index.{code}.html" for code in LANGUAGES if counts[code] and code != main}


def render_index(found: Mapping[str, Published], *, language: str | None = None, today: date | None = None) -> str:
    """The page of all clients, each at its latest date, as `crmlab.report.published.published` finds them.

    Parameters
    ----------
    language
        One of those that `portfolios` names; the first unless given.
    today
        The day from which ages count; that of the call unless given.
    """
    files = portfolios(found)
    language = language or next(iter(files))
    with speaking(language):
        page = _page(found, today or date.today()) | templates.script("page.js")
        for code, file in files.items():
            if code != language:
                page["other"] = (file, LANGUAGES[code], _html_language(code))
        return templates.written("portfolio.html.j2", page)


def _html_language(code: str) -> str:
    with speaking(code):
        return templates.html_language()


def _page(found: Mapping[str, Published], today: date) -> dict:
    latest = {id: _figures(client) for id, client in found.items()}
    columns = ledger.columns(latest.values())
    curve, one_scale, curves = sparkline.curves(found, columns[: ledger.MOST - 1])
    columns = columns[: ledger.MOST - 1] if curve else columns
    clients = [_client(client, latest[id], columns, today) for id, client in found.items()]
    clients.sort(key=lambda client: (_RANKS.get(client["status"], 2), client["name"].casefold(), client["id"]))
    currencies = _group_by_currency(clients)
    states = {client["status"] for client in clients}
    states |= {"stale"} if any(client["limit"] for client in clients) else set()
    return {
        "language": templates.html_language(),
        "running": _("crmlab · portfolio"),
        "page_title": _("Portfolio: customer relationships"),
        "kicker": _("Customer relationships"),
        "heading": _("Portfolio"),
        "dek": _("How well each client keeps its customers, what they are worth, and which reports need attention."),
        "facts": _facts(clients, today),
        "verdict": _verdict(clients),
        "advice": _advice(clients),
        "caption": _caption(columns, curve, one_scale, currencies),
        "clients": clients,
        "curves": curves,
        "columns": [column.head for column in columns],
        "curve": curve.curve if curve else "",
        "curve_after": columns.index(curve) if curve else None,
        "headers": _headers(columns, curve),
        "states": [(status, _(word)) for status, (_mark, word) in ledger.STATES.items() if status in states],
        "today": today.isoformat(),
        "troubles": notes.together(clients),
    }


def _headers(columns: Sequence[Column], curve: Column | None) -> list[str]:
    """The headers of all columns, left to right."""
    found = [_("Client")]
    for column in columns:
        found += [column.head["name"], column.curve] if column == curve else [column.head["name"]]
    return [*found, _("As of"), _("Reports")]


def _dated(client: Published) -> str | None:
    """The last date that has figures."""
    return next((as_of for as_of in reversed(client.dates) if client.metrics(as_of)), None)


def _figures(client: Published) -> dict[str, dict]:
    dated = _dated(client)
    return client.metrics(dated) if dated else {}


def _client(client: Published, metrics: Mapping, columns: Sequence[Column], today: date) -> dict:
    latest = client.dates[-1] if client.dates else None
    entries = client.at(latest) if latest else []
    limit = client.stale_after_days if latest else None
    age = (today - date.fromisoformat(latest)).days if limit else None
    status = "failed" if client.failure else ledger.state(entries)
    if limit and status != "failed":
        status = "stale" if age > limit else "current" if status == "ok" else status
    # where the latest date gives no figures, those of the last date that does, and its name
    dated = _dated(client)
    troubles = [notes.trouble(client, entry, client.name) for entry in entries if entry["status"] != "ok"]
    return ledger.stated(status) | {
        "name": client.name,
        "id": client.id,
        "href": f"{client.link}/index.html",
        "date": latest,
        "as_of": ledger.day(latest) if latest else _("no report yet"),
        "limit": limit,
        "age": ngettext("{n} day", "{n} days", age).format(n=language.number(age)) if limit and age >= 0 else "",
        "figures_of": ledger.day(dated) if dated and dated != latest else "",
        "figures": [ledger.figure(metrics, column) for column in columns],
        "units": [(metrics.get(column.metric) or {}).get("unit", "") for column in columns],
        "old": client.failure is not None or dated != latest or status == "stale",
        "reports": ledger.reports(client, entries),
        "foreign": _(_FOREIGN[client.language]) if entries and client.language != spoken() else "",
        "not_started": client.failure is not None,
        "troubles": [notes.not_started(client), *troubles] if client.failure else troubles,
    }


def _group_by_currency(clients: list[dict]) -> bool:
    """Mark sums with their currency where a column holds several, so that sorting keeps those of one together."""
    several = False
    for place in range(len(clients[0]["units"]) if clients else 0):
        units = {client["units"][place] for client in clients} - {""}
        if len(units) > 1 and all(language.is_currency(unit) for unit in units):
            several = True
            for client in clients:
                client["figures"][place]["group"] = client["units"][place]
    return several


def _facts(clients: list[dict], today: date) -> list[tuple[str, str]]:
    states = [report["status"] for client in clients for report in client["reports"]]
    counts = [(_("Clients"), len(clients)), (_("Reports"), states.count("ok"))]
    counts += [(_("Skipped"), states.count("skipped")), (_("Failed"), states.count("failed"))]
    if any(client["limit"] for client in clients):
        counts.append((_("Stale"), sum(client["status"] == "stale" for client in clients)))
    if any(client["not_started"] for client in clients):
        counts.append((_("Not started"), sum(client["not_started"] for client in clients)))
    return [(_("Built"), language.day(today)), *((name, language.number(value)) for name, value in counts)]


def _verdict(clients: list[dict]) -> str:
    if not clients:
        return _("No client has been reported on yet.")
    stopped = [client["name"] for client in clients if client["not_started"]]
    failed = [client["name"] for client in clients if client["status"] == "failed" and not client["not_started"]]
    stale = [client["name"] for client in clients if client["status"] == "stale"]
    total, alone = len(clients), len(clients) == 1
    said = []
    if failed:
        message = ngettext(
            "One of {total} clients has a report that failed: {names}.",
            "{n} of {total} clients have a report that failed: {names}.",
            len(failed),
        )
        said.append((_("The one client has a report that failed: {names}.") if alone else message, failed))
    if stopped:
        message = ngettext(
            "One of {total} clients could not be reported on: {names}.",
            "{n} of {total} clients could not be reported on: {names}.",
            len(stopped),
        )
        said.append((_("The one client could not be reported on: {names}.") if alone else message, stopped))
    if not said:
        message = _("No report of the {total} clients failed.")
        said.append((_("No report of the one client failed.") if alone else message, []))
    if stale:
        message = ngettext(
            "One of {total} clients is stale: {names}.", "{n} of {total} clients are stale: {names}.", len(stale)
        )
        said.append((_("The one client is stale: {names}.") if alone else message, stale))
    filled = [
        text.format(n=language.number(len(names)), total=language.number(total), names=notes.named(names))
        for text, names in said
    ]
    return sentences(*filled)


def _advice(clients: list[dict]) -> str:
    statuses = {client["status"] for client in clients}
    failed = stale = ""
    if "failed" in statuses:
        failed = _(
            "Base no decision on a failed report until it is renewed; "
            "the last good one stays linked, with its own date."
        )
    if "stale" in statuses:
        stale = _("Figures of stale clients stand in grey; ask these clients for their newest data.")
    plain = _("Figures stand with their intervals; a dash means that a client's data or parameters do not give one.")
    return sentences(failed, stale) or plain


def _caption(columns: Sequence[Column], curve: Column | None, one_scale: bool, currencies: bool) -> str:
    said = [
        _("Estimates with their intervals, over the horizon and at the level of confidence that each report states.")
    ]
    if any(column.metric == "clv_total" for column in columns):
        said.append(_("Lifetime value is margin where a client states one, else spend."))
    if curve:
        said.append(_("All curves share one scale.") if one_scale else _("Each curve has a scale of its own."))
    if currencies:
        said.append(
            _("Sums stand in each client’s own currency; sorted by a sum, clients of one currency stay together.")
        )
    said.append(_("Failed and stale clients come first; a client’s name leads to its reports of all dates."))
    return sentences(*said)
