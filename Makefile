# `make` lists the targets. All work happens in .venv; nothing is installed outside this directory.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory
# Kept bytecode is what makes a second start quick, so it is written even where the environment says not to.
export PYTHONDONTWRITEBYTECODE :=

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Stamps: as new as the requirements that they stand for, so that a second start installs nothing.
INSTALLED := $(VENV)/.installed
TEST_INSTALLED := $(VENV)/.installed-test

PIP_INSTALL := $(BIN)/python -m pip install -qq --no-input --disable-pip-version-check --require-hashes
PIP_COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe \
	--strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links

.PHONY: help run demo test browser model nightly check format lint types contracts migrations audit bench lock upgrade migrate \
	migration words clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Running

SERVE := CSMS_LAB="$${CSMS_LAB-1}" CSMS_MIGRATE="$${CSMS_MIGRATE-1}" exec $(BIN)/python wsgi.py

run: $(INSTALLED) ## Start the server in lab mode (CSMS_LAB=0 for the real thing)
	@$(SERVE)

demo: $(INSTALLED) ## Start the server with twelve simulated chargers, on a database of its own
	@export DEMO_CHARGERS="$${DEMO_CHARGERS-12}" INSTANCE_DIR=instance/demo DATABASE_URL= DATABASE_URL_FILE= POSTGRES_DB=; \
		$(SERVE)

migrate: $(INSTALLED) ## Bring the database up to date
	@$(BIN)/flask --app wsgi db upgrade

# Testing. ARGS go to the program behind: make test ARGS="-k tariff"

# A test waits for its servers now and then, so there may be more of them at work than there are cores.
WORKERS ?= $(shell expr `nproc` \* 2 + 1)
BROWSERS ?= $(shell expr `nproc` + 1)

test: $(TEST_INSTALLED) ## Run the test suite (PostgreSQL and Redis too, where they answer)
	@$(BIN)/python -m tools.steady tests --ignore=tests/browser -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

browser: $(TEST_INSTALLED) ## Run the browser tests in Debian's Chromium
	@command -v chromium-headless-shell chromium >/dev/null \
		|| { echo "Chromium is missing: apt install chromium-headless-shell" >&2; exit 1; }
	@$(BIN)/python -m tools.steady tests/browser -q -n $(BROWSERS) --dist loadfile --no-loadscope-reorder $(ARGS)

model: $(TEST_INSTALLED) ## Let a fleet misbehave for 10,000 steps against the books: make model ARGS="--steps 1000000"
	@$(BIN)/python -m tools.model $(ARGS)

nightly: $(TEST_INSTALLED) ## What takes hours: a million steps, a million bent frames, a thousand kills, all of Autobahn, an idle hour
	@$(BIN)/python -m tools.model --steps 1000000
	@$(BIN)/python -m tools.fuzz --frames 1000000
	@$(BIN)/python -m tools.crash --seeds 1000
	@$(BIN)/python -m tools.autobahn --skip-missing
	@PROXY_IDLE_S=3600 $(BIN)/python -m pytest tests/proxies -q -n 4 --dist load -k nothing_to_say

check: format lint types contracts migrations audit ## Run every check but the tests

format: $(TEST_INSTALLED) ## Check the format of the code (ruff format . puts it right)
	@$(BIN)/ruff format --check .

lint: $(TEST_INSTALLED) ## Check the code with ruff
	@$(BIN)/ruff check .

types: $(TEST_INSTALLED) ## Check the types with mypy --strict
	@$(BIN)/mypy

contracts: $(TEST_INSTALLED) ## Check who imports whom
	@$(BIN)/lint-imports

migrations: $(TEST_INSTALLED) ## Migrate up, down and up again on SQLite and PostgreSQL
	@$(BIN)/python -m tools.migrations

audit: $(TEST_INSTALLED) ## Look for known vulnerabilities in what is pinned
	@$(BIN)/python -m tools.audit requirements.txt requirements-test.txt

bench: $(TEST_INSTALLED) ## Run the benchmarks
	@$(BIN)/python -m bench $(ARGS)

# Maintaining

words: $(TEST_INSTALLED) ## Bring the catalogues of translations up to date, and say what is missing
	@$(BIN)/python -m tools.words

migration: $(TEST_INSTALLED) ## Write a migration from the models: make migration m="add tariffs"
	@test -n "$(m)" || { echo 'Say what it does: make migration m="add tariffs"' >&2; exit 1; }
	@$(BIN)/flask --app wsgi db migrate --message "$(m)"

lock: $(TEST_INSTALLED) ## Write the requirements' hashes after a change of requirements*.in
	@$(PIP_COMPILE) --output-file requirements.txt requirements.in
	@$(PIP_COMPILE) --output-file requirements-steve.txt requirements-steve.in
	@$(PIP_COMPILE) --output-file requirements-test.txt requirements-test.in

upgrade: $(TEST_INSTALLED) ## The same, with the newest versions that requirements*.in allow
	@$(PIP_COMPILE) --upgrade --output-file requirements.txt requirements.in
	@$(PIP_COMPILE) --upgrade --output-file requirements-steve.txt requirements-steve.in
	@$(PIP_COMPILE) --upgrade --output-file requirements-test.txt requirements-test.in

clean: ## Remove the virtual environment and all caches; keeps instance/
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis test-results
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Installing

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "Python's venv module is missing: apt install python3-venv" >&2; exit 1; }
	@echo "Making the virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(INSTALLED): requirements.txt | $(BIN)/python
	@echo "Installing requirements.txt"
	@$(PIP_INSTALL) -r requirements.txt
	@touch $@

$(TEST_INSTALLED): requirements-test.txt $(INSTALLED)
	@echo "Installing requirements-test.txt"
	@$(PIP_INSTALL) -r requirements-test.txt
	@touch $@
