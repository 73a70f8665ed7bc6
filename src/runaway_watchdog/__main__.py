"""`python -m runaway_watchdog` is the command."""

import sys

from runaway_watchdog.cli import main

sys.exit(main())
