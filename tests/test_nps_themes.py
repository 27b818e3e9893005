import numpy as np
import pandas as pd
import pytest

from crmlab import absence, tables
from crmlab.absence import Absent
from crmlab.aggregate.comments import written_comments
from crmlab.nps import theme_figures, words
from crmlab.nps.theme_model import find_themes
from crmlab.nps.themes import comment_themes
from crmlab.nps.typical_comments import typical_comments

WORDS = {
    "zh": ("物流 交货 配送 延误 发货 工期", "师傅 维修 故障 修好 技术 零件", "价格 租金 优惠 合同 账单 付款"),
    "en": (
        "delivery driver parcel courier truck",
        "engineer repair parts mechanic fault",
        "price invoice cost fee lease",
    ),
}


def made(n=300, language="en", seed=0, scores=True):
    """Comments of three themes, and which each is of; the first theme has the lowest scores."""
    rng = np.random.default_rng(seed)
    of = rng.integers(0, 3, n)
    joint = "，" if language == "zh" else " "
    texts = [joint.join(rng.choice(WORDS[language][theme].split(), 4)) for theme in of]
    frame = pd.DataFrame(
        {"comment": texts, "date": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(n) * 2, unit="D")}
    )
    frame["customer_id"] = [f"C{place}" for place in range(n)]
    if scores:
        frame["nps"] = np.where(of == 0, rng.integers(0, 7, n), rng.integers(7, 11, n)).astype(float)
    return frame, of


def alike(one, other):
    """Share of pairs of comments that both sortings put together or both apart."""
    one, other = np.asarray(one), np.asarray(other)
    return np.mean((one[:, None] == one) == (other[:, None] == other))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_themes_that_were_put_in_come_back(language):
    frame, of = made(language=language)
    texts = words.plain(frame["comment"])
    model = find_themes(texts, language)
    theme, cosine = model.closeness(texts)
    assert len(model.components) == 3
    assert alike(theme, of) > 0.98 and model.found_again.min() > 0.9
    assert ((cosine >= 0) & (cosine <= 1 + 1e-9)).all()
    for name in model.names(texts, np.arange(len(texts)), fewest=5):
        assert any(set(name.split(" · ")) <= set(own.split()) for own in WORDS[language])


def test_order_of_rows_changes_nothing_and_a_seed_repeats():
    frame, _of = made()
    mixed = frame.sample(frac=1, random_state=5)
    one, other = comment_themes(frame, number=3), comment_themes(mixed, number=3)
    for part in ("themes", "months"):
        assert getattr(one, part).map(str).equals(getattr(other, part).map(str))
    assert one.typical.comments.equals(other.typical.comments)
    assert one.summary() == other.summary()


def test_the_theme_of_the_dissatisfied_stands_out():
    found = comment_themes(made()[0], number=3)
    lower = found.themes[found.themes["score"] == "lower"]
    assert len(lower) == 1 and lower["nps"].iloc[0].value == -100
    assert "recommend less than the others: net promoter score −100.0 points" in found.summary()
    assert found.themes["comments"].sum() + found.in_none + found.wordless == found.comments == 300


def test_a_theme_that_grows_is_told_and_others_are_not_news():
    frame, of = made(n=900)
    order = np.argsort(np.where(of == 1, 1.0, 0.0) + np.random.default_rng(1).random(900), kind="stable")
    grown = frame.iloc[order].assign(date=frame["date"].to_numpy())
    found = comment_themes(grown, number=3)
    assert "is written of more and more" in found.summary()
    assert (found.themes["trend"] == "rising").sum() == 1
    assert comment_themes(frame, number=3).themes["trend"].eq("").all()


def test_mixed_languages_have_themes_of_their_own():
    frame = pd.concat([made(language="zh")[0], made(language="en", seed=1)[0]])
    found = comment_themes(frame, number=3)
    assert found.themes["language"].value_counts().to_dict() == {"zh": 3, "en": 3}
    assert set(found.table()["language"]) == {"Chinese", "English and others"}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("售后响应不及时", "zh"),
        ("app 很好用", "zh"),
        ("the 好 machine works", "en"),
        ("😀😀 10/10", ""),
        ("", ""),
        ("muito bom", "en"),
    ],
)
def test_a_comment_s_language_is_told_by_its_characters(text, language):
    assert words.languages_of(words.plain(pd.Series([text]))).tolist() == [language]


def test_a_negation_belongs_to_its_word_and_the_longest_word_counts():
    texts = words.plain(
        pd.Series([f"{start}响应不及时" for start in "甲乙丙丁"] + [f"{start}回复及时" for start in "甲乙丙丁"])
    )
    vocabulary = words.vocabulary(texts, "zh")
    counts = pd.DataFrame(words.term_counts(texts, vocabulary).toarray(), columns=vocabulary.terms)
    assert counts["不及时"].tolist() == [1] * 4 + [0] * 4
    assert counts["及时"].tolist() == [0] * 4 + [1] * 4


