"""What the diagnosis says: the score and its parts, the rating and how sure it is, where points are lost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from crmlab import language
from crmlab.absence import Absent
from crmlab.diagnosis.indicators import PARTS, SOURCES
from crmlab.diagnosis.weighing import letters
from crmlab.intervals import Estimate
from crmlab.messages import N_, _, clauses, listed, ngettext, sentences

# below these shares of the weight, too little is known for any rating, or for one that is more than provisional
UNRATED, PROVISIONAL = 0.25, 0.5


@dataclass(frozen=True)
class Rating:
    """The letter as a run publishes it.

    Attributes
    ----------
    probabilities
        By letter, as the indicators' intervals leave it open; they add up to 1.
    n
        Indicators that it rests on.
    """

    value: str
    probabilities: Mapping[str, float]
    n: int

    def to_dict(self) -> dict:
        """The entry of a report's JSON."""
        own = {"value": self.value, "low": None, "high": None, "unit": "", "n": self.n, "label": _("rating")}
        return own | {"probabilities": dict(self.probabilities)}


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """A client's score.

    Attributes
    ----------
    lines
        One row per indicator that was found: `name`, `label`, `part`, `source`, `value` (Estimate), `floor`, `target`,
        `weight` (its share of the whole, 0 if it is only shown), `score` (Estimate, None if it is only shown) and
        `change` of the score since the date before (NaN if it is not known).
    missing
        One row per scored indicator that was not found: `name`, `label`, `part`, `weight` it would have, `reason`.
    parts
        One row per part: `part`, `score` (Estimate, None if nothing of it can be scored), `coverage`.
    score
        Overall, 0 to 100, higher is better, with the interval that the indicators' own intervals leave.
    coverage
        Weight of the scored indicators that were found, as a share of all, 0 to 1.
    rating, bands
        Letter of the score (None where too little is known for one), and the least score of each.
    rating_probabilities
        By letter, as the indicators' intervals leave it open.
    rating_under_other_weights
        By letter, the share of other reasonable weights that give it: each weight halved to doubled.
    """

    lines: pd.DataFrame
    missing: pd.DataFrame
    parts: pd.DataFrame
    score: Estimate
    coverage: float
    rating: str | None
    bands: Mapping[str, float]
    rating_probabilities: Mapping[str, float]
    rating_under_other_weights: Mapping[str, float]

    # of `table()`
    formats: ClassVar[dict[str, str]] = {"score": "integer", "change": "number", "weight": "share"}
    labels: ClassVar[dict[str, str]] = {"floor": N_("Scores 0 at"), "change": N_("Change, points")}
    intervals: ClassVar[dict[str, tuple[str, str]]] = {"score": ("low", "high")}

    @property
    def scored(self) -> pd.DataFrame:
        """`lines` that are scored, with what each loses of the overall score as `loss`, the worst first."""
        found = self.lines[self.lines["weight"] > 0]
        loss = [row.weight * (100 - row.score.value) for row in found.itertuples()]
        return found.assign(loss=loss).sort_values(
            ["loss", "weight"], ascending=False, kind="stable", ignore_index=True
        )

    def table(self) -> pd.DataFrame:
        """One row per indicator that is scored, as a reader sees it."""
        rows = self.lines[self.lines["weight"] > 0].reset_index(drop=True)
        scores = {end: [getattr(score, end) for score in rows["score"]] for end in ("value", "low", "high")}
        units = [value.unit for value in rows["value"]]
        ends = {end: [_told(*pair) for pair in zip(rows[end], units, strict=True)] for end in ("floor", "target")}
        found = _shown(rows).assign(**ends, score=scores["value"], change=rows["change"], weight=rows["weight"])
        # a full count has no interval: its score is what it is
        for end in ("low", "high"):
            found[end] = found["score"].where(pd.Series(scores[end]).isna(), scores[end]).astype(float)
        found["source"] = [_(SOURCES[source]) for source in rows["source"]]
        return found.drop(columns="change") if found["change"].isna().all() else found

    def shown_table(self) -> pd.DataFrame | Absent:
        """One row per indicator that is shown without being scored."""
        rows = self.lines[self.lines["weight"] == 0].reset_index(drop=True)
        return _shown(rows) if len(rows) else Absent(_("every indicator is scored"))

    def part_table(self) -> pd.DataFrame:
        """One row per part, and the whole."""
        rows = self.parts.assign(part=_part_names(self.parts))[["part", "score", "coverage"]]
        whole = pd.DataFrame({"part": [_("Overall")], "score": [self.score], "coverage": [self.coverage]})
        return pd.concat([rows, whole], ignore_index=True)

    def missing_table(self) -> pd.DataFrame | Absent:
        """One row per indicator that was not found, with the reason."""
        rows = self.missing
        if rows.empty:
            return Absent(_("no indicator is missing"))
        named = {"indicator": rows["label"].map(_), "part": _part_names(rows)}
        return pd.DataFrame(named | {"weight": rows["weight"], "reason": rows["reason"]}).reset_index(drop=True)

    def headline(self) -> str:
        """The verdict in one sentence."""
        values = {"rating": self.rating, "score": language.number(self.score.value, 0)}
        values["coverage"] = language.quantity(self.coverage, "share", digits=0)
        if self.rating is None:
            unrated = _("Not rated: only {coverage} of what is judged is known; it scores {score} of 100 points.")
            return unrated.format(**values)
        if self.coverage < PROVISIONAL:
            provisional = _("Provisionally rated {rating}: {score} of 100 points, on {coverage} of what is judged.")
            return provisional.format(**values)
        return _("Rated {rating}: {score} of 100 points.").format(**values)

    def summary(self) -> str:
        """The score with its interval, how sure the letter is, and what it rests on."""
        values = {"score": self.score.text(), "evidence": self.score.evidence(), "rating": self.rating}
        verdict = _("The overall score is {score} {evidence}, a rating of {rating}.").format(**values)
        if self.rating is None:
            verdict = _("The overall score is {score} {evidence}.").format(**values)
        found, all_of_them = self.score.n, self.score.n + len(self.missing)
        rests = _("It rests on {found} of {all} indicators, which carry {coverage} of the weight.").format(
            found=language.number(found),
            all=language.number(all_of_them),
            coverage=language.quantity(self.coverage, "share", digits=0),
        )
        little = _("Less than half of what is judged is known: the rating is provisional.")
        if self.rating is None:
            little = _("Less than a quarter of what is judged is known: too little for a rating.")
        return sentences(verdict, rests, little if self.coverage < PROVISIONAL else "", self._unknown())

    def _unknown(self) -> str:
        parts = [_(PARTS[row.part][0]) for row in self.parts.itertuples() if row.score is None]
        if not parts:
            return ""
        return ngettext(
            "Of one part nothing can be scored: {parts}.", "Of {n} parts nothing can be scored: {parts}.", len(parts)
        ).format(n=language.number(len(parts)), parts=listed(parts))

    def losses(self) -> str:
        """Where the points are lost."""
        worst = self.scored[self.scored["loss"] > 0].head(3)
        if worst.empty:
            return _("Every indicator that is scored reaches its target.")
        told = clauses(
            _("{indicator} ({loss} points: {value}, target {target})").format(
                indicator=_(row.label),
                loss=language.number(row.loss, 1),
                value=row.value.text(),
                target=_told(row.target, row.value.unit),
            )
            for row in worst.itertuples()
        )
        return _("Most points are lost on {indicators}.").format(indicators=told)

    def certainty(self) -> str:
        """How sure the letter is, given the indicators' intervals; nothing where there is none."""
        if self.rating is None:
            return ""
        if self.rating_probabilities[self.rating] == 1:
            return _("Within the indicators’ intervals, the rating stays {rating}.").format(rating=self.rating)
        return _("Within the indicators’ intervals, the chances of the ratings are {chances}.").format(
            chances=_chances(self.rating_probabilities)
        )

    def robustness(self) -> str:
        """Whether other reasonable weights would change the letter."""
        if self.rating is None:
            return _("Too little is known for a rating.")
        kept = self.rating_under_other_weights[self.rating]
        if kept == 1:
            return _("With every weight halved to doubled at random, the rating stays {rating}.").format(
                rating=self.rating
            )
        return _(
            "With every weight halved to doubled at random, {share} of trials keep the rating {rating} ({all})."
        ).format(share=_chance(kept), rating=self.rating, all=_chances(self.rating_under_other_weights))

    def rating_table(self) -> pd.DataFrame | Absent:
        """One row per letter, best first: from which score, how likely, how often under other weights."""
        if self.rating is None:
            return Absent(_("too little is known for a rating"))
        chances = {"probability": self.rating_probabilities, "other_weights": self.rating_under_other_weights}
        columns = {name: list(each.values()) for name, each in chances.items()}
        return pd.DataFrame({"rating": list(self.bands), "from_score": list(self.bands.values())} | columns)

    def part_scores(self) -> dict[str, Estimate]:
        """Scores of the parts of which something is known, by the names under which they are published."""
        return {f"score_{row.part}": row.score for row in self.parts.itertuples() if row.score is not None}

    def scales(self) -> dict[str, tuple[float, float]]:
        """Ends of the bars of the score and of its parts."""
        return dict.fromkeys(("overall_score", *self.part_scores()), (0.0, 100.0))

    def metrics(self) -> dict[str, Estimate | Rating]:
        """By the names that others read: the score, the rating, the parts, and each indicator unchanged."""
        own: dict[str, Estimate | Rating] = {"overall_score": self.score}
        if self.rating is not None:
            own["rating"] = Rating(self.rating, self.rating_probabilities, self.score.n)
        own |= self.part_scores()
        return own | dict(zip(self.lines["name"], self.lines["value"], strict=True))

    def entry(self) -> dict[str, dict]:
        """What `movement` compares a later date with: of each scored indicator its weight, score and ends."""
        rows = self.scored
        by_name = {
            row.name: {"weight": row.weight, "score": row.score.value, "floor": row.floor, "target": row.target}
            for row in rows.itertuples(index=False)
        }
        return {"score": {"indicators": by_name, "coverage": self.coverage, "bands": dict(self.bands)}}


