"""So many at once, and so many a second in the long run: what answers to others' doing must not make us burn too."""


class Allowance:
    """Filled with time; pure, `now` in monotonic seconds."""

    def __init__(self, per_s: float, most: float, now: float) -> None:
        self._per_s, self._most = per_s, most
        self._left, self._filled = most, now

    def take(self, now: float) -> bool:
        """One of them, if there is one left."""
        self._left = min(self._left + (now - self._filled) * self._per_s, self._most)
        self._filled = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