def test_plural_and_singular_are_one_word_and_markup_is_none():
    texts = words.plain(
        pd.Series(["<b>nurse</b> ＷＡＲＤ", "nurses ward &nbsp;", "nurse https://a.cn/nurse ward"] * 2 + ["other"] * 20)
    )
    vocabulary = words.vocabulary(pd.Series(["nurse ward", "nurses", "nurse", "nurses x", "a nurses", "a nurse"]), "en")
    counts = words.term_counts(texts.iloc[:3], vocabulary).toarray()
    assert counts[:, vocabulary.terms.index("nurse")].tolist() == [1, 1, 1]


def test_stop_words_are_lists_of_both_languages():
    assert "the" in words.stop_words("en") and "因为" in words.stop_words("zh")
    with pytest.raises(ValueError, match="must be among zh, en, got 'fr'"):
        words.stop_words("fr")


HOSTILE = {
    "long": ["delivery " * 1200] * 3,
    "emoji": ["😀" * 50, "👍🏽", "♥"],
    "html": ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "&lt;b&gt;"],
    "figures": ["123", "10/10", "--"],
    "blank": ["", "   ", None],
    "odd": ["\u202eabc", "a\x00b", "ﷺ" * 100],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_comments_are_counted_and_never_fatal(kind):
    frame, _of = made()
    frame = pd.concat([frame, pd.DataFrame({"comment": HOSTILE[kind], "date": pd.Timestamp("2024-05-01")})])
    found = comment_themes(frame, number=3)
    blank = kind == "blank"
    assert found.comments == 300 + (0 if blank else 3)
    assert found.typical.comments["comment"].str.len().max() <= 160


def test_markup_in_comments_is_text_on_the_page():
    frame, _of = made()
    frame["comment"] = "<b>" + frame["comment"] + "</b> <script>alert('delivery')</script> 13800138000"
    shown = tables.of(comment_themes(frame, number=3).typical, title="Typical")
    html = shown.gt.as_raw_html()
    assert "<script>" not in html and "&lt;script&gt;" in html and "[phone number]" in html


@pytest.mark.parametrize(
    ("comments", "reason"),
    [
        (["good delivery"], "at least 10 comments with words, and there are 1"),
        (["good delivery"] * 9, "at least 10 comments with words, and there are 9"),
        (["good delivery"] * 50, "all say the same"),
        (["😀"] * 50, "and there are 0"),
        ([f"word{chr(97 + place)}{chr(97 + place)}" for place in range(20)], "no word stands in three comments"),
        ([], "and there are 0"),
        ([None] * 30, "and there are 0"),
    ],
)
def test_what_carries_no_themes_is_absent_with_its_reason(comments, reason):
    found = absence.attempt(comment_themes, pd.DataFrame({"comment": comments}, dtype=object))
    assert isinstance(found, Absent) and reason in found.reason


def test_comments_from_a_list_are_themes_as_they_stand():
    frame = pd.DataFrame({"comment": ["液压系统漏油"] * 60 + ["索取发票"] * 30 + ["Call 13800138000"] * 10})
    found = comment_themes(frame, source="notes")
    assert found.themes["theme"].tolist() == ["液压系统漏油", "索取发票", "call [phone number]"]
    assert found.themes["share"].iloc[0].value == 0.6
    assert found.summary().startswith("The case notes show 3 themes; the largest is “液压系统漏油”: 60.0% of notes")
    assert list(found.table()) == ["theme", "language", "comments", "share", "found_again"]


def test_misuse_is_named():
    with pytest.raises(ValueError, match="must have the column comment"):
        comment_themes(pd.DataFrame({"text": []}))
    with pytest.raises(ValueError, match="`source` must be comments or notes"):
        comment_themes(pd.DataFrame({"comment": []}), source="mails")
    with pytest.raises(ValueError, match="must be at least 2, got 1"):
        comment_themes(made()[0], number=1)


def test_promoters_and_detractors_both_have_their_say():
    frame = pd.DataFrame(
        {"comment": ["slow repair", "repair was quick", "the repair went well"], "nps": [1.0, 9.0, 10.0]}
    )
    shown = typical_comments(
        frame, words.plain(frame["comment"]), np.zeros(3, dtype=int), np.array([0.5, 0.9, 0.8]), pd.Series(["repair"])
    )
    assert shown.comments["comment"].tolist() == ["repair was quick", "slow repair", "the repair went well"]


def test_shares_and_scores_of_themes_cover_the_truth():
    """Ten people who write ten comments each: intervals for a hundred people would hold far too seldom."""
    rng = np.random.default_rng(3)
    held = {"whole": 0, "alone": 0}
    for _draw in range(200):
        people = np.repeat(np.arange(30), 10)
        inside = rng.random(300) < np.repeat(rng.beta(1.2, 2.8, 30), 10)
        for kind, who in (("whole", people), ("alone", np.arange(300))):
            share = theme_figures.share(inside, who)
            held[kind] += share.low <= 0.3 <= share.high
    assert held["whole"] / 200 > 0.89 and held["alone"] / 200 < 0.8


