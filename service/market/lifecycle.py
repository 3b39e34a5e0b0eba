"""A benchmark is put in force or turned down by a second person of risk control."""

from enum import StrEnum

from policies.vocabulary import Action
from service.kernel.lifecycle import Lifecycle


class BenchmarkState(StrEnum):
    """Where a tolerance or a reference rate stands."""

    PROPOSED = "proposed"
    IN_FORCE = "in_force"
    REFUSED = "refused"


BENCHMARK = Lifecycle(
    "benchmark",
    {
        (BenchmarkState.PROPOSED, Action.BENCHMARK_APPROVE): BenchmarkState.IN_FORCE,
        (BenchmarkState.PROPOSED, Action.BENCHMARK_REFUSE): BenchmarkState.REFUSED,
    },
)
