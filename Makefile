# Everything happens in .venv, which is made when it is first needed and again when pyproject.toml changes. The program in
# it is the wheel's, as a user has it, and is installed anew when a file that goes into the wheel has changed.
# PYTHON=… chooses the interpreter, ARGS=… goes to the program that a target runs.
# All tests run in two processes side by side; LANES= (empty) makes it one.

PYTHON ?= python3
ARGS ?=
LANES ?= 2
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-is-installed
PACKAGE := $(VENV)/.package-is-installed
DEV := $(VENV)/.dev-is-installed

# A whole run also measures what the quick layers reach, tests/support/coverage_floor.py; in lanes: tests/support/lanes.py.
WHOLE := $(if $(LANES),-n $(LANES) --dist loadfile) -p support.coverage_floor --coverage-floor 79

# Folders are among them: they change when a file is taken away.
SOURCES := $(shell find src systemd config -name __pycache__ -prune -o -print 2>/dev/null)

# A service must not run what lies in somebody's home, and so not with an interpreter from there either.
PREFIX := /opt/runaway-watchdog
SERVICE_PYTHON ?= $(firstword $(wildcard /usr/bin/python3) $(PYTHON))

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

.DEFAULT_GOAL := help
.PHONY: help run test lint truth docs audit install uninstall wheel dist deb clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

# set -m: on a terminal, Ctrl-C then reaches the watchdog alone, and make has nothing to report as interrupted.
run: $(PACKAGE) ## watch this host in the foreground, alerts on the terminal; Ctrl-C ends it
	@if [ -t 0 ]; then set -m; fi; $(BIN)/runaway-watchdog run $(ARGS)

test: $(DEV) $(PACKAGE) ## run every test; as root the end-to-end ones too, in a host in a box
	@if [ "$$(id -u)" -eq 0 ]; then PYTHONPATH=tests $(BIN)/python -m e2e.rig.needs || true; fi
	@PYTHONPATH=tests $(BIN)/python -m truth.tables docs
	@$(if $(ARGS),,PYTHONPATH=tests )$(BIN)/python -m pytest -m "not truth" $(or $(ARGS),$(WHOLE))

lint: $(DEV) ## check style, types and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@PYTHONPATH=src $(BIN)/lint-imports

# The quick tests that tell rows of a table belong to it as well.
truth: $(DEV) $(PACKAGE) ## run the long matrices that write the tables in docs/ (as root)
	@if [ "$$(id -u)" -eq 0 ]; then PYTHONPATH=tests $(BIN)/python -m e2e.rig.needs machine || true; fi
	@$(BIN)/python -m pytest -m "truth or prognosis" $(ARGS)

docs: $(DEV) ## write the pages of docs/ that are made from the code
	@export PYTHONPATH=src:tests; $(BIN)/python -m pages.reference > docs/reference.md.new && mv docs/reference.md.new docs/reference.md
	@export PYTHONPATH=src:tests; $(BIN)/python -m pages.architecture > docs/architecture.svg.new && mv docs/architecture.svg.new docs/architecture.svg

# Strict: where the advisories cannot be reached, every package would be skipped, and nothing found.
audit: $(RUNTIME) ## ask PyPI's advisories about every package that is installed here; needs the network
	@$(call install_group,audit)
	@$(BIN)/python -m pip freeze --exclude runaway-watchdog > $(VENV)/audited.txt
	@$(BIN)/pip-audit --strict --no-deps --disable-pip --progress-spinner off --requirement $(VENV)/audited.txt

install: ## as root: put the program into /opt and install the service
	@[ "$$(id -u)" -eq 0 ] || { echo "make install: needs root: sudo make install" >&2; exit 1; }
	@! dpkg-query --show runaway-watchdog >/dev/null 2>&1 || \
	  { echo "make install: the Debian package is installed; first: apt-get remove runaway-watchdog" >&2; exit 1; }
	@$(call require_venv,$(SERVICE_PYTHON))
	umask 022 && $(SERVICE_PYTHON) -m venv $(PREFIX) && $(PREFIX)/bin/pip install --quiet .
	@$(PREFIX)/bin/runaway-watchdog install $(ARGS)

uninstall: ## as root: remove the service and the program; configuration and history stay
	@[ "$$(id -u)" -eq 0 ] || { echo "make uninstall: needs root: sudo make uninstall" >&2; exit 1; }
	@if [ -x $(PREFIX)/bin/runaway-watchdog ]; then $(PREFIX)/bin/runaway-watchdog uninstall $(ARGS); fi
	rm -rf $(PREFIX)

wheel: $(RUNTIME) ## build the wheel into dist/
	@$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .
	@ls dist/*.whl

dist: $(RUNTIME) ## build the wheel and the sdist into dist/, and check what an index would say of them
	@$(call install_group,dist)
	@rm -f dist/*.whl dist/*.tar.gz
	@$(BIN)/python -m build --outdir dist . >/dev/null
	@$(BIN)/python -m twine check --strict dist/*.whl dist/*.tar.gz

deb: ## build the Debian package into dist/, for the release of Debian that this host runs
	@command -v dpkg-deb >/dev/null || { echo "make deb: dpkg-deb is needed: build it on Debian or Ubuntu" >&2; exit 1; }
	@$(call require_venv,$(SERVICE_PYTHON))
	@packaging/build-deb $(SERVICE_PYTHON) . dist

clean: ## remove .venv, dist and every cache
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Debian splits venv from python3: bring it when root, else say how.
define require_venv
if ! $(1) -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
  echo "Python 3.11 or newer is needed, $(1) is not: make PYTHON=/path/to/python3.11 …" >&2; exit 1; \
elif ! $(1) -c 'import ensurepip' 2>/dev/null; then \
  if [ "$$(id -u)" -ne 0 ]; then \
    echo "$(1) cannot make virtual environments: sudo apt-get update && sudo apt-get install -y python3-venv" >&2; exit 1; \
  fi; \
  apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends python3-venv; \
fi
endef

# The lists are read here, since only pip 25.1 and later knows --group, and Debian 12 has 23.0.
define install_listed
$(BIN)/python -c 'import tomllib; project = tomllib.load(open("pyproject.toml", "rb")); print(*$(2), sep="\n")' \
  > $(VENV)/$(1)-requirements.txt && $(BIN)/python -m pip install --quiet --requirement $(VENV)/$(1)-requirements.txt
endef
install_group = $(call install_listed,$(1),project["dependency-groups"]["$(1)"])

# A virtual environment that was moved, or whose interpreter is gone, is made anew.
$(RUNTIME): pyproject.toml
	@$(call require_venv,$(PYTHON))
	@echo "Setting up $(VENV) (once; again only when pyproject.toml changes)"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(call install_listed,runtime,project["build-system"]["requires"] + project["project"]["dependencies"])
	@touch $@

$(PACKAGE): $(RUNTIME) $(SOURCES)
	@rm -rf $(VENV)/wheel
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir $(VENV)/wheel .
	@$(BIN)/python -m pip install --quiet --no-deps --force-reinstall $(VENV)/wheel/*.whl
	@touch $@

$(DEV): $(RUNTIME)
	@$(call install_group,dev)
	@touch $@
