"""Times of the day, as people write them: "02:00-04:00"."""

import re

from runaway_watchdog.model.user_input import Window

_WINDOW = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_DAY = 24 * 60


def parse_window(text: str) -> Window:
    """ "22:00-06:30": over midnight where the end comes first; 24:00 is midnight. Raises ValueError."""
    found = _WINDOW.fullmatch(text.strip())
    if found is None:
        raise ValueError("is not a time of the day such as 02:00-04:00")
    first_hour, first_minute, last_hour, last_minute = map(int, found.groups())
    first, last = first_hour * 60 + first_minute, last_hour * 60 + last_minute
    if max(first_minute, last_minute) > 59 or max(first, last) > _DAY:
        raise ValueError("has a time that no day has")
    if first == last:
        raise ValueError("begins and ends at the same time")
    return Window(first, last)


def parse_time(text: str) -> int:
    """ "08:00", in minutes since midnight. Raises ValueError."""
    try:
        return parse_window(f"{text}-24:00").first
    except ValueError:
        raise ValueError("is not a time of the day such as 08:00") from None


def format_window(window: Window) -> str:
    """As `parse_window` reads it."""
    return "-".join(map(format_time, window))


def format_time(minute: int) -> str:
    """As `parse_time` reads it."""
    return f"{minute // 60:02}:{minute % 60:02}"
