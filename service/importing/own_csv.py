"""Our own table of deals: the columns are the keys of ``POST /api/trades``, the file says everything itself."""

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Final

from service.importing.rows import (
    DEPOSIT,
    LOAN,
    Row,
    RowRefused,
    UnreadableFile,
    amount,
    currency,
    fingerprint,
    instant,
    iso_date,
    line,
    shown,
)
from service.importing.tables import Record, Table

_FX: Final = ("side", "base", "quote", "base_amount", "rate")
_MONEY_MARKET: Final = ("currency", "principal", "rate_percent", "day_count", "start_date", "end_date")
TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "fx_spot": (*_FX, "value_date"),
    "fx_forward": (*_FX, "spot_rate", "forward_points", "value_date"),
    DEPOSIT: _MONEY_MARKET,
    LOAN: _MONEY_MARKET,
}
"""The columns of each type of deal, besides those all deals have."""
COMMON: Final = ("type", "trade_date", "counterparty", "portfolio", "executed_at", "side_agreements")
OPTIONAL: Final = ("location", "execution", "broker")
KEY: Final = "key"
COLUMNS: Final = tuple(
    dict.fromkeys((*COMMON, *(name for own in TYPES.values() for name in own), *OPTIONAL, KEY))
)
"""All columns there are, each type filling its own."""

_KEY: Final = re.compile(r"\A[\x21-\x7e]{1,64}\Z")


def _side(text: str, field: str) -> str:
    if text not in {"buy", "sell"}:
        raise RowRefused(field, f"{shown(text)} is neither buy nor sell.")
    return text


def _date(text: str, field: str) -> str:
    return iso_date(text, field).isoformat()


def _line(characters_max: int) -> Callable[[str, str], str]:
    return partial(line, characters_max=characters_max)


_AMOUNTS: Final = frozenset(
    {"base_amount", "rate", "spot_rate", "forward_points", "principal", "rate_percent"}
)
_READERS: Final[Mapping[str, Callable[[str, str], str]]] = {
    **dict.fromkeys(_AMOUNTS, amount),
    **dict.fromkeys(("base", "quote", "currency"), currency),
    **dict.fromkeys(("trade_date", "value_date", "start_date", "end_date"), _date),
    "side": _side,
    "executed_at": instant,
    "counterparty": _line(64),
    "portfolio": _line(140),
    "side_agreements": _line(2000),
    "location": _line(140),
    "execution": _line(20),
    "broker": _line(64),
    "day_count": _line(40),
}


def read_own(table: Table) -> Iterator[Row]:
    """Yield one row per deal. Raises UnreadableFile where the columns are not ours."""
    _check_columns(table.columns)
    keys: dict[str, int] = {}
    for record in table.records():
        yield _row(record, table.columns, keys)


def _check_columns(columns: tuple[str, ...]) -> None:
    for column in columns:
        if column not in COLUMNS:
            raise UnreadableFile(
                f"There is no column {shown(column)} in a table of deals; there are {', '.join(COLUMNS)}.",
                field=column,
                line=1,
            )
    for column in COMMON:
        if column not in columns:
            raise UnreadableFile(
                f"The column {column} is missing; every deal needs it.", field=column, line=1
            )
    lacking = {type_: [name for name in own if name not in columns] for type_, own in TYPES.items()}
    if all(lacking.values()):
        nearest = min(lacking, key=lambda type_: len(lacking[type_]))
        names = ", ".join(lacking[nearest])
        raise UnreadableFile(
            f"No type of deal has all its columns: for {nearest} there is missing {names}.",
            field=lacking[nearest][0],
            line=1,
        )


def _row(record: Record, columns: tuple[str, ...], keys: dict[str, int]) -> Row:
    cells = record.cells
    if record.problem is not None:
        return Row(
            record.line,
            "row",
            refusal=record.problem,
            fingerprint=fingerprint("own", record.line, record.problem),
        )
    key = cells.get(KEY) or None
    source = " ".join(
        filter(None, (cells["type"][:20] or "deal", cells.get("base"), cells.get("quote"), key))
    )[:80]
    try:
        deal = _deal(cells, columns)
        _check_key(key, keys, record.line)
    except RowRefused as refused:
        return Row(
            record.line,
            source,
            refusal=refused.sentence,
            field=refused.field,
            fingerprint=fingerprint("own", {name: cell for name, cell in cells.items() if cell}),
        )
    said = {name: _same(name, value) for name, value in deal.items()}
    return Row(record.line, source, deal, fingerprint=fingerprint("own", said), key=key)


def _deal(cells: Mapping[str, str], columns: tuple[str, ...]) -> dict[str, str]:
    type_ = cells["type"]
    if type_ not in TYPES:
        raise RowRefused("type", f"{shown(type_)} is not dealt here; {', '.join(TYPES)} are.")
    needed = (*COMMON[1:], *TYPES[type_])
    for name in columns:
        if cells[name] and name not in {"type", KEY, *OPTIONAL, *needed}:
            raise RowRefused(name, f"{type_} has no {name}; leave the cell empty.")
    for name in needed:
        if not cells.get(name):
            sentence = (
                f"{type_} needs it, and the cell is empty."
                if name in cells
                else f"{type_} needs it, and the table has no such column."
            )
            raise RowRefused(name, sentence)
    wanted = (*TYPES[type_], *COMMON[1:], *(name for name in OPTIONAL if cells.get(name)))
    return {"type": type_} | {name: _READERS[name](cells[name], name) for name in wanted}


def _check_key(key: str | None, keys: dict[str, int], number: int) -> None:
    if key is None:
        return
    if _KEY.match(key) is None:
        raise RowRefused(KEY, f"{shown(key)} is no key; it has 1 to 64 visible ASCII characters.")
    if key in keys:
        raise RowRefused(KEY, f"{shown(key)} stands on line {keys[key]} already; each deal has its own.")
    keys[key] = number


def _same(name: str, value: str) -> str:
    """Return what a cell means: 1.50 and 1.5 are one amount."""
    return str(Decimal(value).normalize()) if name in _AMOUNTS else value
