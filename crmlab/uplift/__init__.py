"""What the programme caused, who gains, and whom to reach next."""

from crmlab.uplift.design import EffectsByDesign, effects_by_design, programme_effect
from crmlab.uplift.effect import ProgrammeEffect
from crmlab.uplift.segments_of_effect import GroupEffects, effect_by_group
from crmlab.uplift.targeting import Targeting, targeting

__all__ = [
    "EffectsByDesign",
    "GroupEffects",
    "ProgrammeEffect",
    "Targeting",
    "effect_by_group",
    "effects_by_design",
    "programme_effect",
    "targeting",
]
