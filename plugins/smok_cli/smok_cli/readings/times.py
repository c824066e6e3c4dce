"""Times as files write them and as the store keeps them: microseconds since the epoch."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from smok_cli.readings.records import BadRow

__all__ = ["TIME_UNITS", "TimeReader", "TimeWriter", "to_utc", "zone_named"]

#: Microseconds in one unit of a numeric time.
TIME_UNITS: Final = {"s": 1_000_000, "ms": 1000, "us": 1}
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - local times are counted as if in UTC
_AWARE_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d+)?")
#: The store keeps 64 bits of microseconds.
_LIMIT: Final = 2**63 - 1000
_FORMATS: Final = ("iso", "s", "ms", "us")


def zone_named(name: str) -> tzinfo:
    """Give a time zone by its name, ending the command with a hint if there is none."""
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = "Use a name like Europe/Warsaw (package tzdata where the system has no zones)."
        raise click.UsageError(f"no time zone is called {name!r}. {hint}") from None


def to_utc(local: int, zone: tzinfo, fold: int = 0) -> int:
    """Turn microseconds of local time into microseconds since the epoch."""
    if zone is UTC:
        return local
    wall = (_EPOCH + timedelta(microseconds=local)).replace(tzinfo=zone, fold=fold)
    return (wall - _AWARE_EPOCH) // _MICROSECOND


class TimeReader:
    """Reads the times of one file.

    Args:
        unit: s, ms or us for numbers; None tells them apart by the size of the first one.
        pattern: A strptime pattern instead of ISO 8601.
    """

    def __init__(self, unit: str | None = None, pattern: str | None = None) -> None:
        self._unit = TIME_UNITS[unit] if unit else None
        self._pattern = pattern

    def read(self, time: Any) -> tuple[int, bool]:
        """Give microseconds, and whether they are local: neither a zone nor an epoch was given."""
        if self._pattern is not None:
            return self._moment(time, self._by_pattern)
        # A text of digits only is a number, though ISO 8601 would take some as a date.
        if isinstance(time, str) and (":" in time or not _NUMBER.fullmatch(time)):
            return self._moment(time.strip(), datetime.fromisoformat)
        return self._number(time), False

    def _by_pattern(self, text: Any) -> datetime:
        assert self._pattern is not None
        return datetime.strptime(str(text), self._pattern)  # noqa: DTZ007 - a zone is optional

    def _moment(self, text: Any, parse: Any) -> tuple[int, bool]:
        try:
            moment: datetime = parse(text)
        except ValueError:
            raise BadRow(f"{text!r} is not a time") from None
        if moment.tzinfo is None:
            return (moment - _EPOCH) // _MICROSECOND, True
        return (moment - _AWARE_EPOCH) // _MICROSECOND, False

    def _number(self, time: Any) -> int:
        if type(time) not in (int, float, str):
            raise BadRow(f"{time!r} is not a time")
        number = float(time) if isinstance(time, str) and "." in time else time
        number = int(number) if isinstance(number, str) else number
        if self._unit is None:
            self._unit = _guess_unit(abs(number))
        if not abs(number) * self._unit < _LIMIT:
            raise BadRow(f"{time} lies outside of the times that can be kept")
        return round(number * self._unit)


def _guess_unit(size: float) -> int:
    """Seconds reach 1e11 in the year 5138, milliseconds passed it in 1973."""
    if size < 1e11:
        return TIME_UNITS["s"]
    return TIME_UNITS["ms"] if size < 1e14 else TIME_UNITS["us"]


class TimeWriter:
    """Writes times: ISO 8601, a number in s, ms or us, or a strftime pattern.

    Args:
        form: iso, s, ms, us or a strftime pattern.
        zone: The zone of ISO times and patterns.
    """

    def __init__(self, form: str = "iso", zone: tzinfo = UTC) -> None:
        self._form, self._zone = form, zone
        if form not in _FORMATS and "%" not in form:
            known = ", ".join(_FORMATS)
            raise click.UsageError(f"no time format is called {form!r}. Use {known} or a pattern.")

    def write(self, utc: int, behind: int = 0) -> str:
        """Write microseconds since the epoch.

        Args:
            utc: The instant.
            behind: By how many microseconds the clock that gave it went behind the zone.
        """
        if self._form in TIME_UNITS:
            return _number_text(utc, TIME_UNITS[self._form])
        try:
            moment = (_AWARE_EPOCH + timedelta(microseconds=utc)).astimezone(self._zone)
            if behind:
                offset = (moment.utcoffset() or timedelta()) - timedelta(microseconds=behind)
                moment = moment.astimezone(timezone(offset))
        except OverflowError:
            raise click.ClickException(
                f"{utc} us since the epoch lies outside of the calendar. Use --time-format ms."
            ) from None
        return _iso(moment) if self._form == "iso" else moment.strftime(self._form)


def _number_text(utc: int, unit: int) -> str:
    whole, rest = divmod(abs(utc), unit)
    sign = "-" if utc < 0 else ""
    if not rest:
        return f"{sign}{whole}"
    digits = len(str(unit)) - 1
    return f"{sign}{whole}.{rest:0{digits}}".rstrip("0")


def _iso(moment: datetime) -> str:
    micros = moment.microsecond
    detail = "seconds" if not micros else "microseconds" if micros % 1000 else "milliseconds"
    text = moment.isoformat(timespec=detail)
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
