"""What is said of an effect: how it was found, how strong the evidence is, and what the checks say."""

from crmlab.messages import N_

DESIGNS = {
    "randomised": N_("randomised test"),
    "rollout": N_("staggered rollout"),
    "before_after": N_("before and after"),
}
WHY = {
    "randomised": N_(
        "Chance decided whom the programme reached, as the client states: those it reached are compared with customers "
        "whom it had not reached, allowing for what each brought before."
    ),
    "rollout": N_(
        "Nobody states that chance decided whom the programme reached: the change among those it reached is compared "
        "with the change among customers whom it had not reached, won at about the same time."
    ),
    "before_after": N_(
        "There is nobody to compare with: what customers brought after the start is held against the course of the "
        "months before, continued."
    ),
}
STRENGTHS = {
    "strong": N_("The evidence is strong: chance decided who was reached, and the groups were alike before."),
    "moderate": N_(
        "The evidence is moderate: the groups ran alike before, but a difference that began with the programme and has "
        "another cause would look the same."
    ),
    "unbalanced": N_(
        "The evidence is moderate: the groups differed before by more than chance explains, so that the draw itself is "
        "in doubt."
    ),
    "unchecked": N_(
        "The evidence is moderate: chance decided who was reached, but no months before show that the groups were "
        "alike."
    ),
    "diverging": N_("The evidence is weak: the groups did not run alike before, so that the comparison is in doubt."),
    "untested": N_("The evidence is weak: whether the groups ran alike before cannot be tested."),
    "weak": N_(
        "The evidence is weak: whatever else changed at the same time counts as the programme's doing, and so does a "
        "course that was bending anyway."
    ),
}
STRENGTH_OF = {"unbalanced": "moderate", "unchecked": "moderate", "diverging": "weak", "untested": "weak"}
# by outcome: label of the effect, of the relative effect and of the total
LABELS = {
    "margin": (
        N_("margin caused per customer and month"),
        N_("effect on margin, as a share of what it would have been"),
        N_("margin caused to date"),
    ),
    "revenue": (
        N_("revenue caused per customer and month"),
        N_("effect on revenue, as a share of what it would have been"),
        N_("revenue caused to date"),
    ),
}
FOUND = {
    ("margin", "more"): N_("The programme raised margin by {effect} per customer and month {evidence}, {p}."),
    ("margin", "less"): N_("The programme lowered margin by {effect} per customer and month {evidence}, {p}."),
    ("margin", "none"): N_(
        "No effect of the programme on margin can be told from chance: {effect} per customer and month {evidence}, {p}."
    ),
    ("revenue", "more"): N_("The programme raised revenue by {effect} per customer and month {evidence}, {p}."),
    ("revenue", "less"): N_("The programme lowered revenue by {effect} per customer and month {evidence}, {p}."),
    ("revenue", "none"): N_(
        "No effect of the programme on revenue can be told from chance: {effect} per customer and month {evidence}, "
        "{p}."
    ),
}
# where the evidence is weak, nothing is said to be the programme's doing
SEEMS = {
    ("margin", "more"): N_(
        "Margin seems higher by {effect} per customer and month {evidence}, {p}; that the programme did it is weakly "
        "supported."
    ),
    ("margin", "less"): N_(
        "Margin seems lower by {effect} per customer and month {evidence}, {p}; that the programme did it is weakly "
        "supported."
    ),
    ("revenue", "more"): N_(
        "Revenue seems higher by {effect} per customer and month {evidence}, {p}; that the programme did it is weakly "
        "supported."
    ),
    ("revenue", "less"): N_(
        "Revenue seems lower by {effect} per customer and month {evidence}, {p}; that the programme did it is weakly "
        "supported."
    ),
}
CHECKS = {
    ("balance", True): N_("Before the start, the groups were alike ({p})."),
    ("balance", False): N_("Before the start, the groups differed by more than chance explains ({p})."),
    ("course", True): N_("Month by month before the start, the groups ran alike ({p})."),
    ("course", False): N_("Month by month before the start, the groups did not run alike ({p})."),
    ("placebo", True): N_(
        "Had the programme begun {months} months earlier, the same method would have found nothing: {estimate} ({p})."
    ),
    ("placebo", False): N_(
        "Had the programme begun {months} months earlier, the same method would have found an effect that cannot be: "
        "{estimate} ({p})."
    ),
}
