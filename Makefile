# make demo | make services | make shop | make shop-stop | make test | make test-cpu | make test-long | make test-lowest | make check | make fix | make coverage | make notebooks | make lab | make docs | make test-browser | make bench | make bench-scale | make clean
#
# Every target makes what it needs: a virtual environment in $(VENV) with the package in it.
# The second call finds the stamp files and starts at once; a changed pyproject.toml installs again.

VENV    ?= .venv
# `-e .` follows the source tree. `make test INSTALL=.` tests the package as it would be installed from the wheel.
INSTALL ?= -e .
WORKERS ?= auto
ARGS    ?=
# What `make test-long` picks, and on how many examples it tries properties.
LONG    ?= long or hypothesis
PROFILE ?= long
# What `make test-lowest` runs: what leans on DuckDB, pandas, NumPy, Arrow, click and matplotlib most.
LOWEST  ?= tests/orders tests/read_models tests/replay/sql/folding tests/export --ignore=tests/export/process tests/cli/sql tests/cli/diff tests/plots/test_a_plot_shows_the_figures_of_its_model.py

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo services shop shop-stop test test-cpu test-long test-lowest check lint fix coverage notebooks lab docs test-browser bench bench-scale clean
.DELETE_ON_ERROR:

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.stamp-demo ## a tour of the package on simulated orders, about ten seconds
	@$(BIN)/orders-es demo $(ARGS)

services: $(VENV)/.stamp-dev ## PostgreSQL, Redis, NATS and stand-ins for OpenSearch, Elasticsearch, Kafka, MongoDB and KurrentDB on free loopback ports; says where, and stops them on Ctrl-C
	@exec $(BIN)/python -m orders_es.testing.services

shop: $(VENV)/.stamp-dev ## a whole shop in the background: HTTP, log, tables, a dashboard, a search index, a warehouse; examples/whole_shop has more
	@cd examples && $(abspath $(BIN))/python -m whole_shop start --folder $(CURDIR)/build/shop

shop-stop: ## ends it; its log stays in build/shop
	@cd examples && $(abspath $(BIN))/python -m whole_shop stop --folder $(CURDIR)/build/shop

test: $(VENV)/.stamp-dev ## the tests, in parallel, in a few minutes; ARGS="-k words" picks some
	@$(BIN)/pytest -n $(WORKERS) --maxprocesses 8 --dist loadscope -m "not long" $(ARGS)

test-cpu: $(VENV)/.stamp-dev ## the same tests, and where their CPU time goes: folders, files and tests, the dearest first
	@PYTHONPATH=benchmarks $(BIN)/pytest -p cpu_of_tests -n $(WORKERS) --maxprocesses 8 --dist loadscope -m "not long" $(ARGS)

test-long: $(VENV)/.stamp-dev ## the tests that take minutes by their nature: many kills, flips and races, and properties on many examples
	@$(BIN)/pytest -n $(WORKERS) --maxprocesses 8 -m "$(LONG)" --hypothesis-profile=$(PROFILE) $(ARGS)

test-lowest: | $(BIN)/python ## a part of the tests with the lowest versions that pyproject.toml declares, in build/lowest
	@$(PIP) install uv
	@rm -rf build/lowest && $(BIN)/uv venv --quiet --python $(BIN)/python build/lowest
	@$(BIN)/uv pip install --quiet --python build/lowest/bin/python --resolution lowest-direct \
		'.[audit,excel,http,metrics,plots,polars]' pytest==9.0.0 pytest-xdist==3.6.1 hypothesis==6.100.0 jsonschema==4.20.0
	@build/lowest/bin/python -m pytest -n $(WORKERS) --maxprocesses 8 --dist loadscope -m "not long" \
		-W ignore::DeprecationWarning -W ignore::PendingDeprecationWarning $(or $(ARGS),$(LOWEST))

check lint: $(VENV)/.stamp-dev ## ruff, mypy and the direction of imports, as strict as they go
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

fix: $(VENV)/.stamp-dev ## mend what a program can mend: format, order of imports
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

