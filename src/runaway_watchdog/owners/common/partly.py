"""What is known of an owner although its manager was not, or could not be, asked."""

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.owners.interface import Owner
from runaway_watchdog.world import Unanswered


class PartlyAnswered(Unanswered):
    """A gap, with the owner as far as the host itself tells."""

    def __init__(self, gap: Gap, owner: Owner) -> None:
        super().__init__(gap)
        self.owner = owner
