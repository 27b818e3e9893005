"""The history of one client: a row for each as-of date, with what changed since the date before.

A change claims no more than its figures: a full count is exact; of two estimates the page says whether their
intervals overlap, and it calls neither direction good.
"""

from collections.abc import Mapping
from dataclasses import replace

from babel.numbers import get_currency_name

from crmlab import language
from crmlab.report.index import FIGURES, STATES, day, figure, not_started, report, state, title, trouble
from crmlab.report.published import Published
from crmlab.report.templates import written

# the figures as a sentence names them
_NOUNS = {
    "customers": "customers",
    "revenue": "revenue",
    "clv_total": "lifetime value",
    "top_20_percent_share": "the share of revenue from the top fifth",
    "repeat_share": "the share who bought again",
}
# what a metric says that is no estimate
_COUNTED = "a full count"
_OVERLAP, _APART, _OTHER = "intervals overlap", "intervals apart", "not comparable"


def render_history(client: Published) -> str:
    """The page of one client's reports, newest first, for `reports/<client>/index.html`."""
    # links count from this page's folder
    local = [
        entry | {key: entry[key] and entry[key].removeprefix(f"{client.link}/") for key in ("href", "failed_href")}
        for entry in client.entries
    ]
    client = replace(client, entries=tuple(local))
    known = {name for as_of in client.dates for name in client.metrics(as_of)}
    columns = [(metric, header) for metric, header in FIGURES if metric in known]
    rows = _rows(client, columns)
    latest = client.dates[-1] if client.dates else None
    page = {
        "language": "en",
        "running": f"{client.name} · all dates",
        "page_title": f"{client.name}: all reports by date",
        "kicker": "All reports",
        "heading": client.name,
        "home": "../index.html",
        "dek": "What each date’s reports said of the customers, and what changed from one date to the next.",
        "facts": _facts(client),
        "verdict": _verdict(client, rows),
        "stopped": not_started(client) if client.failure else None,
        "caption": _caption(client),
        "rows": rows,
        "headers": [header for _, header in columns],
        "troubles": [
            trouble(client, entry, day(entry["as_of"]))
            for entry in reversed(client.entries)
            if entry["status"] == "failed" or (entry["status"] == "skipped" and entry["as_of"] == latest)
        ],
    }
    return written("history.html.j2", page)


def _rows(client: Published, columns: list[tuple[str, str]]) -> list[dict]:
    """Newest first; each is held against the last date before it that has figures."""
    rows, base, directly = [], None, True
    for as_of in client.dates:
        entries, metrics = client.at(as_of), client.metrics(as_of)
        status = state(entries)
        before = client.metrics(base) if base else {}
        rows.append(
            {
                "as_of": day(as_of),
                "since": day(base) if base else "",
                "skips": bool(metrics and base and not directly),
                "status": status,
                "state": STATES[status][0],
                "word": STATES[status][1],
                "figures": [
                    figure(metrics.get(metric), header)
                    | {"metric": metric}
                    | change(metrics.get(metric), before.get(metric))
                    for metric, header in columns
                ],
                "reports": [report(client, entry) for entry in entries],
                "failed": [title(entry) for entry in entries if entry["status"] == "failed"],
            }
        )
        base, directly = (as_of, True) if metrics else (base, False)
    return rows[::-1]


def change(new: Mapping | None, old: Mapping | None) -> dict[str, str]:
    """What changed from one published metric to the next: `change`, and in `basis` what their intervals say of it.

    Counts and money change by a part of what they were, shares by points. Metrics in another unit, or of another
    label, such as a lifetime value over another horizon, are not compared.
    """
    if not new or not old or new.get("value") is None or old.get("value") is None:
        return {"change": "–", "basis": ""}
    if any(new.get(key) != old.get(key) for key in ("unit", "label")):
        return {"change": "–", "basis": _OTHER}
    now, then = new["value"], old["value"]
    if new["unit"] in language.SHARES:
        text = _signed(100 * (now - then), " points")
    elif now == then or then > 0:
        text = _signed(100 * (now / then - 1) if then else 0.0, "%")
    else:
        return {"change": "–", "basis": ""}
    return {"change": text, "basis": _basis(new, old)}


def _basis(new: Mapping, old: Mapping) -> str:
    if all((metric.get("no_interval") or "").startswith(_COUNTED) for metric in (new, old)):
        return ""
    if None in [metric.get(end) for metric in (new, old) for end in ("low", "high")]:
        return "no interval"
    return _APART if new["low"] > old["high"] or old["low"] > new["high"] else _OVERLAP


def _signed(value: float, unit: str) -> str:
    sign = "+" if value > 0 else "−" if value < 0 else "±"
    return f"{sign}{language.number(abs(value), 1 if abs(value) < 100 else 0)}{unit}"


def _facts(client: Published) -> list[tuple[str, str]]:
    dates = client.dates
    facts = [("Dates", language.number(len(dates)))]
    if len(dates) > 1:
        facts.append(("First", day(dates[0])))
    if dates:
        facts.append(("Latest", day(dates[-1])))
        if currency := client.entries[-1].get("currency"):
            facts.append(("Currency", get_currency_name(currency, count=2, locale="en_US")))
    return facts


def _caption(client: Published) -> str:
    dates = client.dates
    if len(dates) == 1:
        return f"{client.name} as of {day(dates[0])}"
    return (
        f"{client.name} at {language.number(len(dates))} dates, from {day(dates[0])} to {day(dates[-1])}"
        if dates
        else ""
    )


def _verdict(client: Published, rows: list[dict]) -> str:
    """One sentence: whether the latest figures may be used, then what changed."""
    if client.failure:
        return (
            "The last run could start no report; what stands below is of earlier runs."
            if rows
            else "No report could be started yet."
        )
    newest = rows[0]
    if newest["failed"]:
        failed = f"{_listed(newest['failed'])} failed as of {newest['as_of']}"
        if any(shown["old"] for shown in newest["figures"]):
            return f"{failed}; figures in grey are those of the last good run."
        return f"{failed}; no good run of that date stands."
    if newest["status"] == "skipped":
        return f"As of {newest['as_of']} every report was skipped."
    if all(shown["value"] == "–" for shown in newest["figures"]):
        return f"The reports as of {newest['as_of']} hold none of the headline figures."
    if not newest["since"]:
        return f"{newest['as_of']} is the first date with figures; what changes will show at the next."
    return _changes(newest)


def _changes(newest: dict) -> str:
    told = [shown for shown in newest["figures"] if shown["change"] != "–" and shown["basis"] in ("", _APART)]
    moved = [shown for shown in told if not shown["change"].startswith("±")]
    still = [_NOUNS[shown["metric"]] for shown in told if shown not in moved]
    other = [_NOUNS[shown["metric"]] for shown in newest["figures"] if shown["basis"] == _OTHER]
    unclear = [_NOUNS[shown["metric"]] for shown in newest["figures"] if shown["basis"] == _OVERLAP]
    said = []
    if moved:
        first, *rest = [f"{_NOUNS[shown['metric']]}{{}} by {shown['change']}" for shown in moved]
        said.append(_listed([first.format(" changed"), *(each.format("") for each in rest)]))
    if still:
        said.append(f"{_listed(still)} stayed the same")
    if unclear:
        said.append(f"the intervals of {_listed(unclear)} overlap, so no change can be told from them")
    if said and other:
        said.append(f"{_listed(other)} cannot be compared")
    if not said:
        return f"No figure as of {newest['as_of']} can be compared with that of {newest['since']}."
    return f"Since {newest['since']} {'; '.join(said)}."


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
