"""Times as files write them and as the store keeps them: microseconds since the epoch."""

import contextlib
import re
import time
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from smok_cli.readings.records import BadRow

#: Nanoseconds in one unit of a numeric time.
TIME_UNITS: Final = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1000, "ns": 1}
_FORM_NAMES: Final = {
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
}
#: Dates that are written as one number, by their length.
_COMPACT: Final = {8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_FIRST: Final = 631_152_000_000_000  # 1990, in microseconds
_BUILT: Final = 1_793_000_000  # this was written in October 2026; no clock is right that is behind
_ZONE_NAME: Final = re.compile(r"(?<!%)((?:%%)*)%Z")
_DAY_FIRST: Final = re.compile(r"\d{1,2}([./-])\d{1,2}\1\d{2,4}(?!\d)")
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - local times are counted as if in UTC
_AWARE_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d+)?")
#: Control characters that Python strips as blanks; in a time they stand for a damaged digit.
_NO_BLANK: Final = re.compile("[\x1c-\x1f\x85]")
#: The store keeps 64 bits of microseconds.
_LIMIT: Final = 2**63 - 1000
_FORMATS: Final = ("iso", *TIME_UNITS)


def zone_named(name: str) -> tzinfo:
    """Return a time zone by its name, ending the command with a hint if there is none."""
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

    Numbers are seconds, milliseconds, microseconds or nanoseconds since the epoch, or dates such
    as 20240131 or 20240131235959. Between 1990 and a year from now these have no value in common,
    so each row tells what it is; another one is refused, and so is a form that changes within the
    file. Where ``unit`` is given, any number is taken.

    Args:
        unit: s, ms, us or ns for numbers.
        pattern: A strptime pattern instead of ISO 8601.
        decimal: The decimal mark of numbers.
    """

    def __init__(
        self, unit: str | None = None, pattern: str | None = None, decimal: str | None = None
    ) -> None:
        self._unit = TIME_UNITS[unit] if unit else None
        self._comma = decimal == ","
        self._pattern = _checked_pattern(pattern) if pattern else None
        self._last = _in_a_year()
        self.form: str | None = None  #: what numbers were taken for: a unit, or a pattern

    def read(self, time: Any) -> tuple[int, bool]:
        """Return microseconds, and whether they are local: neither zone nor epoch was given."""
        if self._pattern is not None:
            return self._moment(time, self._by_pattern)
        if isinstance(time, str):
            if _NO_BLANK.search(time):
                raise BadRow(f"{time!r} is not a time: it holds a control character")
            time = time.strip()  # some write blanks around their delimiter
        # A text of digits only is a number, though ISO 8601 would take some as a date.
        if isinstance(time, str) and (":" in time or not self._is_number(time)):
            if time[:1] == "@":
                return _since_epoch(time), False
            return self._moment(time, datetime.fromisoformat)
        return self._number(time)

    def resembles(self, text: str) -> bool:
        """Tell whether a text is, or nearly is, a time; nothing is concluded from it."""
        bare = text.strip()
        if not bare or bare[0] == "@" or self._is_number(bare):
            return bool(bare)
        try:
            self._moment(bare, self._by_pattern if self._pattern else datetime.fromisoformat)
        except BadRow:
            return _DAY_FIRST.match(bare) is not None
        return True

    def _is_number(self, text: str) -> bool:
        return _NUMBER.fullmatch(text.replace(",", ".") if self._comma else text) is not None

    def _by_pattern(self, text: Any) -> datetime:
        assert self._pattern is not None
        if not _ZONE_NAME.search(self._pattern):
            return datetime.strptime(str(text), self._pattern)  # noqa: DTZ007 - zone is optional
        for name in ("UTC", "GMT"):
            with contextlib.suppress(ValueError):
                pattern = _ZONE_NAME.sub(rf"\g<1>{name}", self._pattern)
                return datetime.strptime(str(text), pattern).replace(tzinfo=UTC)
        raise BadRow(
            f"{text!r} is not a time of the form {self._pattern!r} in UTC or GMT. Other names of "
            "zones mean several: use %z, or leave %Z out and give --timezone"
        )

    def _moment(self, text: Any, parse: Any) -> tuple[int, bool]:
        try:
            moment: datetime = parse(text)
        except BadRow:
            raise
        except (ValueError, TypeError, OverflowError):
            raise BadRow(f"{text!r} is not a time{_form_hint(text, self._pattern)}") from None
        if moment.tzinfo is None:
            return (moment - _EPOCH) // _MICROSECOND, True
        return (moment - _AWARE_EPOCH) // _MICROSECOND, False

    def _number(self, time: Any) -> tuple[int, bool]:
        if type(time) not in (int, float, str):
            raise BadRow(f"{time!r} is not a time")
        if isinstance(time, str):
            text = time.replace(",", ".") if self._comma else time
            number: float = float(text) if "." in text else int(text[:40])
        else:
            number = time
        if self._unit is not None:
            return _in_range(number, self._unit, time), False
        found = self._found(number)
        if found is None:
            raise BadRow(_told_outside(time))
        form, moment = found
        if self.form is None:
            self.form = form
        elif self.form != form:
            raise BadRow(
                f"{time} reads as {_FORM_NAMES.get(form, form)}, the times before it as "
                f"{_FORM_NAMES.get(self.form, self.form)}; --epoch says which it is"
            )
        return moment, form not in TIME_UNITS

    def _found(self, number: float) -> tuple[str, int] | None:
        """Return the one form in which a number lies between 1990 and a year from now."""
        for name, unit in TIME_UNITS.items():
            if _FIRST * 1000 <= number * unit <= self._last * 1000:
                return name, _scaled(number, unit)
        pattern = _COMPACT.get(len(str(number))) if isinstance(number, int) else None
        if pattern is not None:
            with contextlib.suppress(ValueError):
                moment = datetime.strptime(str(number), pattern)  # noqa: DTZ007 - it is local
                local = (moment - _EPOCH) // _MICROSECOND
                return (pattern, local) if _FIRST <= local <= self._last else None
        return None


def _scaled(number: float, unit: int) -> int:
    """Return microseconds; whole numbers stay exact."""
    return (number * unit + 500) // 1000 if isinstance(number, int) else round(number * unit / 1000)


def _in_range(number: float, unit: int, time: Any) -> int:
    if not abs(number) * unit < _LIMIT * 1000:
        raise BadRow(f"{time} lies outside of the times that can be kept")
    return _scaled(number, unit)


def _since_epoch(text: str) -> int:
    """Read ``@1700000000.5``: seconds since the epoch, as an export writes years beyond 9999."""
    if not _NUMBER.fullmatch(text[1:]):
        raise BadRow(f"{text!r} is not a time")
    seconds = Decimal(text[1:])
    if not abs(seconds) * 1_000_000 <= _LIMIT:
        raise BadRow(f"{text} lies outside of the times that can be kept")
    return int((seconds * 1_000_000).to_integral_value())


def _in_a_year() -> int:
    """Return the last time that is believed, also where this clock was never set."""
    return round((max(time.time(), _BUILT) + 366 * 86400) * 1e6)


def _told_outside(written: Any) -> str:
    hint = "" if len(str(written)) not in _COMPACT else ", or --time-format if it is a date"
    return (
        f"{written} lies outside of 1990 to a year from now in every unit. "
        f"If it is right, name its unit: --epoch s (ms, us, ns){hint}"
    )


def _form_hint(text: Any, pattern: str | None) -> str:
    if pattern is not None:
        return f" of the form {pattern!r}"
    found = _DAY_FIRST.match(str(text))
    if found is None:
        return ""
    mark = found[1]
    clock = " %H:%M:%S" if str(text).count(":") > 1 else " %H:%M" if ":" in str(text) else ""
    day, month = f"%d{mark}%m{mark}%Y{clock}", f"%m{mark}%d{mark}%Y{clock}"
    return f'; say which it is: --time-format "{day}" or "{month}"'


def _checked_pattern(pattern: str) -> str:
    """Refuse a pattern that no time can fit, or that gives no year."""
    if not re.search(r"%[YyGcxDs]", pattern):
        raise click.UsageError(f"--time-format {pattern!r} has no year. Add %Y.")
    try:
        datetime.strptime("", pattern)  # noqa: DTZ007 - it is tried only
    except ValueError as error:
        if "does not match format" not in str(error):
            raise click.UsageError(f"--time-format {pattern!r}: {error}. See strftime.") from None
    return pattern


class TimeWriter:
    """Writes times: ISO 8601, a number in s, ms, us or ns, or a strftime pattern.

    Args:
        form: iso, s, ms, us, ns or a strftime pattern.
        zone: The zone of ISO times and patterns.
    """

    def __init__(self, form: str = "iso", zone: tzinfo = UTC) -> None:
        self._form, self._zone = form, zone
        self.beyond = 0  #: times that no calendar has, written as ``@`` and seconds
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
            return _iso(moment) if self._form == "iso" else moment.strftime(self._form)
        except (OverflowError, ValueError):
            # One odd reading must not keep the others from being exported.
            self.beyond += 1
            return f"@{_number_text(utc, TIME_UNITS['s'])}"


def _number_text(utc: int, unit: int) -> str:
    whole, rest = divmod(abs(utc) * 1000, unit)
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
