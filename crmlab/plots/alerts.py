"""The figure of early warnings: how many alerts of each kind there are, and how urgent they are."""

from crmlab import language
from crmlab.diagnosis.alert_rows import SEVERITIES
from crmlab.messages import N_, _, clauses, listed
from crmlab.plots.forest import legend, rows_of
from crmlab.plots.house import is_narrow, new_axes
from crmlab.plots.svg import TOKENS

_COLOURS = {"high": TOKENS["c2"], "medium": TOKENS["c1"], "low": TOKENS["line"]}
_NAMES = {"high": N_("high"), "medium": N_("medium"), "low": N_("low")}


def alerts_by_kind(alerts, ax=None):
    """Number of alerts by kind, each bar parted by severity.

    `alerts` is what `diagnosis.alerts.all_alerts` gives.
    """
    from matplotlib.ticker import MaxNLocator

    ax = new_axes() if ax is None else ax
    rows = alerts.table()
    place, ends, marks = rows_of(ax, rows["kind"]), rows[list(SEVERITIES)].sum(axis=1), []
    start = 0 * ends
    for severity in SEVERITIES:
        counts = rows[severity]
        marks.append(ax.barh(place, counts, left=start, height=0.56, color=_COLOURS[severity], linewidth=0))
        start = start + counts
    for at, end in zip(place, ends, strict=True):
        text = {"textcoords": "offset points", "va": "center", "color": TOKENS["muted"]}
        ax.annotate(language.number(end), (end, at), xytext=(6, 0), **text)
    most = max(float(ends.max()), 1.0) if len(ends) else 1.0
    ax.set_xlim(0, 1.1 * most)
    ticks = MaxNLocator(4 if is_narrow(ax) else 6, integer=True).tick_values(0, most)
    ax.set_xticks([tick for tick in ticks if tick <= 1.1 * most])
    ax.set_xticklabels([language.number(tick) for tick in ax.get_xticks()])
    ax.set_xlabel(_("alerts"), loc="left")
    if len(rows):
        legend(ax, marks, [_(_NAMES[severity]) for severity in SEVERITIES])
    finding = _finding(rows)
    ax.set_title(finding, loc="left")
    told = clauses(
        _("{kind}: {counts}").format(
            kind=each["kind"],
            counts=listed(f"{_(_NAMES[name])} {language.number(each[name])}" for name in SEVERITIES),
        )
        for each in rows.to_dict("records")
    )
    ax.set_label(_("{finding}. Alerts by kind and severity: {rows}.").format(finding=finding, rows=told or finding))
    return ax


def _finding(rows) -> str:
    if rows.empty:
        return _("No alert is raised")
    urgent = int(rows["high"].sum())
    if not urgent:
        return _("No alert is urgent")
    first = rows.loc[rows["high"].idxmax()]
    values = {"kind": first["kind"], "n": language.number(first["high"]), "urgent": language.number(urgent)}
    return _("{kind}: {n} of {urgent} urgent alerts").format(**values)
