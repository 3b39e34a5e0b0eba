"""Numbers, dates and times as German and English readers write them, and what they type read back."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from service.kernel.money import UnknownCurrency, minor_units
from service.ui.languages import N_, Language

BERLIN: Final = ZoneInfo("Europe/Berlin")
MINUS: Final = "−"
NOTHING: Final = "–"
KEPT: Final = 8192
"""So many written figures and days are remembered."""

_LOCALES: Final[dict[Language, Locale]] = {"de": Locale("de", "DE"), "en": Locale("en", "GB")}
_GROUPING: Final[dict[Language, str]] = {"de": ".", "en": ","}
_TIMES: Final[dict[str, int]] = {"": 0, "k": 3, "m": 6}
_MONTHS: Final = (
    ("jan",), ("feb",), ("mar", "mär"), ("apr",), ("may", "mai"), ("jun",),
    ("jul",), ("aug",), ("sep",), ("oct", "okt"), ("nov",), ("dec", "dez"),
)  # fmt: skip
_MONTH: Final = {name: month for month, names in enumerate(_MONTHS, 1) for name in names}
_WRITTEN: Final = re.compile(
    r"(?P<day>[0-9]{1,2})(?:\.(?P<month>[0-9]{1,2})\.(?P<short>[0-9]{2})?(?P<year>[0-9]{2})"
    r"|\.? ?(?P<named>[A-Za-zä]{3,9})\.? ?(?P<full>[0-9]{4}))"
)
_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6}Z", re.ASCII)
_ISO_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MOMENT: Final = re.compile(
    r"(?P<day>.{6,20}?)(?:T|,? )(?P<hour>[0-9]{1,2}):(?P<rest>[0-5][0-9](?::[0-5][0-9])?)"
)
_TYPED_AS: Final = {
    "date": N_("DD Mon YYYY"),
    "datetime-local": N_("DD Mon YYYY HH:MM"),
    "time": N_("HH:MM"),
}
_TYPED: Final = re.compile(r"(?P<sign>[-+−]?)(?P<digits>[0-9.,]+)(?P<times>[kKmM]?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Formats:
    """How one reader's language writes things down."""

    language: Language

    @property
    def locale(self) -> Locale:
        """The conventions of Germany, or of Britain."""
        return _LOCALES[self.language]

    def amount(self, value: str | Decimal | None, currency: str) -> str:
        """Write an amount with the decimals of its currency."""
        if value is None:
            return NOTHING
        try:
            decimals = minor_units(currency)
        except UnknownCurrency:
            decimals = 2
        return self._number(Decimal(value), pattern(decimals))

    def rate(self, value: str | Decimal | None) -> str:
        """Write a rate with at least four decimals and all it carries."""
        return NOTHING if value is None else self._number(Decimal(value), "#,##0.0000####")

    def is_zero(self, value: str | Decimal) -> bool:
        """Tell whether an amount is nothing."""
        return Decimal(value) == 0

    def signed(self, value: str | None) -> str:
        """Write a distance that an answer told, with its sign; a dash where there is none."""
        return NOTHING if value is None else self.points(Decimal(value))

    def points(self, value: Decimal) -> str:
        """Write a distance with its sign: +12.5, −422.0."""
        return self._number(value, "+#,##0.0;-#,##0.0")

    def span(self, seconds: float) -> str:
        """Write a length of time to the minute, the same in both languages: 3 d 4 h, 3 h 20 min, 12 min."""
        minutes = int(abs(seconds)) // 60
        days, hours = minutes // 1440, minutes // 60 % 24
        if days:
            return f"{days} d {hours} h"
        return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"

    def left(self, due: str | datetime, now: datetime) -> float:
        """Return the seconds that are left until then; fewer than none once it has passed."""
        return (instant(due) - now).total_seconds()

    def number(self, value: int) -> str:
        """Write a count."""
        return self._number(Decimal(value), "#,##0")

    def percent(self, value: int) -> str:
        """Write whole percent: 85 %, 85%."""
        return f"{self.number(value)}\u00a0%" if self.language == "de" else f"{self.number(value)}%"

    def share(self, used: str, amount: str) -> int | None:
        """Return what is used of an amount in whole percent: above it if it is passed by a cent; none of nothing."""
        if Decimal(amount) <= 0:
            return None
        percent = Decimal(used) * 100 / Decimal(amount)
        return int(percent.to_integral_value(ROUND_CEILING if percent > 100 else ROUND_FLOOR))  # noqa: PLR2004

    def _number(self, value: Decimal, form: str) -> str:
        return _number_written(str(value), form, self.language)

    def as_said(self, value: str | None) -> str:
        """Write what somebody said in a message: amounts, days and times readable, with every digit they gave."""
        if value is None:
            return NOTHING
        if re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,8})?", value, re.ASCII):
            return self._number(Decimal(value), pattern(len(value.partition(".")[2])))
        if _INSTANT.fullmatch(value):
            fraction = instant(value).strftime(".%f").rstrip("0").rstrip(".")
            return f"{self.moment(value)}{fraction}"
        try:
            return self.day(date.fromisoformat(value)) if len(value) == len("2026-10-28") else value
        except ValueError:
            return value

    def day(self, value: str | date | None, *, weekday: bool = False) -> str:
        """Write a day: 28.10.2026, 28 Oct 2026; with its weekday where somebody plans by it."""
        if value is None:
            return NOTHING
        day = date.fromisoformat(value) if isinstance(value, str) else value
        if weekday:
            return _day_written(
                day, "EEE, dd.MM.yyyy" if self.language == "de" else "EEE d MMM yyyy", self.language
            )
        return _day_written(day, "dd.MM.yyyy" if self.language == "de" else "d MMM yyyy", self.language)

    def moment(self, value: str | datetime | None) -> str:
        """Write a point in time as Berlin's clocks show it, to the second."""
        if value is None:
            return NOTHING
        local = instant(value).astimezone(BERLIN)
        return f"{self.day(local.date())} {local:%H:%M:%S}"

    def minute(self, value: str | datetime) -> str:
        """Write a point in time as Berlin's clocks show it, to the minute: for lists."""
        local = instant(value).astimezone(BERLIN)
        return f"{self.day(local.date())} {local:%H:%M}"

    def utc(self, value: str | datetime) -> str:
        """Write a point in time exactly, in UTC."""
        return instant(value).strftime("%Y-%m-%d %H:%M:%S.%f UTC")

    def machine(self, value: str | datetime) -> str:
        """Write a point in time for the ``datetime`` attribute."""
        return instant(value).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def age(self, bucket: str) -> str:
        """Write an age in business days as every list has it: 0-1, 2-3, 4-7, >7."""
        return ">7" if bucket == "8+" else bucket

    def typed_as(self, kind: str) -> str:
        """Return how a field of this kind wants its day or time written; nothing for any other field."""
        return _TYPED_AS.get(kind, "")

    def in_field(self, value: str | date) -> str:
        """Write a day, or a time of Berlin, as its reader would type it; anything else as it came."""
        text = str(value)
        day, mark, clock = text.partition("T")
        if _ISO_DAY.fullmatch(day) is None or (mark and not clock.replace(":", "").isdigit()):
            return text
        try:
            return f"{self.day(day)} {clock}".strip()
        except ValueError:
            return text


