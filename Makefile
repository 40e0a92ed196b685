# What a person does with Linewarden from a checkout. `make` alone explains.

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# A virtual environment whose Python has gone, or whose checkout was moved, cannot be mended: it is built anew.
USABLE := $(shell $(BIN)/python -c '' 2>/dev/null && [ "$$(cat $(VENV)/.where 2>/dev/null || pwd)" = "$$(pwd)" ] && echo yes)
ifneq ($(USABLE),yes)
$(shell rm -f $(VENV)/.runtime $(VENV)/.development)
CLEAR := --clear
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run install test lint bench soak schema clean

help:  ## this list
	@echo "Linewarden: what can be made (Python 3.11 or newer, git and make are enough for the first two)"
	@echo
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name line; do \
		printf '  make %-9s %s\n' "$$name" "$$line"; done
	@echo
	@echo "  PYTHON=/path/to/python3.12   which Python builds the environment (default: the newest found)"
	@echo "  ARGS='...'                   passed on: make run ARGS='--listen 127.0.0.1:9800', make test ARGS=tests/agent"

run: $(VENV)/.runtime  ## see it at work: the agent on a simulated estate at http://127.0.0.1:9799 (Ctrl-C ends it)
	@exec $(BIN)/linewarden demo $(ARGS)

install: $(VENV)/.runtime  ## build .venv with the linewarden command, start nothing
	@echo "installed: $(CURDIR)/$(BIN)/linewarden ($$($(BIN)/linewarden --version))"

test: $(VENV)/.development  ## run the tests (as root on Debian: installs the real servers that they need)
	@tests/install-peers.sh
ifeq ($(strip $(ARGS)),)
	@$(BIN)/python -m tests.run_all
else
	@$(BIN)/python -m pytest -m "not shared and not soak" $(ARGS)
endif

lint: $(VENV)/.development  ## ruff (rules and format), mypy, import contracts
	@echo "== ruff" && $(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "== mypy" && $(BIN)/mypy
	@echo "== import contracts" && $(BIN)/lint-imports

bench: $(VENV)/.development  ## measure against the peers; a peer that is missing is a failure
	@tests/install-peers.sh
	@failed=; for file in tests/bench/bench_*.py; do \
		[ -e "$$file" ] || { echo "there is no benchmark in tests/bench"; exit 1; }; \
		name=$$(basename "$$file" .py); echo "== $$name"; \
		$(BIN)/python -m "tests.bench.$$name" || failed="$$failed $$name"; \
	done; [ -z "$$failed" ] || { echo "failed:$$failed"; exit 1; }

soak: $(VENV)/.development  ## the tests that take long
	@tests/install-peers.sh
	@$(BIN)/python -m pytest -m soak $(ARGS)

schema: $(VENV)/.runtime  ## write configs/schema.json anew from the settings
	@$(BIN)/linewarden config schema > configs/schema.json.new && mv configs/schema.json.new configs/schema.json
	@echo "written: configs/schema.json"

clean:  ## remove .venv, caches and what was built
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---------------------------------------------------------------- the environment

$(VENV)/.python: tests/build-venv.sh
	@tests/build-venv.sh $(VENV) $(CLEAR)

ifneq ($(USABLE),yes)
.PHONY: $(VENV)/.python
endif

# Runtime packages only, in the versions of constraints.txt: tomorrow's install is today's.
$(VENV)/.runtime: pyproject.toml constraints.txt | $(VENV)/.python
	@echo "installing Linewarden into $(VENV) ..."
	@$(BIN)/python -m pip install -q -c constraints.txt --build-constraint constraints.txt -e .
	@touch $@

$(VENV)/.development: pyproject.toml constraints.txt | $(VENV)/.python
	@echo "installing Linewarden and what develops it into $(VENV) ..."
	@$(BIN)/python -m pip install -q -c constraints.txt --build-constraint constraints.txt -e . --group dev
	@touch $@ $(VENV)/.runtime
