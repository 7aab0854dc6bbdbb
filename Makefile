# The commands of Parley. `make` alone lists them.
PYTHON ?= python3

# Everything is built in .venv; a stamp there is newer than the lock it was installed from, so a second call does nothing.
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
RUNTIME := .venv/.runtime-installed
DEVELOPMENT := .venv/.development-installed

# Much of a test is waiting for processes and browsers, so there are more workers than cores.
WORKERS ?= $(shell expr 2 + $$(nproc 2>/dev/null || echo 2))
# Hundreds of processes are started by tests and proofs; none should compile the code anew, whatever the caller's shell says.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup runtime demo run test prove bench pictures lint lock

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(DEVELOPMENT) ## Build .venv with everything needed to run and to develop

runtime: $(RUNTIME) ## Build .venv with what a server needs and nothing more

demo: $(RUNTIME) ## Chat with the bot in this terminal: no account, no key
	@$(BIN)/python run.py demo

run: $(RUNTIME) ## Start the server with the settings of .env and config.yaml
	@$(BIN)/python run.py serve

test: $(DEVELOPMENT) ## Run all tests (ARGS="tests/core -x" runs some)
	@$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

prove: $(DEVELOPMENT) ## Prove every guarantee in full size, about an hour (PROVE=kills proves one)
	@$(BIN)/python -m tests.prove $(PROVE) $(ARGS)

bench: $(DEVELOPMENT) ## Measure webhooks and replies a second on this machine
	@$(BIN)/python -m tests.bench

pictures: $(DEVELOPMENT) ## Take the pictures of README and docs anew
	@$(BIN)/python -m tests.browser.pictures

lint: $(DEVELOPMENT) ## Check style, layout and types
	@$(BIN)/python -m ruff check
	@$(BIN)/python -m ruff format --check
	@$(BIN)/python -m mypy bot tests run.py

# Pins stay as they are where they still fit pyproject.toml; UPGRADE=1 takes the newest of everything.
# The development lock is bound by the runtime one, so that both agree on every version.
LOCK := $(BIN)/python -m uv --no-config pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade)

lock: $(DEVELOPMENT) ## Pin the dependencies of pyproject.toml anew (UPGRADE=1 takes the newest)
	@$(LOCK) --output-file requirements.lock pyproject.toml
	@$(LOCK) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

.venv/pyvenv.cfg:
	@command -v $(PYTHON) >/dev/null || { \
		echo 'Parley needs Python 3.11 or newer, and "$(PYTHON)" was not found. Install it, or name yours: make setup PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Parley needs Python 3.11 or newer, and \"$(PYTHON)\" is $$($(PYTHON) -V 2>&1). Install a newer one, or name it: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo 'Python cannot make a virtual environment: its venv module is missing. On Debian or Ubuntu: apt install python3-venv' >&2; exit 1; }
	@echo 'Building .venv (once, about a minute) ...'
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

$(RUNTIME): requirements.lock | .venv/pyvenv.cfg
	@$(PIP) -r requirements.lock
	@touch $@

$(DEVELOPMENT): requirements-dev.lock $(RUNTIME)
	@$(PIP) -r requirements-dev.lock
	@touch $@
