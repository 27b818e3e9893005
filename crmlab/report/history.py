"""The history of one client: a row for each as-of date, with what changed since the date before.

A change claims no more than its figures: a full count is exact; of two estimates the page says whether their
intervals overlap, and it calls neither direction good.
"""

from collections.abc import Mapping
from dataclasses import replace

from crmlab import language
from crmlab.intervals import FULL_COUNT
from crmlab.messages import N_, _, clauses, listed, ngettext, pgettext, sentences, speaking
from crmlab.report import ledger, notes, templates
from crmlab.report.ledger import Column, day
from crmlab.report.published import Published

# what the intervals of two dates say of a change; translated where it is shown
_OVERLAP, _APART, _OTHER = N_("intervals overlap"), N_("intervals apart"), N_("not comparable")
_NO_INTERVAL = N_("no interval")


def render_history(client: Published, *, home: str = "../index.html") -> str:
    """The page of one client's reports, newest first, in its language, for `reports/<client>/index.html`.

    Parameters
    ----------
    home
        Link to the portfolio.
    """
    # links count from this page's folder
    local = [
        entry | {key: entry[key] and entry[key].removeprefix(f"{client.link}/") for key in ("href", "failed_href")}
        for entry in client.entries
    ]
    with speaking(client.language):
        return templates.written("history.html.j2", _page(replace(client, entries=tuple(local)), home))


def _page(client: Published, home: str) -> dict:
    columns = ledger.columns(client.metrics(as_of) for as_of in client.dates)
    rows = _rows(client, columns)
    latest = client.dates[-1] if client.dates else None
    return {
        "language": templates.html_language(),
        "running": _("{client} · all dates").format(client=client.name),
        "page_title": _("{client}: all reports by date").format(client=client.name),
        "kicker": _("All reports"),
        "heading": client.name,
        "home": home,
        "dek": _("What each date’s reports said of the customers, and what changed from one date to the next."),
        "facts": _facts(client),
        "verdict": _verdict(client, rows),
        "stopped": notes.not_started(client) if client.failure else None,
        "caption": _caption(client),
        "about": _about(rows),
        "states": [(status, _(ledger.STATES[status][1])) for status in ("failed", "ok", "skipped")],
        "rows": rows,
        "columns": [column.head for column in columns],
        "headers": [_("As of"), *(column.head["name"] for column in columns), _("Reports")],
        "troubles": [
            notes.trouble(client, entry, day(entry["as_of"]))
            for entry in reversed(client.entries)
            if entry["status"] == "failed" or (entry["status"] == "skipped" and entry["as_of"] == latest)
        ],
    }


def _rows(client: Published, columns: list[Column]) -> list[dict]:
    """Newest first; each is held against the last date before it that has figures."""
    rows, base, directly = [], None, True
    for as_of in client.dates:
        entries, metrics = client.at(as_of), client.metrics(as_of)
        before = client.metrics(base) if base else {}
        rows.append(
            ledger.stated(ledger.state(entries))
            | {
                "as_of": day(as_of),
                "since": day(base) if base else "",
                "skips": bool(metrics and base and not directly),
                "figures": [
                    ledger.figure(metrics, column)
                    | {"noun": _(column.noun)}
                    | change(metrics.get(column.metric), before.get(column.metric))
                    for column in columns
                ],
                "reports": ledger.reports(client, entries),
                "failed": [ledger.title(entry) for entry in entries if entry["status"] == "failed"],
            }
        )
        base, directly = (as_of, True) if metrics else (base, False)
    return rows[::-1]


def change(new: Mapping | None, old: Mapping | None) -> dict[str, str]:
    """What changed from one published metric to the next: `change`, and in `basis` what their intervals say of it.

    Counts and money change by a part of what they were, shares and scores by points. Metrics in another unit, or of
    another label, such as a lifetime value over another horizon, are not compared. `basis` is English, to be translated
    where it is shown.
    """
    if not new or not old or new.get("value") is None or old.get("value") is None:
        return {"change": "–", "basis": ""}
    if not ledger.comparable(new, old):
        return {"change": "–", "basis": _OTHER}
    now, then = new["value"], old["value"]
    if new["unit"] in language.SHARES:
        text = pgettext("of a share", "{change} points").format(change=_signed(100 * (now - then)))
    elif new["unit"] == "points":
        text = pgettext("of a score", "{change} points").format(change=_signed(now - then))
    elif now == then or then > 0:
        text = f"{_signed(100 * (now / then - 1) if then else 0.0)}%"
    else:
        return {"change": "–", "basis": ""}
    return {"change": text, "basis": _basis(new, old)}