def test_change_of_a_share_covers_the_truth_and_is_no_news_by_chance():
    rng = np.random.default_rng(4)
    days = pd.Series(pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 730, 400), unit="D"))
    years = (days - days.min()).dt.days / 365.25
    held, news = 0, 0
    for _draw in range(200):
        inside = rng.random(400) < 0.2 + 0.05 * years.to_numpy()
        change, _p = theme_figures.change_a_year(inside, days, np.arange(400))
        held += change.low <= 5 <= change.high
        news += theme_figures.change_a_year(rng.random(400) < 0.2, days, np.arange(400))[1] < 0.05
    assert 0.91 <= held / 200 <= 0.99 and news / 200 < 0.09


def surveys():
    day = pd.Timestamp("2026-01-05")
    return pd.DataFrame(
        {
            "date": [day, day, day, day + pd.Timedelta(days=1), pd.Timestamp("2027-01-01"), day, None],
            "customer_id": ["A", "A", None, "A", "A", "B", "C"],
            "comment": ["late", "late", "late", "late", "later", "  ", "undated"],
            "nps": [3, 3, 4, None, 9, 9, 9],
        }
    )


def test_comments_leave_the_engine_once_each():
    found = written_comments(surveys(), until="2026-12-31", beside=["kind"])
    assert len(found.rows) == 3 and (found.blank, found.repeated, found.earlier) == (1, 1, 0)
    assert found.rows["comment"].eq("late").all() and found.rows["nps"].isna().sum() == 1


def test_of_too_many_comments_the_latest_days_are_read():
    found = written_comments(surveys(), until="2026-12-31", most=2)
    assert found.rows["date"].tolist() == [pd.Timestamp("2026-01-06")] and found.earlier == 3
    assert written_comments(surveys().drop(columns="comment"), until="2026-12-31").rows.empty


def test_what_themes_do_not_tell_is_said():
    frame, _of = made(200)
    stray = pd.DataFrame({"comment": ["zebra", "😀"] * 10})
    found = comment_themes(pd.concat([frame, stray]), number=3)
    assert (found.in_none, found.wordless) == (10, 10)
    assert found.limits.startswith("9.1% of comments use too few words of any theme and count for none.")
    whole = comment_themes(pd.DataFrame({"comment": ["a leak"] * 20 + ["an invoice"] * 10}))
    assert isinstance(whole.limits, Absent)


def test_texts_are_counted_alike_in_one_go_and_in_many(monkeypatch):
    texts = words.plain(pd.concat([made(60, language="zh")[0], made(60)[0]])["comment"]).reset_index(drop=True)
    vocabulary = words.vocabulary(texts.drop_duplicates(), "zh")
    whole = words.term_counts(texts, vocabulary).toarray()
    monkeypatch.setattr(words, "_AT_ONCE", 50)
    assert (words.term_counts(texts, vocabulary).toarray() == whole).all() and whole.sum() > 400
    assert words.term_counts(texts.iloc[:0], vocabulary).shape == (0, len(vocabulary.terms))


def written_by(*people):
    """What nobody else writes of, by these people in turn."""
    others = ("red", "blue", "green", "white", "black")
    texts = [f"helicopter rotor hangar pilot {others[place % 5]} {place % 7}" for place in range(60)]
    who = [people[place % len(people)] for place in range(60)]
    return pd.DataFrame({"comment": texts, "date": pd.Timestamp("2024-05-01"), "customer_id": who, "nps": 3.0})


@pytest.mark.parametrize(
    ("people", "told"), [(("C1",), False), (("C1", "C2", "C3", "C4"), False), (list("abcde"), True)]
)
def test_a_theme_and_its_words_are_of_as_many_customers_as_a_group_must_be(people, told):
    found = comment_themes(pd.concat([made()[0], written_by(*people)]), number=4)
    of = "helicopter|rotor|hangar|pilot"
    assert found.themes["theme"].str.contains(of).any() == told
    assert found.typical.comments["comment"].str.contains(of).any() == told
    assert len(found.themes) == 3 + told and set(found.months["theme"]) == set(found.themes["theme"])
    assert found.themes["comments"].sum() + found.in_none + found.wordless == found.comments == 360


def test_a_common_wording_of_few_customers_is_no_theme():
    frame = pd.DataFrame({"comment": ["late delivery", "wrong part", "call Ann at home"] * 20})
    frame["customer_id"] = [f"C{place}" if place % 3 < 2 else "C1" for place in range(60)]
    found = comment_themes(frame)
    assert set(found.themes["theme"]) == {"late delivery", "wrong part"} and "Ann" not in str(found.typical.comments)


def test_nothing_is_told_where_every_theme_is_of_few_customers():
    with pytest.raises(absence.FitError, match="no theme is of 5 customers or more"):
        comment_themes(made()[0].assign(customer_id="C1"), number=3)