@lru_cache(maxsize=KEPT)
def _number_written(value: str, form: str, language: Language) -> str:
    """Babel reads the form anew for each number; a list says the same figures many times."""
    written = str(format_decimal(Decimal(value), form, locale=_LOCALES[language], decimal_quantization=False))
    return written.replace("-", MINUS)


@lru_cache(maxsize=KEPT)
def _day_written(day: date, form: str, language: Language) -> str:
    return str(format_date(day, form, locale=_LOCALES[language]))


def pattern(decimals: int) -> str:
    """Return how a number with so many decimals is written."""
    return f"#,##0.{'0' * decimals}" if decimals else "#,##0"


def instant(value: str | datetime) -> datetime:
    """Return the aware UTC time that a text spells."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    assert found.tzinfo is not None
    return found.astimezone(UTC)


def typed_number(text: str, language: Language, *, grouped: bool) -> str:
    """Read a number as people type it: ``1.000.000,50``, ``1,000,000.50``, ``10M``, ``1,0850``.

    ``grouped``: the text may group thousands, by the language's own mark; a rate may not, so that in it
    comma and point both are the decimal mark. What cannot be read comes back as it was typed: whoever
    takes the number refuses it.
    """
    bare = re.sub(r"[\s']", "", text, flags=re.ASCII).replace("\u00a0", "").replace("\u202f", "")
    found = _TYPED.fullmatch(bare)
    if found is None or (found["times"] and not grouped):
        return text
    group = _GROUPING[language]
    digits = found["digits"]
    mark = "," if group == "." else "."
    if grouped and re.fullmatch(rf"[0-9]{{1,3}}(\{group}[0-9]{{3}})+(\{mark}[0-9]+)?", digits):
        digits = digits.replace(group, "")
    digits = digits.replace(",", ".")
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", digits) is None:
        return text
    shift = _TIMES[found["times"].lower()]
    if shift:
        digits = format(Decimal(digits).scaleb(shift), "f")
    sign = "-" if found["sign"] in ("-", MINUS) else ""
    return f"{sign}{digits}"


def as_typed(value: str, language: Language, *, grouped: bool) -> str:
    """Write a number as its reader types it, so that ``typed_number`` reads the same; all its digits stay."""
    decimals = len(value.partition(".")[2])
    form = pattern(decimals) if grouped else pattern(decimals).removeprefix("#,##")
    return _number_written(value, form, language)


def typed_day(text: str) -> str:
    """Read a day as people write it: ``28.10.2026``, ``28.10.26``, ``28 Oct 2026``, ``28. Oktober 2026``, ``2026-10-28``.

    A day between slashes is not read: 10/11/2026 is two days, one on each side of the ocean. What cannot be
    read comes back as it was typed: whoever takes the day refuses it.
    """
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        return text
    named = found["named"]
    month = int(found["month"]) if named is None else _MONTH.get(named[:3].lower(), 0)
    year = found["full"] or f"{found['short'] or '20'}{found['year']}"
    try:
        return date(int(year), month, int(found["day"])).isoformat()
    except ValueError:
        return text


def typed_moment(text: str) -> str:
    """Read a local time of Berlin, or a day alone, as people write them; what cannot be read comes back as typed."""
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        return typed_day(text)
    written = f"{typed_day(found['day'])}T{found['hour']:0>2}:{found['rest']}"
    try:
        moment = datetime.fromisoformat(written).replace(tzinfo=BERLIN).astimezone(UTC)
    except (
        ValueError,
        OverflowError,
    ):  # the first day of the calendar begins in Berlin before it does in UTC
        return text
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def field_moment(value: datetime) -> str:
    """Write a time for a form's local time field."""
    return value.astimezone(BERLIN).strftime("%Y-%m-%dT%H:%M:%S")
