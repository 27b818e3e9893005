import re
import subprocess
import sys
from itertools import combinations
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from crmlab import plots, privacy, value
from crmlab.intervals import Estimate
from crmlab.plots import house
from crmlab.plots.labels import place_beside
from crmlab.plots.svg import LIGHT, page_svg
from crmlab.prose import MIME

pytestmark = pytest.mark.usefixtures("any_size")

HOSTILE = '<script>window.XSS=1</script>"><img src=x onerror=window.XSS=1>'
SVG = "{http://www.w3.org/2000/svg}"


def concentration(low=0.64, high=0.66):
    share = np.linspace(0, 1, 101)
    why = "" if low else "few customers"
    half = (0.07, 0.08) if low else (None, None)
    return SimpleNamespace(
        curve=pd.DataFrame({"customer_share": share, "revenue_share": share**0.27}),
        top=0.2,
        top_share=Estimate(0.65, low, high, "share", 500, no_interval=why),
        half=Estimate(0.077, *half, "share", 500, no_interval=why),
    )


def rfm(names=("Champions", "Loyal", "At risk", "Lost")):
    segments = pd.DataFrame(
        {
            "segment": list(names),
            "customers": [50, 90, 40, 220],
            "revenue": [90e3, 60e3, 45e3, 5e3],
            "revenue_share": [0.45, 0.3, 0.225, 0.025],
            "recency_days": [20, 60, 250, 420],
            "frequency": [9.1, 5.2, 6.1, 0.3],
        }
    )
    return SimpleNamespace(segments=segments)


def check(actual=(0.2, 0.9, 1.2)):
    rows = pd.DataFrame({"frequency": ["0", "1", "2+"], "customers": [60, 30, 10], "actual": actual})
    return SimpleNamespace(
        by_frequency=rows.assign(predicted=[0.2, 0.5, 1.1], low=[0.1, 0.4, 0.8], high=[0.3, 0.6, 1.4])
    )


def lifetime_value(n=200):
    return SimpleNamespace(customers=pd.DataFrame({"clv": np.arange(n, 0, -1.0), "p_alive": 0.5}))


FIGURES = [
    (
        plots.pareto_curve,
        concentration(),
        "7.7% of customers bring half of the revenue",
        "20% bring 65.0% (95% interval 64.0% to 66.0%, n = 500)",
    ),
    (plots.rfm_map, rfm(), "Champions: 12.5% of customers, 45.0% of revenue", "At risk 22.5%"),
    (
        plots.holdout_by_frequency,
        check(),
        "In 1 of 3 groups, purchases lie outside the forecast’s interval",
        "1: 0.50 forecast (0.40 to 0.60), 0.90 bought",
    ),
    (
        plots.value_by_decile,
        lifetime_value(),
        "The first tenth of customers holds 19.0% of the expected value",
        "The shares are of values expected under the model",
    ),
]
NAMES = [function.__name__ for function, *_ in FIGURES]


@pytest.fixture(scope="module")
def drawn():
    return {
        function.__name__: plots.figure(function, result, subtitle="What is drawn") for function, result, *_ in FIGURES
    }


@pytest.mark.parametrize(("function", "result", "finding", "words"), FIGURES, ids=NAMES)
def test_title_is_the_finding_and_label_says_it_in_words(drawn, function, result, finding, words):
    content = drawn[function.__name__].content
    assert content["title"] == finding
    assert words in content["label"]


@pytest.mark.parametrize("name", NAMES)
def test_both_drawings_are_named_and_take_on_the_page_s_colours(drawn, name):
    content = drawn[name].content
    for kind, width in (("wide", 736), ("narrow", 358)):
        root = ElementTree.fromstring(content[kind])
        assert root.attrib["viewBox"].split()[2] == str(width)
        assert (root.attrib["class"], root.attrib["role"]) == (kind, "img")
        assert root.attrib["aria-label"] == content["label"]
        assert "font-family" not in content[kind] and "<style" not in content[kind] and "<metadata" not in content[kind]
        assert not any(colour in content[kind].lower() for colour in LIGHT)
        assert "var(--c1)" in content[kind]
        assert content["title"] not in "".join(root.itertext())


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_unique_used_and_prefixed(drawn, name):
    content = drawn[name].content
    ids = [
        element.attrib["id"]
        for kind in ("wide", "narrow")
        for element in ElementTree.fromstring(content[kind]).iter()
        if "id" in element.attrib
    ]
    assert len(ids) == len(set(ids))
    for identity in ids:
        assert f"#{identity}" in content["wide"] + content["narrow"]


