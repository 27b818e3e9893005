"""Figures of the programme's effect: their words, and what they draw."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.collections import PathCollection

from crmlab.aggregate.exposure_months import NEVER
from crmlab.plots import figure
from crmlab.plots.svg import LIGHT
from crmlab.plots.uplift import effect_by_design, effect_by_group, event_study, qini_curve
from crmlab.uplift import EffectsByDesign, effects_by_design, programme_effect
from crmlab.uplift.segments_of_effect import effect_by_group as group_effects
from crmlab.uplift.targeting import targeting
from tests.test_uplift_before_after import one_group
from tests.test_uplift_cells import noise, panel
from tests.test_uplift_design import rollout
from tests.test_uplift_segments_of_effect import GAINS, grouped
from tests.test_uplift_targeting import campaign

EFFECT = programme_effect(rollout(), assignment="random", unit="CNY")
BEFORE_AFTER = programme_effect(one_group(0, effect=60.0), unit="CNY")
DESIGNS = effects_by_design(rollout(), assignment="random", unit="CNY")
GROUPED = grouped()
GROUPS = group_effects(*GROUPED, by="segment")
RANKING = targeting(campaign()[0], assignment="random", unit="CNY")
FIGURES = [
    (event_study, EFFECT, "Since the start, CN¥", "month 0 CN¥"),
    (event_study, BEFORE_AFTER, "Since the start, CN¥", "month 11 CN¥"),
    (effect_by_design, DESIGNS, "Randomised test: CN¥", "staggered rollout CN¥"),
    (effect_by_group, GROUPS, "large gains most: CN¥", "small CN¥"),
    (
        qini_curve,
        RANKING,
        "Half of the customers bring the whole effect",
        "Reaching half of the customers by the ranking gains CN¥",
    ),
]
each = pytest.mark.parametrize(("function", "result", "finding", "words"), FIGURES)


@each
def test_title_is_the_finding_and_label_says_it_in_words(function, result, finding, words):
    content = figure(function, result).content
    assert content["title"].startswith(finding)
    assert words in content["label"]
    assert "nan" not in content["label"].lower() and "–" not in content["label"]
    for kind, width in (("wide", 736), ("narrow", 358)):
        assert not any(colour in content[kind].lower() for colour in LIGHT)
        for text in ElementTree.fromstring(content[kind]).iter("text"):
            assert 0 <= float(text.attrib["x"]) <= width, text.text


@each
def test_all_is_translated(function, result, finding, words, untranslated):
    if function is effect_by_design:
        result = EffectsByDesign(result.effects)
    content = figure(function, result).content
    own = {"CN", "n", "p"} | set(GAINS)
    assert set(untranslated(content["title"])) <= own and set(untranslated(content["label"])) <= own


def test_months_before_are_hollow_and_months_after_full():
    axes = event_study(EFFECT)
    hollow, full = [marks for marks in axes.collections if isinstance(marks, PathCollection)]
    assert (hollow.get_offsets()[:, 0] < 0).all() and (full.get_offsets()[:, 0] >= 0).all()
    events = EFFECT.events
    drawn = np.asarray(full.get_offsets())[:, 1]
    assert drawn == pytest.approx(events.loc[events["event"] >= 0, "effect"].to_numpy())


@pytest.mark.parametrize(
    ("effect", "finding"), [(0.0, "No effect can be told from chance"), (-30.0, "Since the start")]
)
def test_findings_follow_the_interval(effect, finding):
    found = programme_effect(rollout(effect=effect), unit="CNY")
    assert figure(event_study, found).content["title"].startswith(finding)
    assert ("less per customer" in figure(event_study, found).content["title"]) == (effect < 0)


def test_without_months_before_only_those_after_are_drawn():
    rng = np.random.default_rng(0)
    start = np.resize([0, NEVER], 100)
    found = programme_effect(panel(noise(rng, 100, 6), start), assignment="random", unit="CNY")
    assert re.findall(r"month (−?\d+)", figure(event_study, found).content["label"]) == list("012345")


def test_groups_without_difference_and_groups_alone():
    alike = group_effects(*grouped(1, dict.fromkeys(GAINS, 30.0), n=400), by="segment")
    assert figure(effect_by_group, alike).content["title"] == "No difference between groups can be told from chance"
    made, profiles, effect = GROUPED
    alone = group_effects(made, profiles.assign(segment="n"), effect, by="segment")
    assert figure(effect_by_group, alone).content["title"] == "All customers are in one group: n"


def test_a_ranking_worth_nothing_says_so():
    found = targeting(campaign(0, unequal=False)[0], assignment="random", unit="CNY")
    assert figure(qini_curve, found).content["title"] == "Who gains most cannot be told in advance"


def test_one_design_alone():
    assert figure(effect_by_design, EffectsByDesign((EFFECT,))).content["title"].startswith("Randomised test: CN¥")
