# The whole interface of the project. Each command sets up what it needs, in .venv.
PYTHON ?= python3
ifeq ($(OS),Windows_NT)
  BIN := .venv/Scripts
else
  BIN := .venv/bin
endif
PY  := $(BIN)/python
LABCONFIG := .venv/etc/jupyter/labconfig
# without bytecode: of fifteen thousand modules a third is ever imported
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --no-compile
# else each process compiles the Python of torch and of the rest anew, for 16 seconds
unexport PYTHONDONTWRITEBYTECODE
# two tests, or two chapters, at a time, each on one core; a test in the browser mostly waits
TEST := OMP_NUM_THREADS=1 $(PY) -m pytest -n

# files whose change no tool below notices by itself
COMPANION := $(shell find ssm_companion -name '*.py')
FRAME     := _config.yml _toc.yml book/macros.json $(shell find book/_ext book/_static -type f -not -path '*/vendor/*' -not -name '*.pyc')

.PHONY: book notebooks pdf lab test test-library test-chapters test-site bench clean

book: .venv/ready book/_static/vendor/ready _build/companion _build/frame
	@echo 'Building the book. Chapters that have changed are executed, which takes a minute or so.'
	@OMP_NUM_THREADS=1 $(BIN)/jupyter-book build . -W -n --keep-going --quiet

notebooks: book     # the build writes them, executed, next to the site
	@find _build/notebooks -name '*.ipynb'

pdf: book
	$(PY) book/_ext/pdf.py _build/html _build/book.pdf

lab: .venv/ready    # double-click a .md to open it as a notebook
	@mkdir -p $(LABCONFIG)
	@$(BIN)/jupytext-config --settings-file $(LABCONFIG)/default_setting_overrides.json set-default-viewer markdown
	$(PY) -m jupyterlab --notebook-dir book

test: test-library test-chapters test-site

test-library: .venv/ready
	$(TEST) 2 --dist worksteal tests/library

test-chapters: .venv/ready book/_static/vendor/ready
	$(TEST) 2 --dist loadfile book tests/chapters tests/test_frame.py

test-site: book
	$(TEST) 4 --dist worksteal tests/site

bench: .venv/ready _build/bench-peers/ready    # 15 to 20 minutes on two quiet cores
	$(PY) -m benchmarks.scans

clean:
	rm -rf _build

# ---- what the commands stand on ----

.venv/ready: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(PIP) -r requirements.txt
	$(PIP) --no-deps --no-build-isolation -e .
	touch $@

# Each by itself: one that cannot be built has that in its row of the table.
_build/bench-peers/ready: benchmarks/requirements.txt | .venv/ready
	rm -rf _build/bench-peers && mkdir -p _build/bench-peers
	@grep -v '^#' $< | while read -r peer; do \
	  $(PIP) --no-deps --no-build-isolation --target _build/bench-peers $$peer || echo "not installed: $$peer"; \
	done
	touch $@

book/_static/vendor/ready: book/_ext/vendor.py | .venv/ready
	$(PY) book/_ext/vendor.py
	touch $@

# The execution cache is keyed by the text of the cells and does not see the library behind them.
_build/companion: $(COMPANION) requirements.txt
	rm -rf _build/.jupyter_cache _build/.doctrees
	mkdir -p _build && touch $@

# Sphinx rereads nothing when only an extension or a style sheet has changed.
_build/frame: $(FRAME)
	rm -rf _build/.doctrees
	mkdir -p _build && touch $@
