"""What the measures found, as a table to read: each figure beside its aim, a measure with spread in one line."""

from collections.abc import Iterator, Mapping
from typing import Any

AT_LEAST = {
    "capture_vs_plain_orm": 3.5,
    "capture_vs_template": 15,
    "capture_vs_django": 20,
    "capture_vs_uncontrolled": 0.8,
    "capture_vs_pgbench": 0.6,
    "import_vs_copy": 0.25,
}
AT_MOST = {
    "p99_vs_p50": 3,
    "growth_10x": 1.1,
    "queue_page_p95_vs_null": 5,
    "decide_us": 20,
    "receipt_to_checkpoint_s_p99": 2,
    "worst_page_p95_vs_null": 8,
}


def table(found: Mapping[str, Any]) -> str:
    """Return the lines."""
    return "\n".join(line for name, value in found.items() for line in lines_of(name, value))


def lines_of(name: str, value: Any) -> Iterator[str]:
    """Give one line for a figure, and one for each row of a table."""
    if isinstance(value, Mapping) and value and all(isinstance(row, Mapping) for row in value.values()):
        yield name
        for row, facts in value.items():
            told = "  ".join(f"{column} {figure(fact)}" for column, fact in facts.items())
            yield f"  {row:38} {told}"
        return
    yield f"{name:40} {figure(value)}{judged(name, value)}".rstrip()


def figure(value: Any) -> str:
    """Return a median with its spread in brackets, or the value as it is."""
    if isinstance(value, Mapping) and "median" in value and "min" in value:
        return f"{value['median']} ({value['min']} to {value['max']})"
    return str(value)


def judged(name: str, value: Any) -> str:
    """Return the aim beside the figure, if it has one."""
    median = value.get("median") if isinstance(value, Mapping) else value
    if not isinstance(median, int | float):
        return ""
    if name in AT_LEAST:
        return f"   aim: at least {AT_LEAST[name]}, {'met' if median >= AT_LEAST[name] else 'missed'}"
    if name in AT_MOST:
        return f"   aim: at most {AT_MOST[name]}, {'met' if median <= AT_MOST[name] else 'missed'}"
    return ""
