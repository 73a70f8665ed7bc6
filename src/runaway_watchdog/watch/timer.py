"""When something that repeats is due."""


class Timer:
    """Due every `period_s`; what was missed is skipped, not caught up on."""

    def __init__(self, period_s: float, first: float) -> None:
        self.period_s = period_s
        self.at = first

    def due(self, now: float) -> bool:
        """Is it time? Sets the next one."""
        if now < self.at:
            return False
        self.at = max(self.at + self.period_s, now + self.period_s / 2)
        return True