def rating_of(score: float, bands: Mapping[str, float], coverage: float) -> str | None:
    """The letter of a score, best first in `bands`; None where too little is known for one."""
    return str(letters(score, bands)) if coverage >= UNRATED else None


def _shown(lines: pd.DataFrame) -> pd.DataFrame:
    """Indicators with their values."""
    return pd.DataFrame(
        {
            "indicator": [_(label) for label in lines["label"]],
            "part": _part_names(lines),
            "value": [f"{value.text()} {value.bounds()}".rstrip() for value in lines["value"]],
        }
    )


def _part_names(rows: pd.DataFrame) -> list[str]:
    return [_(PARTS[part][0]) for part in rows["part"]]


def _told(end: float | None, unit: str) -> str:
    """A floor or target, without decimals that say nothing."""
    if end is None or end != end:
        return "–"
    scaled = 100 * end if unit in language.SHARES else end
    digits = next(digits for digits in (0, 1, 2) if digits == 2 or abs(round(scaled, digits) - scaled) < 1e-9)
    return language.quantity(end, unit, digits=digits)


def _chances(chances: Mapping[str, float]) -> str:
    return listed(
        _("{rating} {chance}").format(rating=letter, chance=_chance(chance))
        for letter, chance in chances.items()
        if chance > 0
    )


def _chance(chance: float) -> str:
    """A simulated chance in whole per cent; 0% and 100% only where no draw says otherwise."""
    if 0 < chance < 0.01:
        return "<1%"
    return ">99%" if 0.99 < chance < 1 else language.quantity(chance, "share", digits=0)
