"""Problem details (RFC 9457): how a refusal reads on the wire."""

import re
from collections.abc import Mapping
from typing import Any

from service.kernel.errors import Refusal


class Replayed(Refusal):
    """A refusal given before under the same idempotency key; its answer is repeated word for word."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(str(body.get("detail", "")), rule=body.get("rule"), field=body.get("field"))
        self.status = status  # type: ignore[misc]
        self.body = dict(body)
        self.decision = body.get("decision")

    @property
    def code(self) -> str:
        """The code of the first refusal."""
        return str(self.body.get("code", "replayed"))


def problem(refusal: Refusal) -> dict[str, Any]:
    """Return the problem object: type, title, status, detail, code, and field, rule, decision where known."""
    if isinstance(refusal, Replayed):
        return refusal.body
    code = refusal.code
    body = {
        "type": f"urn:trennwand:problem:{code}",
        "title": re.sub("_", " ", code).capitalize(),
        "status": refusal.status,
        "detail": str(refusal),
        "code": code,
        "field": refusal.field,
        "rule": refusal.rule,
        "decision": refusal.decision,
    }
    return {name: value for name, value in body.items() if value is not None}
