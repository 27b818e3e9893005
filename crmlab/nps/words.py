"""Which words comments are made of, in Chinese and in languages written with spaces.

Three steps, the slow one for a sample only:

- a comment is read plainly: full-width letters made ordinary, markup, addresses and entities taken out, letters small;
- the vocabulary is what at least a few comments of a sample use: words between spaces, and in Chinese the words that
  jieba finds, a negation joined to the word behind it (不及时);
- every comment is counted by this vocabulary alone: words by a look-up, Chinese words wherever they stand in the text,
  the longest first. A million comments take seconds that way, and sample and rest are counted alike.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

LANGUAGES = ("zh", "en")
# letters of a comment that are read; few people write more, and a pasted mail must not make a theme
LONGEST = 2000
# share of Chinese characters among a comment's letters from which on it is read as Chinese
_HAN_SHARE = 0.2
_MOST_TERMS = 2000
# of comments that use a word, the least number, and the largest share
_FEWEST, _MOST_SHARE = 3, 0.5
_LONGEST_TERM = 4
# Chinese words of one character that say much; others are parts of words as a rule
_SINGLE = frozenset("贵慢快脏乱吵旧坏漏")
_DEGREES = frozenset("很太挺真好最更")
_NEGATIONS = frozenset("不没未无别")
# jieba reads a million letters in seconds: so many texts, and letters of each, tell which words there are
_MOST_CUT, _LONGEST_CUT = 5000, 300
# letters that are looked up at once: a few hundred megabytes
_AT_ONCE = 4_000_000
_NOT_WORDS = r"<[^<>]{1,300}>|https?://\S+|www\.\S+|[\w.+-]+@[\w.-]+|&#?\w{2,8};"


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The words that comments of a language (one of `LANGUAGES`) are counted by, in alphabetical order."""

    language: str
    terms: tuple[str, ...]


