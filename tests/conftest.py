"""What all tests share: the recorders of the tables under docs/, and the virtual machine."""

pytest_plugins = ("truth.plans_rows", "truth.preflight_rows", "truth.prognosis_rows", "e2e.vm.fixtures")