@pytest.mark.parametrize(("function", "result", "finding", "words"), FIGURES, ids=NAMES)
def test_the_same_result_gives_the_same_bytes(drawn, function, result, finding, words):
    again = plots.figure(function, result, subtitle="What is drawn")
    assert again.content == drawn[function.__name__].content
    assert again.image == drawn[function.__name__].image


def test_text_stays_inside_the_drawing(drawn):
    for figure in drawn.values():
        for kind, width in (("wide", 736), ("narrow", 358)):
            for text in ElementTree.fromstring(figure.content[kind]).iter("text"):
                assert 0 <= float(text.attrib["x"]) <= width, text.text


def test_jupyterlab_gets_the_finding_and_real_colours(drawn):
    bundle = drawn["pareto_curve"]._repr_mimebundle_()
    assert "7.7% of customers bring half of the revenue" in bundle["image/svg+xml"]
    assert "#015e7c" in bundle["image/svg+xml"] and "var(--" not in bundle["image/svg+xml"]
    assert bundle[MIME]["type"] == "figure"


@pytest.mark.parametrize(("function", "result", "finding", "words"), FIGURES, ids=NAMES)
def test_all_that_a_figure_says_is_translated(function, result, finding, words, untranslated):
    content = plots.figure(function, result).content
    shown = [text for kind in ("wide", "narrow") for text in ElementTree.fromstring(content[kind]).itertext()]
    assert untranslated(" ".join([content["title"], content["label"], *shown])) == []


def test_names_are_text():
    content = plots.figure(plots.rfm_map, rfm((HOSTILE, "北岭国有林场", "$a_1$", "Lost"))).content
    texts = ["".join(element.itertext()) for element in ElementTree.fromstring(content["wide"]).iter("text")]
    assert {"北岭国有林场", "$a_1$"} <= set(texts)
    assert HOSTILE[:20] in {text[:20] for text in texts}
    assert HOSTILE in content["title"]
    assert "<script" not in content["wide"] and "<img" not in content["wide"]


def test_a_share_without_interval_is_drawn_without_one():
    content = plots.figure(plots.pareto_curve, concentration(None, None)).content
    assert "stroke-width:3.5" not in content["wide"]
    assert "stroke-width:3.5" in plots.figure(plots.pareto_curve, concentration()).content["wide"]


def test_a_forecast_that_holds_says_so():
    content = plots.figure(plots.holdout_by_frequency, check(actual=(0.2, 0.5, 1.2))).content
    assert content["title"] == "In all 3 groups, purchases lie within the forecast’s interval"
    assert "var(--c2)" not in content["wide"]


def test_a_figure_can_be_drawn_on_axes_of_one_s_own():
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    assert plots.pareto_curve(concentration(), axes) is axes
    assert plots.value_by_decile(lifetime_value()).get_title(loc="left").startswith("The first tenth")


def words(function, result):
    content = plots.figure(function, result).content
    return content["title"], content["label"]


def bars(axes):
    return [bar.get_height() for bar in axes.patches]


@pytest.mark.parametrize(
    ("values", "finding", "heights"),
    [
        ([1.0] * 10, "The first tenth of customers holds 10.0% of the expected value", [0.1] * 10),
        ([1.0] * 13, "The first tenth of customers holds 10.0% of the expected value", [0.1] * 10),
        ([0.0] * 12, "No customer is expected to bring any value", [0] * 10),
    ],
)
def test_value_is_divided_over_tenths_of_however_few_customers(values, finding, heights):
    result = SimpleNamespace(customers=pd.DataFrame({"clv": values}))
    title, label = words(plots.value_by_decile, result)
    assert title == finding
    assert label.count(finding) == 1 and ".." not in label
    assert "each tenth of the customers" in label and "no interval" in label
    assert sorted(bars(plots.value_by_decile(result))) == pytest.approx(sorted(heights))


def test_a_tenth_of_too_few_customers_is_not_told_of():
    privacy._of_process[0].min_group = 20
    assert "first tenth" in words(plots.value_by_decile, lifetime_value(200))[0]
    for n in (1, 199):
        title, label = words(plots.value_by_decile, lifetime_value(n))
        assert title == "A tenth of the customers is too few to be told of" and label == f"{title}."


