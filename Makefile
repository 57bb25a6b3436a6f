# `make demo` and `make test` need Python 3.11+, make and PyPI; everything else comes into .venv.

PYTHON ?= python3
HATCH := .venv/bin/hatch
export HATCH_DATA_DIR := $(CURDIR)/.venv/hatch

.PHONY: demo test fast lint types format bench docs lowest clean

demo: $(HATCH)
	@$(HATCH) run demo

test: $(HATCH)
	$(HATCH) run lint
	$(HATCH) run types
	$(HATCH) run full

fast: $(HATCH)
	$(HATCH) run fast

lint types format: $(HATCH)
	$(HATCH) run $@

docs: $(HATCH)
	$(HATCH) run docs:build

bench: $(HATCH)
	$(HATCH) run bench:all

lowest: $(HATCH)
	$(HATCH) run lowest:fast

$(HATCH):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "smithkit needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check "hatch>=1.16,<2"

clean:
	rm -rf .venv dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
