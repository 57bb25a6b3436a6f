"""Comparing an experiment with a baseline, example by example: is the difference more than chance?"""

from __future__ import annotations

import math
import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from smithkit.errors import MissingPackageError
from smithkit.evaluation import _tables

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from uuid import UUID

    import numpy as np
    import pandas as pd

    from smithkit.evaluation._measures import Measures

__all__ = ["CompareOptions", "ExperimentComparison", "PairedDifference", "compared"]

Verdict = Literal["better", "worse", "no difference shown", "too few rows"]

_MOST_FOR_BCA = 5_000  # its jackknife takes n² steps, and with so many pairs the percentile interval agrees
_BATCH_NUMBERS = 4_000_000
_COLUMNS = ("metric", "pairs", "mean", "baseline", "difference", "interval", "won/tied/lost", "verdict")


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """How one metric of an experiment differs from that of its baseline.

    Attributes:
        n: Pairs: examples that both experiments measured. Repetitions count as one, by their mean.
        mean: The experiment's mean over the pairs; None without any.
        baseline_mean: The baseline's.
        difference: `mean` less `baseline_mean`.
        low: Lower end of the confidence interval of the difference; None with fewer than two pairs.
        high: Its upper end.
        wins: Pairs in which the experiment did better.
        ties: Pairs in which they did the same.
        losses: Pairs in which it did worse.
        verdict: ``"better"``, ``"worse"``, ``"no difference shown"`` or ``"too few rows"``.
        reason: Why, in words.
    """

    n: int
    mean: float | None
    baseline_mean: float | None
    difference: float | None
    low: float | None
    high: float | None
    wins: int
    ties: int
    losses: int
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """How experiments are compared.

    Attributes:
        confidence: Share of intervals that hold the true difference, between 0 and 1.
        resamples: How many samples the bootstrap draws.
        seed: Of the bootstrap; None for another one each time.
        lower_is_better: Keys of feedback of which less is better.

    Raises:
        ValueError: One is out of range.
        TypeError: `lower_is_better` is a text.
    """

    confidence: float = 0.95
    resamples: int = 9_999
    seed: int | None = 0
    lower_is_better: Collection[str] = ()

    def __post_init__(self) -> None:
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence must be between 0 and 1, as 0.95 is, not {self.confidence!r}.")
        if not isinstance(self.resamples, int) or self.resamples < 100:  # noqa: PLR2004 - below, tails are empty
            raise ValueError(f"resamples must be a whole number, at least 100, not {self.resamples!r}.")
        if isinstance(self.lower_is_better, str):
            raise TypeError("lower_is_better must be a list of keys, also where it is one.")

    @property
    def fewest(self) -> int:
        """The least number of pairs that could show a difference: were all won, chance would do so in 1 - confidence."""
        return math.ceil(round(1 - math.log2(1 - self.confidence), 9))


@dataclass(frozen=True, slots=True, repr=False)
class ExperimentComparison:
    """An experiment beside its baseline.

    Attributes:
        experiment_name: The experiment.
        baseline_name: What it is compared with.
        confidence: Of the intervals.
        feedback: How each key of feedback differs.
        latency: How the seconds of runs that did not fail differ; fewer are better.
        error_rate: How the share of failed runs differs; less is better.
        unpaired: Examples that only one of the two answered, which are left out.
    """

    experiment_name: str
    baseline_name: str
    confidence: float
    feedback: Mapping[str, PairedDifference]
    latency: PairedDifference
    error_rate: PairedDifference
    unpaired: int = 0

    def to_markdown(self) -> str:
        """The comparison as a table in Markdown, the reasons below."""
        table = _tables.markdown_table(_COLUMNS, self._cells())
        reasons = (
            f"- {_tables.in_markdown(name)}: {_tables.in_markdown(one.reason)}" for name, one in self._named()
        )
        title = f"**{_tables.in_markdown(self._title())}**"
        return "\n".join([title, "", table, "", *reasons, *self._notes("- ")])

    def to_pandas(self) -> pd.DataFrame:
        """The comparison as a data frame: a line for each metric, fields of `PairedDifference` as columns.

        Raises:
            MissingPackageError: pandas is not installed.
        """
        lines = [{"metric": name, **asdict(one)} for name, one in self._named()]
        table: pd.DataFrame = _tables.pandas().DataFrame(lines)
        return table

    def _repr_html_(self) -> str:
        return _tables.html_table(self._title(), _COLUMNS, self._cells(), self._notes())

    def __repr__(self) -> str:
        verdicts = ", ".join(f"{name} {one.verdict}" for name, one in self._named())
        return f"<ExperimentComparison {self._title()}: {verdicts}>"

    __str__ = to_markdown

    def _title(self) -> str:
        return f"{self.experiment_name} against {self.baseline_name}"

    def _notes(self, bullet: str = "") -> list[str]:
        return (
            [f"{bullet}left out: {self.unpaired} examples of one experiment alone"] if self.unpaired else []
        )

    def _named(self) -> list[tuple[str, PairedDifference]]:
        return [*self.feedback.items(), ("latency (s)", self.latency), ("error rate", self.error_rate)]

    def _cells(self) -> list[list[str]]:
        return [
            [
                name,
                str(one.n),
                _number(one.mean),
                _number(one.baseline_mean),
                _signed(one.difference),
                _interval_text(one.low, one.high),
                f"{one.wins}/{one.ties}/{one.losses}",
                one.verdict,
            ]
            for name, one in self._named()
        ]