def test_a_customer_on_the_border_of_two_tenths_is_divided():
    result = SimpleNamespace(customers=pd.DataFrame({"clv": [6.0, 4.0] + [0.0] * 13}))
    assert max(bars(plots.value_by_decile(result))) == pytest.approx((6 + 4 / 2) / 10)


@pytest.mark.parametrize(
    ("revenue", "finding", "more"),
    [
        ([5.0], "One customer brings all of the revenue", "One customer brings all of the revenue."),
        ([5.0] * 40, "50.0% of customers bring half of the revenue", "20% bring 20.0% (n = 40; no interval: all"),
        ([3.0, 2.0, 1.0], "33.3% of customers bring half of the revenue", "(n = 3; no interval: fewer than 10"),
    ],
)
def test_few_or_equal_customers_have_a_curve(revenue, finding, more):
    title, label = words(plots.pareto_curve, value.concentration(revenue))
    assert title == finding
    assert more in label


@pytest.mark.parametrize("top", [0.02, 0.125, 0.4, 0.5, 0.6, 0.7, 0.8, 0.99])
def test_points_of_the_curve_are_named_beside_one_another(top):
    axes = plots.pareto_curve(value.concentration(np.arange(1, 60.0), top=top))
    axes.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axes.texts if re.match("bring|if all", text.get_text())]
    assert len(boxes) == 3
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def segments(names, revenue, recency_days, frequency):
    frame = pd.DataFrame({"segment": names, "customers": 5, "revenue": revenue, "recency_days": recency_days})
    total = frame["revenue"].sum()
    return SimpleNamespace(
        segments=frame.assign(frequency=frequency, revenue_share=frame["revenue"] / total if total else np.nan)
    )


LONG = "Customers who bought once " * 12


@pytest.mark.parametrize(
    ("result", "finding"),
    [
        (segments(["New"], [9.0], [3], [0.0]), "All customers are in one segment: New"),
        (segments(["New", "Lost"], [0.0, 0.0], [3, 9], [0.0, 1.0]), "The segments brought no revenue"),
        (segments(["A", "B", LONG], [1.0] * 3, [3] * 3, [2.0] * 3), "A: 33.3% of customers, 33.3% of revenue"),
        (segments([LONG, "B"], [4.0, 1.0], [3, 9], [2.0, 1.0]), f"{LONG}: 50.0% of customers, 80.0% of revenue"),
    ],
)
def test_a_map_may_hold_anything(result, finding):
    title, label = words(plots.rfm_map, result)
    assert title == finding
    assert all(name in label for name in result.segments["segment"])
    assert "–" not in label


def test_areas_are_the_revenue():
    axes = plots.rfm_map(segments(["A", "B"], [4.0, 1.0], [3, 9], [2.0, 1.0]))
    large, small = axes.collections[0].get_sizes()
    assert large == pytest.approx(4 * small)


def test_a_long_finding_is_cut_in_jupyterlab_alone():
    drawn = plots.figure(plots.rfm_map, segments([LONG, "B"], [4.0, 1.0], [3, 9], [2.0, 1.0]))
    assert LONG not in drawn.image
    assert LONG in drawn.content["title"]


@pytest.mark.parametrize(
    ("actual", "finding"),
    [
        ((0.2,), "Purchases lie within the forecast’s interval"),
        ((0.9,), "Purchases lie outside the forecast’s interval"),
        ((0.9, 0.9), "In all 2 groups, purchases lie outside the forecast’s interval"),
    ],
)
def test_few_groups_are_spoken_of_in_good_english(actual, finding):
    few = SimpleNamespace(by_frequency=check().by_frequency.head(len(actual)).assign(actual=actual))
    assert words(plots.holdout_by_frequency, few)[0] == finding


@pytest.mark.parametrize(
    ("function", "result"),
    [
        (plots.pareto_curve, value.concentration([5.0])),
        (plots.pareto_curve, value.concentration([3.0, 2.0, 1.0])),
        (plots.rfm_map, segments(["New"], [9.0], [3], [0.0])),
        (plots.rfm_map, segments(["New", "Lost"], [0.0, 0.0], [3, 9], [0.0, 1.0])),
        (plots.holdout_by_frequency, check(actual=(0.2, 0.5, 1.2))),
        (plots.holdout_by_frequency, check(actual=(0.9, 0.9, 1.9))),
        (plots.value_by_decile, lifetime_value(1)),
        (plots.value_by_decile, lifetime_value(3)),
        (plots.value_by_decile, SimpleNamespace(customers=pd.DataFrame({"clv": [0.0] * 12}))),
    ],
)
def test_findings_of_every_kind_are_translated(function, result, untranslated):
    assert untranslated(" ".join(words(function, result))) == []