coverage: $(VENV)/.stamp-dev ## which lines the default tests reach; the figure goes into CONTRIBUTING.md, a report into htmlcov/
	@$(BIN)/pytest -n $(WORKERS) --maxprocesses 8 --dist loadscope -m "not long" --cov=orders_es --cov-report=term:skip-covered --cov-report=html $(ARGS)
	@$(if $(ARGS),,$(BIN)/python .ci/coverage_figure.py)

lab: $(VENV)/.stamp-notebooks ## JupyterLab on notebooks/
	@$(BIN)/jupyter lab --notebook-dir notebooks $(if $(filter 0,$(shell id -u)),--allow-root) $(ARGS)

docs: $(VENV)/.stamp-docs ## the documentation as a site, in build/site; a warning or a broken link is an error
	@$(BIN)/python .ci/build_docs.py

notebooks: $(VENV)/.stamp-notebooks ## run all notebooks afresh, in place
	@cd notebooks && $(abspath $(BIN))/jupyter nbconvert --log-level WARN --to notebook --execute --inplace \
		--ExecutePreprocessor.record_timing=False --ExecutePreprocessor.timeout=300 *.ipynb

test-browser: $(VENV)/.stamp-notebooks ## JupyterLab, the receipt page and the page of a server in a real browser; needs Chromium and its driver (apt install chromium chromium-driver)
	@$(PIP) install selenium pytest pytest-xdist hypothesis starlette uvicorn httptools prometheus-client
	@$(BIN)/pytest -n 0 tests/browser/lab_in_a_browser.py tests/browser/receipt_page_in_a_browser.py tests/browser/http_page_in_a_browser.py $(ARGS)

bench: $(VENV)/.stamp-dev ## what others do beside what we do, in a quarter of an hour; writes docs/performance.md. benchmarks/run.py has more
	@$(PIP) install eventsourcing deltalake "pyiceberg[sql-sqlite,pyarrow]"
	@$(BIN)/python benchmarks/performance.py

bench-scale: $(VENV)/.stamp-dev ## a hundred thousand events to ten million (ARGS="5 6 7 8" to a hundred million): time, memory, bytes, exponents
	@$(BIN)/python benchmarks/scale.py $(ARGS)

clean: ## remove the virtual environment and the caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist

# A name on the PATH proves nothing: version managers put shims there for versions that are not switched on, and
# some distributions ship a Python without venv. So each candidate has to start, be new enough and be able to make one.
FIND_PYTHON = \
	for python in "$(PYTHON)" python3.13 python3.12 python3.11 python3 python3.14 python \
		"$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[1-9]*/bin/python3; do \
		if [ -n "$$python" ] && "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' \
			>/dev/null 2>&1 </dev/null; then found="$$python"; break; fi; \
	done

$(BIN)/python:
	@$(FIND_PYTHON); \
	if [ -z "$$found" ]; then \
		echo 'make: no Python 3.11 or newer that can create virtual environments.' >&2; \
		echo 'Install one (on Debian and Ubuntu: apt install python3 python3-venv), or name it: make demo PYTHON=/path/to/python3' >&2; \
		exit 1; \
	fi; \
	echo "creating $(VENV) with $$("$$found" --version)"; \
	"$$found" -m venv --clear $(VENV)

# An interrupted creation leaves a Python without pip behind.
define install
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	@echo "installing orders_es$(2) into $(VENV), for the first time or because pyproject.toml changed"
	@$(PIP) install $(patsubst .,'.$(2)',$(INSTALL))
	@touch $(VENV)/.stamp-demo $(1)
endef

$(VENV)/.stamp-demo: pyproject.toml | $(BIN)/python
	$(call install,$@,)

$(VENV)/.stamp-dev: pyproject.toml | $(BIN)/python
	$(call install,$@,[dev])

$(VENV)/.stamp-notebooks: pyproject.toml | $(BIN)/python
	$(call install,$@,[notebooks])

$(VENV)/.stamp-docs: pyproject.toml | $(BIN)/python
	$(call install,$@,[docs])
