"""Figures from interleaved rounds: a slow moment of the machine hits both sides alike."""

from collections.abc import Sequence
from statistics import median, quantiles


def middle(values: Sequence[float]) -> float:
    """The median, to four digits."""
    return float(f"{median(values):.4g}")


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median over rounds of ours by theirs, each pair measured side by side."""
    return round(median(a / b for a, b in zip(ours, theirs, strict=True)), 3)


def percentile(values: Sequence[float], hundredths: int) -> float:
    """The value that so many hundredths of all values do not exceed."""
    return float(f"{quantiles(values, n=100, method='inclusive')[hundredths - 1]:.4g}")