def test_no_purchase_forecast_and_none_made():
    zero = check().by_frequency.assign(actual=0.0, predicted=0.0, low=0.0, high=0.0)
    title, label = words(plots.holdout_by_frequency, SimpleNamespace(by_frequency=zero))
    assert title == "In all 3 groups, purchases lie within the forecast’s interval"
    assert "0: 0.00 forecast (0.00 to 0.00), 0.00 bought" in label


def test_the_style_is_left_as_it_was():
    import matplotlib

    plots.figure(plots.pareto_curve, concentration())  # seaborn registers its palettes on import
    before = dict(matplotlib.rcParams)
    plots.figure(plots.value_by_decile, lifetime_value())
    assert dict(matplotlib.rcParams) == before


def test_a_figure_must_state_its_finding():
    def silent(result, ax):
        return ax

    with pytest.raises(ValueError, match="silent must set a left title"):
        plots.figure(silent, None)


def test_a_colour_of_no_token_is_refused():
    drawing = f'<svg xmlns="{SVG[1:-1]}" viewBox="0 0 1 1"><path d="M 0 0" style="fill: #123456"/></svg>'
    with pytest.raises(ValueError, match="#123456, which is no token"):
        page_svg(drawing, kind="wide", label="x")


def test_drawing_libraries_are_not_imported_with_the_package():
    drawing = "{'matplotlib', 'seaborn'} & set(sys.modules)"
    code = f"import sys, crmlab.plots, crmlab.tables, crmlab.prose; sys.exit(bool({drawing}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_names_of_discs_in_one_place_do_not_hide_one_another():
    from matplotlib.figure import Figure

    axes = Figure(figsize=(10, 5), dpi=72).add_subplot()
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    place_beside(axes, [0.5] * 4, [0.5] * 4, [6] * 4, ["Loyal", "At risk", "Lost", "New"])
    places = {(text.get_ha(), text.get_va()) for text in axes.texts}
    assert places == {("left", "center"), ("right", "center"), ("center", "bottom"), ("center", "top")}


def test_a_name_hides_no_disc_of_another():
    from matplotlib.figure import Figure

    axes = Figure(figsize=(5, 4), dpi=72).add_subplot()
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.1, 1)
    row = [0.1, 0.14, 0.18]
    place_beside(axes, row, [0] * 3, [4] * 3, ["Lost long ago", "Hibernating", "About to sleep"])
    axes.figure.draw_without_rendering()
    for text in axes.texts:
        box = text.get_window_extent()
        assert not any(box.contains(*axes.transData.transform((at, 0))) for at in row), text.get_text()


def test_a_name_too_long_for_the_figure_is_cut():
    from matplotlib.figure import Figure

    axes = Figure(figsize=(5, 5), dpi=72).add_subplot()
    place_beside(axes, [0.5, 0.1], [0.5, 0.9], [6, 6], ["x" * 200, "Loyal"])
    assert [text.get_text()[-1] for text in axes.texts] == ["…", "l"]
    assert len(axes.texts[0].get_text()) < 20


@pytest.mark.parametrize("days", [5, 20, 60, 93, 110, 365, 640, 1000, 3000])
@pytest.mark.parametrize("width_px", [340, 720])
@pytest.mark.filterwarnings("error:AutoDateLocator")
def test_a_time_axis_names_each_month_once_and_few_enough_to_read(days, width_px):
    with house.house_style():
        axes = house._axes(width_px, 300)
        axes.plot(pd.date_range("2022-03-05", periods=days), range(days))
        house.time_axis(axes)
        house._saved(axes.figure)
        low, high = axes.get_xlim()
        shown = [
            label.get_text()
            for at, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
            if low <= at <= high
        ]
    assert 2 <= len(shown) <= (5 if width_px < 500 else 7)
    assert len(set(shown)) == len(shown)
    assert all(len(label) == (7 if days > 92 else 5) for label in shown)
