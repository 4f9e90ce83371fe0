# The whole interface of the project. Each command sets up what it needs in .venv.
PYTHON ?= python3
ifeq ($(OS),Windows_NT)
  BIN := .venv/Scripts
else
  BIN := .venv/bin
endif
PY := $(BIN)/python

ENV_READY    := .venv/.ready
ASSETS_READY := book/_static/vendor/.ready
COMPANION    := $(shell find ssm_companion -name '*.py')
FRAME        := $(wildcard book/_ext/*.py book/macros.json) _config.yml

.PHONY: book test test-library test-chapters test-site lab notebooks pdf clean

book: $(ENV_READY) $(ASSETS_READY) _build/.companion _build/.frame
	$(PY) -m book._ext.build html

notebooks: $(ENV_READY) $(ASSETS_READY) _build/.companion _build/.frame
	$(PY) -m book._ext.build notebooks

test: test-library test-chapters test-site

test-library: $(ENV_READY)
	$(PY) -m pytest tests/library

test-chapters: $(ENV_READY) $(ASSETS_READY)
	$(PY) -m pytest book tests/chapters

test-site: book
	$(PY) -m pytest tests/site

lab: $(ENV_READY)
	$(PY) -m jupyterlab book

pdf: book
	$(PY) -m book._ext.pdf

clean:
	rm -rf _build

# ---- what the commands stand on ----

$(ENV_READY): requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(ASSETS_READY): book/_ext/vendor.py $(ENV_READY)
	$(PY) -m book._ext.vendor
	touch $@

# The execution cache is keyed by the text of the cells: it does not see the library behind them.
_build/.companion: $(COMPANION) requirements.txt
	rm -rf _build/.jupyter_cache _build/.doctrees
	mkdir -p _build && touch $@

_build/.frame: $(FRAME)
	rm -rf _build/.doctrees
	mkdir -p _build && touch $@