@cache
def stop_words(language: str) -> frozenset[str]:
    """Words that say nothing of what a comment is about, from the list of that language in this folder.

    Raises
    ------
    ValueError
        If there is no list of the language: it must be one of `LANGUAGES`.
    """
    if language not in LANGUAGES:
        raise ValueError(f"`language` must be among {', '.join(LANGUAGES)}, got {language!r}")
    text = (Path(__file__).parent / f"stop_words_{language}.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


def plain(comments: pd.Series) -> pd.Series:
    """Comments as they are counted: full-width letters made ordinary, markup and addresses taken out, letters small.

    Examples
    --------
    >>> plain(pd.Series(["<b>ＧＯＯＤ</b> service &amp; food"])).str.split().str.join(" ").tolist()
    ['good service food']
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pa.array(comments.astype(object).where(comments.notna(), "").astype(str), pa.large_string())
    # cut twice: what normalising lengthens stays short enough to read
    texts = pc.utf8_normalize(pc.utf8_slice_codeunits(texts, 0, 2 * LONGEST), form="NFKC")
    texts = pc.replace_substring_regex(pc.utf8_lower(texts), _NOT_WORDS, " ")
    texts = pc.replace_substring_regex(texts, "['’ʼ`]", "")
    return pd.Series(pc.utf8_slice_codeunits(texts, 0, LONGEST).to_pandas(), dtype="string[pyarrow]")


def languages_of(texts: pd.Series) -> np.ndarray:
    """The language of each plain text, by its characters: `zh`, else `en` for words between spaces, or empty.

    One letter in five Chinese makes a comment Chinese: its characters say more each. A comment without letters
    (figures, emoji, blank) is of no language.
    """
    letters, han = (texts.str.count(pattern).to_numpy(dtype=float) for pattern in (r"\p{L}", r"\p{Han}"))
    return np.select([letters == 0, han >= _HAN_SHARE * letters], ["", "zh"], "en").astype(object)


def vocabulary(texts: pd.Series, language: str) -> Vocabulary:
    """The words that at least three of these texts use, and no more than half of them.

    Parameters
    ----------
    texts
        Plain texts of one language, each once, in no order that says anything: of many Chinese ones, the first five
        thousand are read.
    """
    stop = stop_words(language)
    if language == "zh":
        texts = texts.iloc[:_MOST_CUT].str.slice(0, _LONGEST_CUT)
    used = Counter()
    cut = _cutter() if language == "zh" else None
    for words in _words(texts):
        found = set(words)
        if cut is not None:
            found = {word for run in words for word in cut(run)}
        used.update(found)
    most = max(_FEWEST, _MOST_SHARE * len(texts))
    kept = [(-n, word) for word, n in used.items() if _FEWEST <= n <= most and word not in stop and _long_enough(word)]
    return Vocabulary(language, tuple(sorted(word for _n, word in sorted(kept)[:_MOST_TERMS])))


def _long_enough(word: str) -> bool:
    return len(word) > 1 or word in _SINGLE


def _words(texts: pd.Series) -> list[list[str]]:
    """Runs of letters, in each text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    runs = pc.replace_substring_regex(pa.array(texts, pa.large_string()), r"[^\p{L}]+", " ")
    return [run.split() for run in runs.to_pylist()]


@cache
def _cutter():
    """jieba's words of a run of letters, a negation joined to the word behind it, none of more than four characters."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its patterns are written as of Python 2
        import jieba
    tokenizer = jieba.Tokenizer()
    # not through `initialize`, which reads and writes a file in the folder that all users of a machine share
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True

    def cut(run: str) -> list[str]:
        words, before = [], ""
        for word in tokenizer.cut(run):
            word = word[1:] if word[0] in _DEGREES and word[1:] in _SINGLE else word
            words.append(before + word)
            before = before + word if word in _NEGATIONS and not before else ""
        return [word for word in words if len(word) <= _LONGEST_TERM or word.isascii()]

    return cut


def term_counts(texts: pd.Series, vocabulary: Vocabulary) -> Any:
    """How often each text uses each term of the vocabulary: a sparse matrix, one row per text.

    Of Chinese terms that lie in one another the longest counts.
    """
    from scipy import sparse

    letters = texts.str.len().to_numpy(dtype=np.int64).cumsum()
    ends = np.flatnonzero(np.diff(letters // _AT_ONCE)) + 1
    parts = [texts.iloc[start:end] for start, end in pairwise([0, *ends, len(texts)])]
    return sparse.vstack([_counted(part, vocabulary) for part in parts], format="csr")


def _counted(texts: pd.Series, vocabulary: Vocabulary):
    from scipy import sparse

    rows, terms = _latin(texts, vocabulary)
    if vocabulary.language == "zh":
        han = _han(texts, vocabulary)
        rows, terms = np.concatenate([rows, han[0]]), np.concatenate([terms, han[1]])
    shape = len(texts), len(vocabulary.terms)
    return sparse.csr_matrix((np.ones(len(rows)), (rows, terms)), shape=shape)


def _latin(texts: pd.Series, vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray]:
    """Text and term of each word between spaces; plurals in -s count as their singular where both are terms."""
    import pyarrow as pa
    import pyarrow.compute as pc

    place = {term: at for at, term in enumerate(vocabulary.terms)}
    known = [term for term in vocabulary.terms if not _is_han(term)]
    # Chinese runs are no words
    runs = pc.replace_substring_regex(pa.array(texts, pa.large_string()), r"[^\p{L}]+|\p{Han}+", " ")
    split = pc.split_pattern(runs, " ")
    found = pc.index_in(split.flatten(), value_set=pa.array(known, pa.large_string()))
    text = pc.list_parent_indices(split).to_numpy()
    is_term = found.is_valid().to_numpy(zero_copy_only=False)
    own = np.array([place[_singular(term, place)] for term in known], dtype=int)
    return text[is_term], own[found.drop_null().to_numpy()]


def _singular(term: str, place: dict[str, int]) -> str:
    return term[:-1] if term.endswith("s") and len(term) > 3 and term[:-1] in place else term


def _is_han(term: str) -> bool:
    return not term.isascii() and any("\u3400" <= letter <= "\u9fff" for letter in term)


def _han(texts: pd.Series, vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray]:
    """Text and term of each place at which a Chinese term stands.

    Each character is numbered, and a run of them is one number: all places of a text are looked up at once.
    """
    terms = [(at, term) for at, term in enumerate(vocabulary.terms) if _is_han(term) and len(term) <= _LONGEST_TERM]
    lengths = texts.str.len().to_numpy(dtype=np.int64)
    codes = np.frombuffer("".join(texts.tolist()).encode("utf-32-le"), dtype=np.uint32)
    # the number 0 is for characters that are in no term, and for the end of a text
    number = np.zeros(0x110000, dtype=np.int64)
    letters = sorted({letter for _at, term in terms for letter in term})
    number[[ord(letter) for letter in letters]] = np.arange(1, len(letters) + 1)
    text = np.repeat(np.arange(len(texts)), lengths)
    # one place more than letters between texts, so that no term reaches from one into the next
    spread = np.zeros(len(codes) + len(texts) + _LONGEST_TERM, dtype=np.int64)
    where = np.arange(len(codes)) + text
    spread[where] = number[codes]
    base, covered = len(letters) + 1, np.zeros(len(spread), dtype=bool)
    found_rows, found_terms = [], []
    owner = np.zeros(len(spread), dtype=np.int64)
    owner[where] = text
    for length in range(_LONGEST_TERM, 0, -1):
        of_length = [(at, term) for at, term in terms if len(term) == length]
        if not of_length:
            continue
        keys = np.array([_key([number[ord(letter)] for letter in term], base) for _at, term in of_length])
        order = np.argsort(keys)
        places = np.flatnonzero(spread[: len(spread) - length + 1])
        seen = _key([spread[places + step] for step in range(length)], base)
        nearest = np.minimum(np.searchsorted(keys[order], seen), len(keys) - 1)
        hit = (keys[order][nearest] == seen) & ~(covered[places] & covered[places + length - 1])
        starts = places[hit]
        found_rows.append(owner[starts])
        found_terms.append(np.array([at for at, _term in of_length])[order][nearest[hit]])
        for step in range(length):
            covered[starts + step] = True
    if not found_rows:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    return np.concatenate(found_rows), np.concatenate(found_terms)


def _key(numbers, base: int):
    """Numbers of a run's characters as one number."""
    total = numbers[0]
    for number in numbers[1:]:
        total = total * base + number
    return total
