"""What a check of the books against the log compared, and what it found."""

from dataclasses import dataclass, field

FINDINGS_MAX = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """A stored row that is not what the entries tell."""

    sentence: str
    kind: str
    id: str


@dataclass(slots=True)
class SelfCheck:
    """What was compared, and every difference up to a limit."""

    size: int
    trades: int = 0
    rows: int = 0
    count: int = 0
    differences: list[Difference] = field(default_factory=list)

    def differs(self, kind: str, object_id: str, sentence: str) -> None:
        self.count += 1
        if self.count <= FINDINGS_MAX:
            self.differences.append(Difference(f"{kind} {object_id} {sentence}", kind, object_id))
