# Everything goes through .venv/bin/python, so that no environment has to be activated.
SHELL := bash
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --disable-pip-version-check --no-input
PORT ?= 8501
# One more than there are processors: the engine's tests mostly wait. Four at most: each takes up to a gigabyte.
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$((n < 4 ? n + 1 : 4)))
PYTHON ?= python3.13 python3.12 python3.11 python3

# A stamp's name holds a checksum of what it stands for: an install is repeated when that content (or the folder) changes.
stamp = $(VENV)/.$(1)-$(shell { pwd; cat $(2); } | cksum | tr ' ' '-')
APP := $(call stamp,app,requirements.txt pyproject.toml)
DEV := $(call stamp,dev,requirements.txt requirements-dev.txt)
BENCH := $(call stamp,bench,requirements.txt requirements-bench.txt)

# $(call part,name,command): says what runs, and which part it was if it fails.
part = echo "== $(1)"; $(2) || { echo "== FAILED: $(1)" >&2; exit 1; }

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help app test lint format bench clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

app: $(APP)  ## install what is missing and open the app on 127.0.0.1 (PORT=8501)
	@if (exec 3<>/dev/tcp/127.0.0.1/$(PORT)) 2>/dev/null; then \
	    echo "Port $(PORT) is taken. Choose another one: make app PORT=$$(($(PORT) + 1))" >&2; exit 1; fi
	@exec $(PY) -m streamlit run app.py --server.port $(PORT)

test: export STREAMLIT_SERVER_HEADLESS := true
test: lint  ## every check: ruff, mypy, and all tests, the browser's included
	@echo "== browser"; MTBKD_BROWSER=$$(bash .ci/browser $(PY)) || { echo "== FAILED: browser" >&2; exit 1; }; \
	export MTBKD_BROWSER; echo "$$MTBKD_BROWSER"; $(call part,pytest,$(PY) -m pytest -m "not browser" -n $(WORKERS) --dist loadfile --no-loadscope-reorder); \
	$(call part,pytest in the browser,$(PY) -m pytest -m browser -n 2 --dist loadfile)

lint: $(DEV)  ## ruff check, ruff format --check, mypy
	@$(call part,ruff check,$(PY) -m ruff check .)
	@$(call part,ruff format --check,$(PY) -m ruff format --check .)
	@$(call part,mypy mtbkd_core,$(PY) -m mypy mtbkd_core)

format: $(DEV)  ## let ruff format the code and fix what it can
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

bench: $(BENCH)  ## install the peers, list the benchmarks and how to run them
	@for f in $(filter-out %/__init__.py,$(wildcard benchmarks/*.py)); do \
	    echo "  $(PY) -m benchmarks.$$(basename $$f .py)"; sed -n '1s/"""//g; 1s/^/      /p' $$f; done

clean:  ## remove .venv and caches (runs and teachers in the home folder stay)
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@for p in $(PYTHON); do \
	    $$p -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    echo "Creating $(VENV) with $$p, $$($$p --version)"; exec $$p -m venv --clear $(VENV); \
	done; \
	echo "No Python 3.11 or newer with its venv module was found (tried: $(PYTHON))." >&2; \
	echo "Install one (Debian, Ubuntu: apt install python3 python3-venv) or name it: make app PYTHON=/path/to/python3" >&2; \
	exit 1

$(APP): | $(PY)
	@echo "Installing the app's requirements: a minute or two, once."
	$(PIP) -r requirements.txt
	$(PIP) --no-deps --editable .
	@rm -f $(VENV)/.app-* && touch $@

$(DEV): | $(APP)
	@echo "Installing what the tests need."
	$(PIP) -r requirements-dev.txt
	@rm -f $(VENV)/.dev-* && touch $@

$(BENCH): | $(APP)
	@echo "Installing the peers that the benchmarks measure against."
	$(PIP) -r requirements-bench.txt
	@rm -f $(VENV)/.bench-* && touch $@
