"""What counts by steps tell about what was counted."""

from __future__ import annotations

from collections.abc import Mapping


def quantile(counts: Mapping[int, int], part: float) -> int | None:
    """The step within which ``part`` (0 to 1; 0.99 for p99) of all that was counted lies; None where nothing was.

    ``counts`` tells for the upper bound of each step how much fell between the step before and it. So the answer is at most one step too
    large, and never too small.
    """
    total = sum(counts.values())
    wanted = part * total * (1 - 1e-12)  # a little less, as 0.07 * 100 is a little more than 7
    passed = 0
    for bound in sorted(counts):
        passed += counts[bound]
        if passed > wanted:
            return bound
    return None
