"""What the rows of a ledger show: figures with their intervals, the state of reports, links to them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from crmlab import language
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, pgettext
from crmlab.prose import shown
from crmlab.report.published import Published


@dataclass(frozen=True)
class Column:
    """A metric as a ledger heads it and as a sentence names it; both in English."""

    metric: str
    header: str
    noun: str

    @property
    def head(self) -> dict[str, str]:
        """Its header in the language that is spoken, and how its cells are set: a grade opens its cell."""
        return {"name": _(self.header), "css": "" if self.metric == "overall_score" else "num"}

    @property
    def curve(self) -> str:
        """The header over its course by date."""
        of = pgettext("of a curve", "Score") if self.metric == "overall_score" else _(self.header)
        return _("{figure} by date").format(figure=of)


# as many columns of figures and curves as a screen holds; the first of these that there are
MOST = 6
FIGURES = (
    Column("overall_score", N_("Rating and score"), N_("the overall score")),
    Column("nps", N_("Net promoter score"), N_("the net promoter score")),
    Column("retention_rate", N_("Retention"), N_("retention")),
    Column("clv_to_cac", N_("Lifetime value to cost"), N_("lifetime value to cost")),
    Column("clv_total", N_("Lifetime value"), N_("lifetime value")),
    Column("revenue", N_("Revenue"), N_("revenue")),
    Column("roi", N_("Return on CRM"), N_("the return on CRM")),
    Column("top_20_percent_share", N_("From the top fifth"), N_("the share of revenue from the top fifth")),
    Column("repeat_share", N_("Bought again"), N_("the share who bought again")),
    Column("customers", N_("Customers"), N_("customers")),
    Column("value_at_risk", N_("Value at risk"), N_("value at risk")),
    Column("npv", N_("Net present value"), N_("net present value")),
    Column("csat", N_("Satisfied"), N_("the share of satisfied customers")),
    Column("gini", N_("Gini coefficient"), N_("the Gini coefficient")),
)
# by status: the mark on the page and its word, the gravest first; only a portfolio knows `stale` and `current`
STATES = {
    "failed": ("bad", N_("failed")),
    "stale": ("stale", N_("stale")),
    "current": ("good", N_("current")),
    "ok": ("good", N_("built")),
    "skipped": ("idle", N_("skipped")),
}


# the usual notebooks, in the order in which they are read
_USUAL = ("crm_diagnosis", "value_analysis", "churn_modelling", "nps_analysis", "roi_evaluation")


def columns(published: Iterable[Mapping[str, Mapping]]) -> list[Column]:
    """The columns for what was published: of the metrics that have a value somewhere, the foremost."""
    known = {name for metrics in published for name, metric in metrics.items() if metric.get("value") is not None}
    # a rating stands with its score
    if "rating" in known:
        known.add("overall_score")
    return [column for column in FIGURES if column.metric in known][:MOST]


def state(entries: list[dict]) -> str:
    """The status of several reports together: failed if one is, skipped if all are."""
    statuses = {entry["status"] for entry in entries}
    return next(status for status in STATES if status in statuses)


def stated(status: str) -> dict[str, str]:
    """A status with its mark and its word."""
    mark, word = STATES[status]
    return {"status": status, "state": mark, "word": _(word)}


def day(as_of: str) -> str:
    """A date of the folder of reports in words."""
    return language.day(date.fromisoformat(as_of))


def figure(metrics: Mapping[str, Mapping], column: Column) -> dict:
    """A published metric as a ledger shows it: `value`, `unit` and `bounds` in words, `grade`; `sort` is its number."""
    metric, rating = metrics.get(column.metric) or {}, metrics.get("rating") or {}
    grade = rating.get("value") if column.metric == "overall_score" else None
    old = metric.get("old", False) or bool(grade and rating.get("old"))
    found = {"css": column.head["css"], "grade": grade if isinstance(grade, str) else "", "old": old}
    if metric.get("value") is None:
        return found | {"value": "" if found["grade"] else "–", "unit": "", "bounds": "", "sort": ""}
    ends = metric.get("low"), metric.get("high")
    # an end that is infinite is null in JSON
    low, high = (None, None) if None in ends else ends
    estimate = Estimate(
        metric["value"], low, high, metric["unit"], metric.get("n"), _(column.header), no_interval="not published"
    )
    value, unit, bounds = shown(estimate)
    if language.is_noun(metric["unit"]):
        unit = ""  # the header says it
    if column.metric == "nps" and metric["value"] > 0:
        value = f"+{value}"
    return found | {"value": value, "unit": unit, "bounds": bounds, "sort": f"{metric['value']:.6g}"}


def comparable(new: Mapping, old: Mapping) -> bool:
    """Whether two values of a metric are of one kind: the same unit, and the same label.

    A lifetime value over another horizon has another label. Labels in two languages cannot be told apart from that.
    """
    labels = new.get("language") != old.get("language") or new.get("label") == old.get("label")
    return labels and new["unit"] == old["unit"]


def report(client: Published, entry: dict) -> dict:
    """A report as a ledger links it; of one that failed, the last good one too, with its date if it is an earlier."""
    failed = entry["status"] == "failed"
    good = client.last_good(entry) if failed else entry if entry["status"] == "ok" else None
    return {
        "title": title(entry),
        "short": _short(entry),
        "status": entry["status"],
        "href": good["href"] if good else None,
        "dated": day(good["as_of"]) if good and good["as_of"] != entry["as_of"] else "",
        "failed_href": entry["failed_href"] if failed else None,
    }


def reports(client: Published, entries: Iterable[dict]) -> list[dict]:
    """Reports as a ledger lists them, the usual ones first."""

    def place(entry: dict) -> tuple[int, str]:
        name = entry["notebook"]
        return _USUAL.index(name) if name in _USUAL else len(_USUAL), name

    return [report(client, entry) for entry in sorted(entries, key=place)]


def _short(entry: Mapping) -> str:
    """A report's title in a row with others: of the usual ones, one word."""
    words = {
        "crm_diagnosis": pgettext("report", "Diagnosis"),
        "value_analysis": pgettext("report", "Value"),
        "churn_modelling": pgettext("report", "Churn"),
        "nps_analysis": pgettext("report", "NPS"),
        "roi_evaluation": pgettext("report", "ROI"),
    }
    return words.get(entry["notebook"]) or title(entry)


def title(entry: Mapping) -> str:
    """A report's title, or its notebook's name as one."""
    title = entry.get("title") or entry["notebook"].replace("_", " ").capitalize()
    return _(title)
