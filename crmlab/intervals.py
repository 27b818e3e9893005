"""Estimates that carry their uncertainty, and the intervals that several analyses share."""

import math
from dataclasses import asdict, dataclass
from statistics import NormalDist

from crmlab import language
from crmlab.messages import N_, _

# said of whatever needs no interval
FULL_COUNT = N_("a full count, not a sample")


@dataclass(frozen=True)
class Target:
    """What a metric should reach, or with `at_most` not exceed, in the metric's own unit: a share as a fraction."""

    value: float
    at_most: bool = False


@dataclass(frozen=True)
class Estimate:
    """A number that a stakeholder sees.

    Attributes
    ----------
    value, low, high
        The estimate and the ends of its two-sided interval at the `confidence_level`; `low` and `high` are None
        together where there is no interval.
    unit
        `share` (a fraction of one, shown in per cent), `index` or `ratio` (a bare number), an ISO 4217 currency code,
        or a noun in the plural (`customers`, `months`).
    n
        How many observations stand behind it.
    label
        What it is, as a reader would say it.
    no_interval
        Why there is none, for example "a full count, not a sample": in English, and translated where it is shown.
    """

    value: float
    low: float | None
    high: float | None
    unit: str
    n: int
    label: str = ""
    confidence_level: float = 0.95
    no_interval: str = ""

    def __post_init__(self):
        if (self.low is None) != (self.high is None):
            raise ValueError("`low` and `high` are given together or not at all")
        if self.low is None and not self.no_interval:
            raise ValueError(f"`no_interval` must say why {self.label or 'the estimate'} has no interval")
        if self.low is not None and not self.low <= self.value <= self.high:
            raise ValueError(f"`value` must lie within its interval, got {self.value} in [{self.low}, {self.high}]")

    @property
    def digits(self) -> int | None:
        """Decimals at which money and its interval are shown, so that the interval keeps two significant digits.

        Cents are shown both or not at all; None where the unit has decimals of its own.
        """
        if not language.is_currency(self.unit) or self.low is None or self.high == self.low:
            return None
        digits = language.decimals((self.high - self.low) / 2)
        return digits if digits < 1 else 2

    @property
    def _decimals(self) -> int | None:
        """Decimals in prose: as `digits`; of nouns and bare numbers what the interval allows, two and three at most."""
        noun = language.is_noun(self.unit)
        if self.low is None or not (noun or language.is_bare(self.unit)):
            return self.digits
        if self.high == self.low:
            return 3 if not noun else 0 if float(self.value).is_integer() else 1
        return min(2 if noun else 3, max(0, language.decimals((self.high - self.low) / 2)))

    def text(self) -> str:
        """The value with its unit, rounded as its interval allows: `$767,000`."""
        return language.quantity(self.value, self.unit, digits=self._decimals)

    def bounds(self) -> str:
        """The interval as a table shows it: `[745,000, 789,000]`, without units; empty where there is none."""
        if self.low is None:
            return ""
        if self.unit in language.SHARES:
            ends = (language.number(100 * end, 1) for end in (self.low, self.high))
        elif language.is_currency(self.unit):
            digits = self.digits if self.digits is not None else (0 if abs(self.value) >= 100 else 2)
            ends = (language.number(end, digits) for end in (self.low, self.high))
        else:
            ends = (language.number(end, self._decimals) for end in (self.low, self.high))
        return "[{}, {}]".format(*ends)

    def evidence(self) -> str:
        """What stands behind the value, in brackets: `(95% interval 66.9% to 68.6%, n = 23,570)`."""
        if self.low is None:
            return _("(n = {n})").format(n=language.number(self.n))
        # a noun stands once, with the value; a currency or per cent sign with every number
        unit = "" if language.is_noun(self.unit) else self.unit
        span = language.span(self.low, self.high, unit, digits=self._decimals)
        level = language.stated_share(self.confidence_level)
        return _("({level} interval {span}, n = {n})").format(level=level, span=span, n=language.number(self.n))

    def __str__(self):
        """As prose says it: `67.8% (95% interval 66.9% to 68.6%, n = 23,570)`."""
        return _("{value} {evidence}").format(value=self.text(), evidence=self.evidence())

    def to_dict(self) -> dict:
        """The entry of a report's JSON."""
        return {key: _plain(value) for key, value in asdict(self).items() if key != "no_interval" or value}


def _plain(value):
    """A finite Python number for JSON; NaN and infinity have no place there."""
    import numpy as np

    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def z_score(confidence_level: float) -> float:
    """Standard normal quantile of a two-sided interval; 1.96 at 0.95.

    Raises
    ------
    ValueError
        If `confidence_level` does not lie between 0 and 1.
    """
    if not 0 < confidence_level < 1:
        raise ValueError(f"`confidence_level` must lie between 0 and 1, got {confidence_level}")
    return NormalDist().inv_cdf(0.5 + confidence_level / 2)


def count(value: int, unit: str, label: str) -> Estimate:
    """A count of everything there is, which has no sampling error."""
    return Estimate(int(value), None, None, unit, int(value), label, no_interval=FULL_COUNT)


