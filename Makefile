# The project's verbs, the same on every machine and in CI. Each works from a bare checkout:
# it makes .venv and installs what it needs from the project's own files.
PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?=
# Each worker starts its own servers; what is idle takes over from what is busy.
PYTEST = $(BIN)/python -m pytest -n 3 --dist worksteal
BIN = $(VENV)/bin
COVERAGE_ARGS = tests/unit tests/simulation tests/test_conformance.py plugins/smok_pickle plugins/smok_cli plugins/smok_cloud
STAMP = $(VENV)/.installed
DEMO_STAMP = $(VENV)/.installed-demo
PLUGINS = $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
# What the demonstration needs.
DEMO = . $(addprefix plugins/,smok_cli smok_cloud smok_pickle smok_testing)
PROJECTS = pyproject.toml $(wildcard plugins/*/pyproject.toml)

.PHONY: demo test check lint types imports unit coverage docs site bench build test-long clean

demo: $(DEMO_STAMP)            ## the main job on the embedded default, end to end
	$(BIN)/smok demo

test: unit                     ## every test

check: lint types imports unit ## what CI runs

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/ruff check --preview --select PLW1514 . # the encoding of a file is never the locale's

types: $(STAMP)
	$(BIN)/mypy

imports: $(STAMP)
	$(BIN)/lint-imports

unit: $(STAMP)
	$(PYTEST) $(PYTEST_ARGS)

coverage: $(STAMP)            ## branch coverage of the core by the tests that need no server
	$(BIN)/python -m pytest -n 2 --cov --cov-report=term-missing:skip-covered $(COVERAGE_ARGS)

test-long: $(STAMP)            ## the same tests with thousands of seeds and examples
	SMOK_LONG=1 SMOK_REQUIRE=$(SMOK_REQUIRE),browser SMOK_KIT_EXAMPLES=2000 $(PYTEST)

bench: $(STAMP)                ## the figures, as ratios within one run; writes docs/benchmarks.md
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python benchmarks/run.py

docs: site                     ## the site, and every code block and list in it checked
	$(BIN)/python -m pytest tests/docs

site: $(STAMP) $(VENV)/mermaid.min.js ## the documentation as a site in site/; a warning is an error
	$(BIN)/python -m pip install --quiet --group docs
	NO_MKDOCS_2_WARNING=1 SMOK_MERMAID=$(VENV)/mermaid.min.js $(BIN)/mkdocs build --quiet --strict

# What draws the pictures, so that the site needs no network; without npm it is left to the browser.
$(VENV)/mermaid.min.js: | $(VENV)/bin/python
	cd $(VENV) && if npm pack --silent mermaid@11 >/dev/null; \
	then tar xzOf mermaid-11.*.tgz package/dist/mermaid.min.js >mermaid.min.js; rm mermaid-11.*.tgz; \
	else : >mermaid.min.js; fi

build: $(STAMP)                ## wheels of all distributions in dist/
	for project in . $(PLUGINS); do $(BIN)/python -m build --wheel --outdir dist $$project || exit 1; done

# An environment that another Python made, too old or gone, is made anew.
ifneq ($(shell $(BIN)/python -c "import sys; print(sys.version_info >= (3, 11))" 2>/dev/null),True)
.PHONY: $(VENV)/bin/python
endif

$(VENV)/bin/python:
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(DEMO_STAMP): $(PROJECTS) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet $(addprefix -e ,$(DEMO))
	touch $@

$(STAMP): $(PROJECTS) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --group dev $(addprefix -e ,. $(PLUGINS))
	touch $@ $(DEMO_STAMP)

clean:
	rm -rf $(VENV) dist build site
