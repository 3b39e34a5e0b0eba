"""Free text as commands take it: one line, nothing that hides, breaks a line or upsets a store."""

from typing import Annotated, Final

import msgspec

_UNSEEN: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff"
LINE_PATTERN: Final = rf"\A(?!\s)[^{_UNSEEN}]+(?<!\s)\Z"
"""No control character, no line break, no blank at either end."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=140, pattern=LINE_PATTERN)]
"""What something or somebody is called."""

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=LINE_PATTERN)]
"""Why somebody did something, in their own words."""

_LETTERS: Final = "A-Za-zÀ-ÖØ-öø-İĲ-ķĹ-žḀ-ỿ"
PlainName = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=140,
        pattern=rf"\A[{_LETTERS}0-9]+([ '’./&()-]{{1,2}}[{_LETTERS}0-9]+)*[.)]?\Z",
    ),
]
"""What a person or a unit is called: Latin letters, digits and a few signs. No comma, no look-alike of another
script, no blank at either end: such a name would read like another one, or like a list of roles."""
