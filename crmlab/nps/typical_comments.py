"""Two or three comments that show what a theme is about: near to it, unlike each other, and fit to be shown."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from crmlab.messages import N_
from crmlab.nps.masking import excerpt

_EXAMPLES = 3
# of a theme's comments, so many of the nearest are looked at; very short ones come last
_LOOKED_AT, _SHORT = 200, 4
# share of two letters in a row that two comments have in common from which on they say the same
_ALIKE = 0.4


@dataclass(frozen=True, eq=False)
class TypicalComments:
    """Typical comments of themes: masked, cut, one line each.

    Attributes
    ----------
    comments
        One row each: `theme`, `comment`, and `nps`, the score given with it.
    """

    formats: ClassVar[dict[str, str]] = {"nps": "integer"}
    labels: ClassVar[dict[str, str]] = {
        "theme": N_("Theme"),
        "signal": N_("Signal"),
        "comment": N_("Typical comment"),
        "nps": N_("Score"),
    }

    comments: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """`comments`, without scores where there are none."""
        return self.comments.drop(columns=["nps"] if self.comments["nps"].isna().all() else [])


def typical_comments(
    frame: pd.DataFrame, texts: pd.Series, group: np.ndarray, nearness: np.ndarray, names, *, column: str = "theme"
) -> TypicalComments:
    """The comments nearest to each group: one each of promoters, passives and detractors, where there are scores.

    Whichever of them wrote most about it stands first, so that a theme of complaints does not show praise alone.

    Parameters
    ----------
    frame
        One row per comment: `comment` as it was written, `nps` where there are scores.
    texts
        The comments as plain texts.
    group
        By comment: the number of its group; -1 for none.
    nearness
        By comment: how near it is to its group.
    names
        By number: the groups' names, in the order in which they are shown.
    column
        What the groups are called in the table.
    """
    scores = frame["nps"].to_numpy(dtype=float) if "nps" in frame else np.full(len(frame), np.nan)
    near = pd.DataFrame({"place": np.arange(len(texts)), "group": group, "nearness": np.round(nearness, 6)})
    # empty scores are above no bound
    near["kind"] = np.select([scores >= 9, scores >= 7, scores >= 0], [2, 1, 0], -1)
    written, rows = frame["comment"], []
    for number, name in names.items():
        own = near[near["group"] == number]
        candidates = [_nearest(own[own["kind"] == kind], texts) for kind in own["kind"].value_counts().index]
        rows += [(name, excerpt(written.iloc[place]), scores[place]) for place in _unlike(candidates)]
    return TypicalComments(pd.DataFrame(rows, columns=[column, "comment", "nps"]))


def _nearest(own: pd.DataFrame, texts: pd.Series) -> list[tuple[int, str]]:
    """Place and text of the nearest comments; of equally near ones the shorter first, whatever order they stand in."""
    least = own["nearness"].nlargest(_LOOKED_AT).min()
    own = own[own["nearness"] >= least]
    own = own.assign(text=texts.iloc[own["place"]].to_numpy(dtype=object))
    own = own.assign(length=own["text"].str.len())
    own = own.assign(short=own["length"] < _SHORT).drop_duplicates("text")
    own = own.sort_values(["short", "nearness", "length", "text"], ascending=[True, False, True, True])
    return list(zip(own["place"], own["text"], strict=True))


def _unlike(candidates: list[list[tuple[int, str]]]) -> list[int]:
    """The first of each list that is unlike those chosen before, then the first of any, up to three."""
    chosen, said = [], []
    for offered in candidates * _EXAMPLES:
        for place, text in offered:
            pairs = {text[at : at + 2] for at in range(len(text) - 1)} or {text}
            if all(len(pairs & other) < _ALIKE * len(pairs | other) for other in said):
                chosen.append(place)
                said.append(pairs)
                break
        if len(chosen) == _EXAMPLES:
            break
    return chosen
