"""Names of shells. Who needs more or fewer of them than POSIX_SHELLS says so by a name of its own."""

from typing import Final

POSIX_SHELLS: Final = frozenset(("sh", "bash", "dash", "ash", "zsh", "ksh"))