def _basis(new: Mapping, old: Mapping) -> str:
    if all((metric.get("no_interval") or "").startswith(FULL_COUNT.partition(",")[0]) for metric in (new, old)):
        return ""
    if None in [metric.get(end) for metric in (new, old) for end in ("low", "high")]:
        return _NO_INTERVAL
    return _APART if new["low"] > old["high"] or old["low"] > new["high"] else _OVERLAP


def _signed(value: float) -> str:
    rounded = round(value, 1)
    sign = "+" if rounded > 0 else "−" if rounded < 0 else "±"
    return f"{sign}{language.number(abs(value), 1 if abs(value) < 100 else 0)}"


def _facts(client: Published) -> list[tuple[str, str]]:
    dates = client.dates
    facts = [(_("Dates"), language.number(len(dates)))]
    if len(dates) > 1:
        facts.append((_("First"), day(dates[0])))
    if dates:
        facts.append((_("Latest"), day(dates[-1])))
        if currency := client.entries[-1].get("currency"):
            facts.append((_("Currency"), language.currency_name(currency)))
    if limit := client.stale_after_days:
        facts.append((_("Stale after"), ngettext("{n} day", "{n} days", limit).format(n=language.number(limit))))
    return facts


def _caption(client: Published) -> str:
    dates = client.dates
    if not dates:
        return ""
    if len(dates) == 1:
        return _("{client} as of {day}").format(client=client.name, day=day(dates[0]))
    return _("{client} at {n} dates, from {first} to {last}").format(
        client=client.name, n=language.number(len(dates)), first=day(dates[0]), last=day(dates[-1])
    )


def _about(rows: list[dict]) -> str:
    said = [
        _("Estimates with their intervals, over the horizon and at the level of confidence that each report states.")
    ]
    if len(rows) > 1:
        said += [
            _(
                "Under each stands its change since the date before: of counts and money in per cent, "
                "of shares and scores in points."
            ),
            _("A change is neither good nor bad by itself."),
        ]
    return sentences(*said)


def _verdict(client: Published, rows: list[dict]) -> str:
    """One sentence: whether the latest figures may be used, then what changed."""
    if client.failure:
        if rows:
            return _("The last run could start no report; what stands below is of earlier runs.")
        return _("No report could be started yet.")
    newest = rows[0]
    named = {"day": newest["as_of"], "reports": _enumerated(newest["failed"])}
    if newest["failed"]:
        if any(shown["old"] for shown in newest["figures"]):
            return _("{reports} failed as of {day}; figures in grey are those of the last good run.").format(**named)
        return _("{reports} failed as of {day}; no good run of it stands.").format(**named)
    if newest["status"] == "skipped":
        return _("As of {day} every report was skipped.").format(**named)
    if all(shown["value"] == "–" for shown in newest["figures"]):
        return _("The reports as of {day} hold none of the headline figures.").format(**named)
    if not newest["since"]:
        return _("{day} is the first date with figures; what changes will show at the next.").format(**named)
    return _changes(newest)


def _changes(newest: dict) -> str:
    told = [shown for shown in newest["figures"] if shown["change"] != "–" and shown["basis"] in ("", _APART)]
    moved = [shown for shown in told if not shown["change"].startswith("±")]
    still, other, unclear = (
        _enumerated([shown["noun"] for shown in found])
        for found in (
            [shown for shown in told if shown not in moved],
            [shown for shown in newest["figures"] if shown["basis"] == _OTHER],
            [shown for shown in newest["figures"] if shown["basis"] == _OVERLAP],
        )
    )
    said = []
    if moved:
        first = _("{figure} changed by {change}").format(figure=moved[0]["noun"], change=moved[0]["change"])
        by = _("{figure} by {change}")
        rest = [by.format(figure=shown["noun"], change=shown["change"]) for shown in moved[1:]]
        said.append(_enumerated([first, *rest]))
    if still:
        said.append(_("{figures} stayed the same").format(figures=still))
    if unclear:
        text = _("the intervals of {figures} overlap, so no change can be told from them")
        said.append(text.format(figures=unclear))
    if said and other:
        said.append(_("{figures} cannot be compared").format(figures=other))
    if not said:
        none = _("No figure as of {day} can be compared with that of {since}.")
        return none.format(day=newest["as_of"], since=newest["since"])
    return _("Since {since} {changes}.").format(since=newest["since"], changes=clauses(said))


def _enumerated(words: list[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return _("{words} and {last}").format(words=listed(words[:-1]), last=words[-1])
