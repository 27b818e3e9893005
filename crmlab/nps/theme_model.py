r"""Themes found in comments: TF-IDF of their words, split by non-negative matrix factorisation.

Each row of the matrix is a wording, of unit length: the words it uses, :math:`(1 + \log n)` times their inverse
document frequency. :math:`X \approx WH` with no negative entries; a row of :math:`H` is a theme, the weights of its
words, and a comment belongs to the theme whose direction is nearest to its own (the largest cosine), if any is near.

The number of themes is the one at which they are found again most reliably. For each number, themes are found in all
wordings and in random halves of them, and matched one to one; the mean cosine is how alike they are. The highest mean
decides, and the larger number where two are as good.

Measured on 10,302 English comments of patients (NHS England), which people had put under nine labels: six themes,
normalised mutual information .21 with the labels (.32 for the 56% of comments in a theme), adjusted Rand index .10
(.30), purity .55 (.67), the largest label alone having .33. k-means with nine groups on the same words: .23 (.32), .07
(.20), .50 (.60).
Themes are a way into comments, not the labels that people would give them.

References
----------
Lee and Seung (1999), Learning the parts of objects by non-negative matrix factorization, Nature 401, 788-791.
Greene, O'Callaghan and Cunningham (2014), How many topics? Stability analysis for topic models, ECML PKDD.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmlab.absence import FitError
from crmlab.messages import _
from crmlab.nps import words
from crmlab.nps.masking import excerpt
from crmlab.nps.words import Vocabulary

FEWEST = 10
NUMBERS = range(3, 13)
# wordings that the themes are found in, and that their number is chosen on; all comments are then sorted into them
MOST_FITTED, _MOST_COMPARED = 20_000, 2_000
_HALVES = 10
# mean cosines less than this apart are as good as each other
_AS_GOOD = 0.01
# below, a comment shares next to nothing with a theme's words
_NEAR = 0.1
_NAMED_BY = 3
# up to so many wordings, each left so many times on average, come from a list
_FEW_WORDINGS, _REPEATED = 40, 5
_MOST_WORDINGS, _LONGEST_NAME = 20, 40
_CHUNK = 50_000


@dataclass(frozen=True, eq=False)
class ThemeModel:
    """Themes of the comments of one language.

    Attributes
    ----------
    components
        One row per theme, of unit length: the weight of each term of the vocabulary.
    found_again
        Of each theme, the mean cosine between it and the nearest theme of random halves of the wordings, 0 to 1.
    fitted
        How many wordings the themes were found in.
    """

    vocabulary: Vocabulary
    idf: np.ndarray
    components: np.ndarray
    found_again: np.ndarray
    fitted: int

    def names(self, texts: pd.Series, people: np.ndarray, *, fewest: int) -> list[str]:
        """Each theme by its weightiest words, of those that at least `fewest` people wrote; empty where there are none.

        Parameters
        ----------
        texts, people
            The comments, and a number for whoever wrote each.
        """
        writers = np.zeros(len(self.vocabulary.terms))
        pairs = [np.empty(0, dtype=np.int64)]
        for at in range(0, len(texts), _CHUNK):
            place, term = words.term_counts(texts.iloc[at : at + _CHUNK], self.vocabulary).nonzero()
            pairs.append(np.unique(people[at + place] * len(writers) + term))
        own, times = np.unique(np.unique(np.concatenate(pairs)) % len(writers), return_counts=True)
        writers[own] = times
        terms, weights = np.array(self.vocabulary.terms, dtype=object), self.components * (writers >= fewest)
        heaviest = [row.argsort(kind="stable")[::-1][:_NAMED_BY] for row in weights]
        return [" · ".join(terms[at][row[at] > 0]) for at, row in zip(heaviest, weights, strict=True)]

    def closeness(self, texts: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        """The theme that each plain text is nearest to, -1 where none is near, and the cosine between them."""
        found = [np.empty((2, 0))]
        for at in range(0, len(texts), _CHUNK):
            rows = _weighted(words.term_counts(texts.iloc[at : at + _CHUNK], self.vocabulary), self.idf)
            cosines = rows @ self.components.T
            best = cosines.max(axis=1)
            found.append(np.stack([np.where(best >= _NEAR, cosines.argmax(axis=1), -1), best]))
        theme, cosine = np.concatenate(found, axis=1)
        return theme.astype(int), cosine


@dataclass(frozen=True, eq=False)
class Wordings:
    """Comments that somebody chose from a list, or always writes alike: each common wording is a theme.

    Attributes
    ----------
    texts
        The wordings, the commonest first.
    fitted
        How many wordings there are in all.
    """

    texts: tuple[str, ...]
    fitted: int

    def names(self, texts: pd.Series, people: np.ndarray, *, fewest: int) -> list[str]:
        """Each theme by its wording; empty where fewer than `fewest` people left it."""
        writers = pd.Series(people).groupby(texts.str.strip().to_numpy(dtype=object)).nunique()
        return [excerpt(text, longest=_LONGEST_NAME) if writers[text] >= fewest else "" for text in self.texts]

    @property
    def found_again(self) -> np.ndarray:
        """As of `ThemeModel`: 1 for each, for a wording is always found again."""
        return np.ones(len(self.texts))

    def closeness(self, texts: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        """The wording of each plain text, -1 for those that are no theme; the cosine is one."""
        place = {text: at for at, text in enumerate(self.texts)}
        theme = texts.str.strip().map(place).fillna(-1).to_numpy(dtype=int)
        return theme, (theme >= 0).astype(float)


def common_wordings(texts: pd.Series, *, number: int | None = None) -> Wordings | None:
    """The most common wordings, `number` of them or twenty, where they come from a list; else None.

    They do where there are 2 to 40 wordings, each of them left five times on average.
    """
    times = texts.str.strip().value_counts()
    if not 2 <= len(times) <= _FEW_WORDINGS or len(texts) < max(_REPEATED * len(times), FEWEST):
        return None
    common = sorted(times.items(), key=lambda item: (-item[1], item[0]))
    return Wordings(tuple(str(text) for text, _n in common[: number or _MOST_WORDINGS]), len(times))


def find_themes(texts: pd.Series, language: str, *, number: int | None = None, seed: int = 1) -> ThemeModel:
    """Themes of plain texts of one language, the same in whatever order they stand.

    Parameters
    ----------
    texts
        As `words.plain` gives them; each wording counts once, however often it stands there.
    number
        How many themes; None chooses from 3 to 12 by how well they are found again.
    seed
        Chooses the sample, if there are more wordings than themes are found in, and the halves.

    Raises
    ------
    ValueError
        If `number` is below 2.
    FitError
        For fewer than ten wordings with words, or words that make no themes.
    """
    from threadpoolctl import threadpool_limits

    if number is not None and not number >= 2:
        raise ValueError(f"`number` of themes must be at least 2, got {number}")
    if texts.str.strip().nunique() < 2:
        raise FitError(_("the comments all say the same, so that there are no themes to tell apart"))
    wordings = _sample(texts, seed)
    vocabulary = words.vocabulary(wordings, language)
    if not vocabulary.terms:
        raise FitError(_("no word stands in three comments of different wording, so that no theme can be told"))
    counts = words.term_counts(wordings, vocabulary)
    used = np.asarray((counts > 0).sum(axis=0)).ravel()
    idf = np.log((1 + counts.shape[0]) / (1 + used)) + 1
    rows = _weighted(counts, idf)
    rows = rows[np.diff(rows.indptr) > 0]
    # different texts may use the same words; there are no more themes than ways to use them
    most = min(rows.shape[0] // 5, np.count_nonzero(used))
    if rows.shape[0] < FEWEST or most < 2:
        few = _("themes need at least {fewest} comments of different wording that share words, and there are {n}")
        raise FitError(few.format(fewest=FEWEST, n=rows.shape[0]))
    compared = rows[:_MOST_COMPARED]
    # several threads would wait for each other longer than they work
    with threadpool_limits(1):
        if number is None:
            numbers = [k for k in NUMBERS if k <= most] or [2]
            alike = {k: _found_again(compared, _components(compared, k, seed), seed).mean() for k in numbers}
            number = max(k for k in numbers if alike[k] >= max(alike.values()) - _AS_GOOD)
        components = _components(rows, min(number, most), seed)
        found_again = _found_again(compared, components, seed)
    return ThemeModel(vocabulary, idf, components, found_again, len(wordings))


def _sample(texts: pd.Series, seed: int) -> pd.Series:
    """Distinct texts, as many as themes are found in, in an order that what they say decides."""
    distinct = pd.Series(texts.unique(), dtype="string[pyarrow]")
    hashed = pd.util.hash_array(distinct.to_numpy(dtype=object), hash_key=f"{seed:016d}"[-16:], categorize=False)
    return distinct.iloc[np.argsort(hashed, kind="stable")[:MOST_FITTED]].reset_index(drop=True)


def _weighted(counts, idf: np.ndarray):
    """TF-IDF of unit length in each row."""
    from sklearn.preprocessing import normalize

    rows = counts.copy()
    rows.data = (1 + np.log(rows.data)) * idf[rows.indices]
    return normalize(rows, copy=False)


def _components(rows, number: int, seed: int) -> np.ndarray:
    """The themes' words, of unit length."""
    import warnings

    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    model = NMF(number, init="nndsvd", random_state=seed, tol=1e-3, max_iter=100)
    with warnings.catch_warnings():
        # 100 rounds are near enough: what is left changes no theme's leading words
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = model.fit(rows).components_
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return found[lengths[:, 0] > 0] / lengths[lengths > 0][:, None]


def _found_again(rows, themes: np.ndarray, seed: int) -> np.ndarray:
    """Mean cosine of each theme and its like in random halves."""
    from scipy.optimize import linear_sum_assignment

    rng = np.random.default_rng(seed)
    alike = np.zeros((_HALVES, len(themes)))
    for half in alike:
        chosen = rng.permutation(rows.shape[0])[: rows.shape[0] // 2]
        cosines = themes @ _components(rows[np.sort(chosen)], len(themes), seed).T
        place, other = linear_sum_assignment(-cosines)
        half[place] = cosines[place, other]
    return alike.mean(axis=0)