def compared(experiment: Measures, baseline: Measures, options: CompareOptions) -> ExperimentComparison:
    """Compare an experiment with a baseline.

    Args:
        experiment: What the experiment measured.
        baseline: What the other one did.
        options: How.

    Raises:
        ValueError: They have no example in common, or a key in `lower_is_better` is unknown.
        MissingPackageError: scipy is not installed.
    """
    keys = list(dict.fromkeys([*experiment.feedback, *baseline.feedback]))
    unknown = sorted(set(options.lower_is_better) - set(keys))
    if unknown:
        raise ValueError(f"lower_is_better names {', '.join(unknown)}; there is {', '.join(keys) or 'none'}.")
    answered, before = set(experiment.error_rate), set(baseline.error_rate)
    if answered.isdisjoint(before):
        raise ValueError(
            f"{experiment.name!r} and {baseline.name!r} have no example in common: compare experiments on one "
            f"dataset."
        )
    feedback = {
        key: _difference(
            experiment.feedback.get(key, {}),
            baseline.feedback.get(key, {}),
            options,
            sign=-1 if key in options.lower_is_better else 1,
        )
        for key in keys
    }
    return ExperimentComparison(
        experiment.name,
        baseline.name,
        options.confidence,
        feedback,
        _difference(experiment.latency, baseline.latency, options, sign=-1),
        _difference(experiment.error_rate, baseline.error_rate, options, sign=-1),
        len(answered ^ before),
    )


def _difference(
    experiment: Mapping[UUID, float], baseline: Mapping[UUID, float], options: CompareOptions, *, sign: int
) -> PairedDifference:
    """The paired difference of a metric, of which more is better where `sign` is 1, and less where it is -1."""
    numpy, _ = _scipy()
    pairs = [
        (value, baseline[example_id]) for example_id, value in experiment.items() if example_id in baseline
    ]
    ties = [math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12) for one, other in pairs]
    differences = numpy.array(
        [0.0 if tie else one - other for (one, other), tie in zip(pairs, ties, strict=True)], dtype=float
    )
    low, high = _interval(differences, options)
    wins, losses = int((sign * differences > 0).sum()), int((sign * differences < 0).sum())
    verdict, reason = _judged(sign, low, high, (wins, len(pairs), losses), options)
    return PairedDifference(
        n=len(pairs),
        mean=float(numpy.mean([one for one, _ in pairs])) if pairs else None,
        baseline_mean=float(numpy.mean([other for _, other in pairs])) if pairs else None,
        difference=float(differences.mean()) if pairs else None,
        low=low,
        high=high,
        wins=wins,
        ties=sum(ties),
        losses=losses,
        verdict=verdict,
        reason=reason,
    )


def _interval(differences: np.ndarray, options: CompareOptions) -> tuple[float | None, float | None]:
    """Bootstrap interval of the mean of differences: BCa, or percentile where BCa is not defined."""
    if len(differences) < 2:  # noqa: PLR2004 - one value does not vary
        return None, None
    mean = float(differences.mean())
    if float(differences.max() - differences.min()) <= 1e-12 * max(1.0, abs(mean)):
        return mean, mean  # whatever is drawn has this mean
    methods = ["BCa", "percentile"] if len(differences) <= _MOST_FOR_BCA else ["percentile"]
    for method in methods:
        low, high = _bootstrap(differences, method, options)
        if math.isfinite(low) and math.isfinite(high):
            return low, high
    raise AssertionError("percentiles of finite numbers are finite")


def _bootstrap(differences: np.ndarray, method: str, options: CompareOptions) -> tuple[float, float]:
    numpy, stats = _scipy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where BCa is not defined its interval is NaN, which is looked at
        found = stats.bootstrap(
            (differences,),
            numpy.mean,
            confidence_level=options.confidence,
            n_resamples=options.resamples,
            batch=max(1, _BATCH_NUMBERS // len(differences)),
            method=method,
            rng=numpy.random.default_rng(options.seed),
        )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def _judged(
    sign: int,
    low: float | None,
    high: float | None,
    counts: tuple[int, int, int],
    options: CompareOptions,
) -> tuple[Verdict, str]:
    """What an interval and counts (won, all, lost) show."""
    wins, pairs, losses = counts
    if low is None or high is None or pairs < options.fewest:
        return "too few rows", f"{pairs} pairs, and fewer than {options.fewest} cannot show a difference"
    if wins + losses == 0:
        return "no difference shown", f"all {pairs} pairs are equal"
    interval = f"the {options.confidence:.4g} interval {_interval_text(low, high)}"
    if low <= 0 <= high:
        return "no difference shown", f"{interval} holds 0"
    if wins + losses < options.fewest:
        few = f"only {wins + losses} of {pairs} pairs differ, and fewer than {options.fewest} may be chance"
        return "no difference shown", few
    return ("better" if sign * low > 0 else "worse"), f"{interval} lies {'above' if low > 0 else 'below'} 0"


def _scipy() -> tuple[Any, Any]:
    """The packages numpy and scipy.stats, which load slowly."""
    try:
        import numpy as np
        from scipy import stats
    except ModuleNotFoundError:
        raise MissingPackageError(
            "Comparing experiments needs scipy: pip install 'smithkit-evaluation[compare]'"
        ) from None
    return np, stats


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.4g}"


def _interval_text(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"[{low:+.4g}, {high:+.4g}]"
