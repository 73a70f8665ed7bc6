"""What all tests share: no skips in CI, the recorders of the tables under docs/, and the rigs."""

from hypothesis import settings

settings.register_profile("anywhere", deadline=None)  # how long an example takes is the machine's affair
settings.load_profile("anywhere")

pytest_plugins = (
    "support.calm",
    "support.installed",
    "support.lanes",
    "support.skips",
    "truth.plans_rows",
    "truth.preflight_rows",
    "truth.prognosis_rows",
    "e2e.rig.fixtures",
    "e2e.vm.fixtures",
)
