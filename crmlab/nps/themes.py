"""What comments are about: themes with their size, the scores given with them, their trend, and typical comments.

The themes are found in the comments themselves (see `crmlab.nps.theme_model`), for each language apart, and a comment
counts for one theme at most. Intervals say how far shares, scores and trends would differ in other comments sorted
into the same themes; they allow for people who wrote more than once.

A theme, and each word it is called by, is of as many people at least as a group of customers needs to be told of.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.absence import Absent, FitError
from crmlab.many_tests import holm
from crmlab.messages import N_, _, listed, ngettext, sentences
from crmlab.nps import theme_figures, words
from crmlab.nps.theme_model import FEWEST, MOST_FITTED, common_wordings, find_themes
from crmlab.nps.typical_comments import TypicalComments, typical_comments
from crmlab.privacy import min_group

LANGUAGE_NAMES = {"zh": N_("Chinese"), "en": N_("English and others")}
_COLUMNS = ("theme", "language", "comments", "share", "nps", "change", "found_again", "score", "trend")
# below, a theme is said to be found again less than reliably
_RELIABLE = 0.7
# a verdict on a theme is given where it would be wrong for any of them 5 times in 100
_ERROR = 0.05


@dataclass(frozen=True, eq=False)
class CommentThemes:
    """What comments are about.

    Attributes
    ----------
    themes
        One row per theme, the largest first: `theme` (its words), `language`, `comments`, `share` of all comments,
        `nps` of those who wrote of it (None below ten answers), `change` of the share a year in percentage points
        (None where it cannot be told), `found_again` (how alike the theme is in random halves of the comments, 0 to 1),
        `score` (`lower` or `higher` than that of all other comments, or empty) and `trend` (`rising`, `falling` or
        empty): both hold for all themes together (Holm).
    months
        One row per theme and month with comments: `theme`, `month`, `comments`, `of` (all that month), `share`, `low`,
        `high`.
    typical
        Typical comments.
    comments
        How many comments there are.
    wordless
        Those without a word: figures, emoji.
    in_none
        Those with words that are near no theme.
    fitted
        How many wordings the themes were found in; `sampled` if there are more.
    source
        `comments` of surveys or `notes` of service cases.
    """

    formats: ClassVar[dict[str, str]] = {"comments": "integer", "found_again": "share"}
    labels: ClassVar[dict[str, str]] = {
        "theme": N_("Theme"),
        "language": N_("Language"),
        "comments": N_("Comments"),
        "share": N_("Share of comments"),
        "nps": N_("Net promoter score"),
        "change": N_("Change of the share a year, percentage points"),
        "found_again": N_("Found again"),
    }

    themes: pd.DataFrame
    months: pd.DataFrame
    typical: TypicalComments
    comments: int
    wordless: int
    in_none: int
    fitted: int
    sampled: bool
    source: str = "comments"

    def table(self) -> pd.DataFrame:
        """`themes` as a reader needs them: what there is nothing of is left out."""
        shown = self.themes.drop(columns=["score", "trend"])
        shown["language"] = [_(LANGUAGE_NAMES[name]) for name in shown["language"]]
        empty = [name for name in ("nps", "change") if all(value is None for value in shown[name])]
        return shown.drop(columns=[*empty, *(["language"] if shown["language"].nunique() < 2 else [])])

    def summary(self) -> str:
        """How many themes there are, the largest, the one with lower scores, and what grows or shrinks."""
        first = self.themes.iloc[0]
        told = ngettext(
            "The comments show one theme, “{theme}”: {share} of comments {evidence}.",
            "The comments show {n} themes; the largest is “{theme}”: {share} of comments {evidence}.",
            len(self.themes),
        )
        if self.source == "notes":
            told = ngettext(
                "The case notes show one theme, “{theme}”: {share} of notes {evidence}.",
                "The case notes show {n} themes; the largest is “{theme}”: {share} of notes {evidence}.",
                len(self.themes),
            )
        told = told.format(
            n=len(self.themes),
            theme=first["theme"],
            share=first["share"].text(),
            evidence=first["share"].evidence(),
        )
        return sentences(told, self._scores(), self._trends())

    def _scores(self) -> str:
        lower = _extreme(self.themes[self.themes["score"] == "lower"], "nps")
        if lower is None:
            return ""
        message = _("Those who write of “{theme}” recommend less than the others: net promoter score {nps} {evidence}.")
        return message.format(theme=lower["theme"], nps=lower["nps"].text(), evidence=lower["nps"].evidence())

    def _trends(self) -> str:
        if all(change is None for change in self.themes["change"]):
            return ""
        messages = {
            "rising": _("“{theme}” is written of more and more: {change} a year {evidence}."),
            "falling": _("“{theme}” is written of less and less: {change} a year {evidence}."),
        }
        told = []
        for trend, message in messages.items():
            moved = _extreme(self.themes[self.themes["trend"] == trend], "change", lowest=trend == "falling")
            if moved is not None:
                change = moved["change"]
                told.append(message.format(theme=moved["theme"], change=change.text(), evidence=change.evidence()))
        return sentences(*told) or _("No theme has grown or shrunk by more than chance would do.")

    @property
    def limits(self) -> str | Absent:
        """What the themes do not tell: comments in none, the sample they were found in, how firm they are."""
        none = _("{share} of comments use too few words of any theme and count for none.")
        if self.source == "notes":
            none = _("{share} of notes are of none of these themes.")
        none = none.format(share=language.quantity((self.in_none + self.wordless) / self.comments, "share"))
        sample = _("The themes were found in a sample of {n} wordings; all comments were then sorted into them.")
        pairs = zip(self.themes["theme"], self.themes["found_again"], strict=True)
        loose = [name for name, again in pairs if again < _RELIABLE]
        firm = _("In halves of the comments, these themes come out differently and are no more than a hint: {names}.")
        told = sentences(
            none if self.in_none + self.wordless else "",
            sample.format(n=language.number(self.fitted)) if self.sampled else "",
            firm.format(names=listed(f"“{name}”" for name in loose)) if loose else "",
        )
        return told or Absent(_("every comment is in a theme that is found again"))


def comment_themes(
    comments: pd.DataFrame,
    *,
    number: int | None = None,
    source: str = "comments",
    seed: int = 1,
    confidence_level: float = 0.95,
) -> CommentThemes:
    """Themes of comments, each with what there is to say of it.

    Parameters
    ----------
    comments
        One row each: `comment`, and `date`, `customer_id`, `nps` where they are known.
    number
        How many themes, in each language; None lets the comments choose from 3 to 12.
    source
        `comments` of surveys or `notes` of service cases: what the summary calls them.
    seed
        Chooses samples; the order of rows changes nothing.

    Raises
    ------
    ValueError
        If `comments` has no column `comment`, or `source` is neither.
    FitError
        For fewer than ten comments with words, comments that share none, or themes of too few people each.
    """
    if "comment" not in comments:
        raise ValueError("`comments` must have the column comment")
    if source not in ("comments", "notes"):
        raise ValueError(f"`source` must be comments or notes, got {source!r}")
    given = comments["comment"].fillna("").astype(str).str.strip() != ""
    frame = comments[given].reset_index(drop=True)
    texts = words.plain(frame["comment"])
    spoken = words.languages_of(texts)
    if (spoken != "").sum() < FEWEST:
        few = _("themes need at least {fewest} comments with words, and there are {n}")
        raise FitError(few.format(fewest=FEWEST, n=int((spoken != "").sum())))
    theme, cosine, known = _sorted_in(texts, spoken, theme_figures.people_of(frame), number, seed)
    rows = [_theme(frame, theme == at, confidence_level) for at in range(len(known))]
    found = pd.concat([known.drop(columns="fitted"), pd.DataFrame(rows)], axis=1)
    found["score"], found["trend"] = _verdicts(found.pop("gap")), _verdicts(found.pop("slope"), ("falling", "rising"))
    order = found.sort_values(["comments", "theme"], ascending=[False, True]).index
    return CommentThemes(
        found.loc[order, [*_COLUMNS]].reset_index(drop=True),
        _months(frame, theme, found["theme"], order, confidence_level),
        typical_comments(frame, texts, theme, cosine, found.loc[order, "theme"]),
        len(frame),
        int((spoken == "").sum()),
        int(((spoken != "") & (theme < 0)).sum()),
        int(known.drop_duplicates(["language", "fitted"])["fitted"].sum()),
        bool((known["fitted"] >= MOST_FITTED).any()),
        source,
    )


def _sorted_in(texts: pd.Series, spoken: np.ndarray, people: np.ndarray, number: int | None, seed: int):
    """Theme and closeness of each comment, and the themes: `theme` (its name), `language`, `found_again`, `fitted`."""
    theme, cosine = np.full(len(texts), -1), np.zeros(len(texts))
    known, reasons, fewest = [], [], min_group()
    chosen = common_wordings(texts[spoken != ""], number=number)
    if chosen is not None:
        theme, cosine = chosen.closeness(texts)
        of = words.languages_of(pd.Series(chosen.texts, dtype="string[pyarrow]"))
        names = chosen.names(texts, people, fewest=fewest)
        known = [(name, own, 1.0, chosen.fitted) for name, own in zip(names, of, strict=True)]
    for name in words.LANGUAGES if chosen is None else ():
        inside = spoken == name
        if inside.sum() < FEWEST:
            continue
        try:
            model = find_themes(texts[inside], name, number=number, seed=seed)
        except FitError as error:
            reasons.append(str(error))
            continue
        place, cosine[inside] = model.closeness(texts[inside])
        theme[inside] = np.where(place < 0, -1, place + len(known))
        again = zip(model.names(texts[inside], people[inside], fewest=fewest), model.found_again, strict=True)
        known += [(called, name, float(alike), model.fitted) for called, alike in again]
    if not known:
        few = _("themes need at least {fewest} comments of one language, and there are fewer")
        raise FitError(reasons[0] if reasons else few.format(fewest=FEWEST))
    writers = pd.Series(people).groupby(theme).nunique().reindex(range(len(known)), fill_value=0)
    held = (writers >= fewest).to_numpy() & np.array([name != "" for name, *_rest in known])
    if not held.any():
        raise FitError(_("no theme is of {n} customers or more").format(n=fewest))
    place = np.append(np.where(held, np.cumsum(held) - 1, -1), -1)
    themes = pd.DataFrame(known, columns=["theme", "language", "found_again", "fitted"])
    return place[theme], cosine, themes[held].reset_index(drop=True)


def _theme(frame: pd.DataFrame, inside: np.ndarray, confidence_level: float) -> dict:
    """The figures of one theme; `gap` and `slope` are differences with their p-values."""
    people, level = theme_figures.people_of(frame), {"confidence_level": confidence_level}
    row: dict[str, Any] = {"comments": int(inside.sum())}
    row["share"] = theme_figures.share(inside, people, label=_("share of comments"), **level)
    scores = frame["nps"].to_numpy(dtype=float) if "nps" in frame else np.full(len(frame), np.nan)
    rated = np.isfinite(scores)
    own = rated & inside & (len(np.unique(people[rated & inside])) >= min_group())
    row["nps"] = theme_figures.promoter_score(scores[own], people[own], label=_("net promoter score"), **level)
    row["gap"] = theme_figures.score_gap(scores[rated], inside[rated], people[rated])
    row["change"], p = None, np.nan
    if "date" in frame:
        label = _("change of the share a year")
        row["change"], p = theme_figures.change_a_year(inside, frame["date"], people, label=label, **level)
    row["slope"] = (0.0 if row["change"] is None else row["change"].value, p)
    return row


def _verdicts(differences: pd.Series, names: tuple[str, str] = ("lower", "higher")) -> list[str]:
    """Which differences hold, all taken together, and which way they point."""
    adjusted = holm([p for _value, p in differences])
    pairs = zip(differences, adjusted, strict=True)
    return ["" if not p < _ERROR else names[int(value > 0)] for (value, _p), p in pairs]


def _months(frame: pd.DataFrame, theme: np.ndarray, names: pd.Series, order, confidence_level: float) -> pd.DataFrame:
    columns = ["theme", "month", "comments", "of", "share", "low", "high"]
    if "date" not in frame or frame["date"].isna().all():
        return pd.DataFrame(columns=columns)
    people, months = theme_figures.people_of(frame), frame["date"].dt.to_period("M").dt.to_timestamp()
    enough = (pd.Series(people).groupby(months).transform("nunique") >= min_group()).to_numpy()
    level = {"confidence_level": confidence_level}
    if not enough.any():
        return pd.DataFrame(columns=columns)
    people, months, theme = people[enough], months[enough].reset_index(drop=True), theme[enough]
    parts = [theme_figures.monthly_shares(theme == at, months, people, **level).assign(theme=names[at]) for at in order]
    return pd.concat(parts, ignore_index=True)[columns]


def _extreme(themes: pd.DataFrame, column: str, *, lowest: bool = True) -> pd.Series | None:
    """The theme with the lowest or highest estimate of a column; None where there is none."""
    if themes.empty:
        return None
    values = [estimate.value for estimate in themes[column]]
    return themes.iloc[int(np.argmin(values) if lowest else np.argmax(values))]