def wilson(successes: float, n: float, *, label: str = "", confidence_level: float = 0.95) -> Estimate:
    r"""Share of successes with Wilson's score interval.

    .. math:: \frac{\hat p + z^2/2n \pm z\sqrt{\hat p(1-\hat p)/n + z^2/4n^2}}{1 + z^2/n}

    Parameters
    ----------
    successes
        How many of the `n` succeeded, 0 to `n`.
    n
        Number of trials, at least 1; of trials that hang together, as many as they are worth, perhaps a fraction.

    Returns
    -------
    Estimate
        A share from 0 to 1.

    Raises
    ------
    ValueError
        If `n` is below 1, or `successes` are below 0 or above `n`.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22, 209-212.

    Examples
    --------
    >>> print(wilson(8, 10))
    80.0% (95% interval 49.0% to 94.3%, n = 10)
    """
    if n < 1:
        raise ValueError(f"`n` must be at least 1, got {n}")
    if not 0 <= successes <= n:
        raise ValueError(f"`successes` must lie between 0 and n = {n}, got {successes}")
    z = z_score(confidence_level)
    p = successes / n
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    low, high = max(0.0, min(centre - half, p)), min(1.0, max(centre + half, p))
    return Estimate(p, low, high, "share", int(n), label, confidence_level)


def mean(values, *, unit: str, label: str = "", confidence_level: float = 0.95) -> Estimate:
    """Mean with Student's t interval, in `unit`; the interval needs at least two values.

    Raises
    ------
    ValueError
        If there are no values.
    """
    import numpy as np
    from scipy import stats

    values = np.asarray(values, dtype=float)
    n = len(values)
    if n == 0:
        raise ValueError("`values` must hold at least one number, got none")
    value = float(values.mean())
    if n == 1:
        return Estimate(value, None, None, unit, 1, label, confidence_level, no_interval=N_("one observation"))
    z_score(confidence_level)
    half = stats.t.ppf(0.5 + confidence_level / 2, n - 1) * values.std(ddof=1) / math.sqrt(n)
    return Estimate(value, value - half, value + half, unit, n, label, confidence_level)


def poisson_rate(
    events: int, exposure: float, *, unit: str, label: str = "", confidence_level: float = 0.95
) -> Estimate:
    """Events per unit of exposure (months, say) with the exact interval of a Poisson count.

    Parameters
    ----------
    events
        How many happened, 0 or more.
    exposure
        Over how long, or how many; above zero.
    unit
        What is counted: of 24 `customers` in 12 months, 2 `customers`.

    Raises
    ------
    ValueError
        If `events` are below 0 or `exposure` is not above it.

    References
    ----------
    Garwood (1936), Fiducial limits for the Poisson distribution, Biometrika 28, 437-442.

    Examples
    --------
    >>> print(poisson_rate(24, 12, unit="customers", label="new customers per month"))
    2.00 customers (95% interval 1.28 to 2.98, n = 24)
    """
    from scipy import stats

    if events < 0 or not exposure > 0:
        raise ValueError(f"`events` must be at least 0 and `exposure` above 0, got {events} and {exposure}")
    z_score(confidence_level)
    tail = (1 - confidence_level) / 2
    least = stats.chi2.ppf(tail, 2 * events) / 2 if events else 0.0
    most = stats.chi2.ppf(1 - tail, 2 * events + 2) / 2
    ends = (float(least / exposure), float(most / exposure))
    return Estimate(events / exposure, *ends, unit, int(events), label, confidence_level)


def from_standard_error(
    value: float,
    standard_error: float,
    *,
    unit: str,
    n: int,
    label: str = "",
    within: tuple[float, float] | None = None,
    degrees_of_freedom: float = math.inf,
    confidence_level: float = 0.95,
) -> Estimate:
    """Normal interval around an estimate (delta method), or Student's t interval.

    Parameters
    ----------
    value, standard_error
        Both in `unit`.
    within
        Open range that the quantity cannot leave, such as (0, 1): the interval is then made on the log-odds scale of
        that range, so that its ends stay inside.
    degrees_of_freedom
        Of the standard error, at least 1; infinite where it is as good as known.

    Raises
    ------
    ValueError
        If `degrees_of_freedom` are below 1.
    """
    from scipy import special, stats

    z = z_score(confidence_level)
    if not degrees_of_freedom >= 1:
        raise ValueError(f"`degrees_of_freedom` must be at least 1, got {degrees_of_freedom}")
    if math.isfinite(degrees_of_freedom):
        z = float(stats.t.ppf(0.5 + confidence_level / 2, degrees_of_freedom))
    if within is None:
        low, high = value - z * standard_error, value + z * standard_error
    elif not within[0] < value < within[1]:
        return Estimate(value, None, None, unit, n, label, confidence_level, no_interval=N_("at the end of its range"))
    else:
        floor, ceiling = within
        odds = math.log((value - floor) / (ceiling - value))
        slope = (ceiling - floor) / ((value - floor) * (ceiling - value))
        ends = (odds - z * slope * standard_error, odds + z * slope * standard_error)
        low, high = (floor + (ceiling - floor) * float(special.expit(end)) for end in ends)
    # Rounding must not put the end of an interval of no width on the wrong side.
    return Estimate(value, min(low, value), max(high, value), unit, n, label, confidence_level)
