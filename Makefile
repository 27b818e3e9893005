# GNU make 3.81 or newer. Every target makes or refreshes .venv by itself; `make` alone prints the help.
.DEFAULT_GOAL := help
.PHONY: help report test lab notebook new data docs bench lint lock check words clean

VENV := .venv
STAMP := $(VENV)/.stamp
BIN := $(VENV)/bin

# The newest Python from 3.11 on that can make virtual environments; PYTHON=/path/to/python overrides it.
PYTHON ?=
CANDIDATES := $(if $(PYTHON),"$(PYTHON)",python3.14 python3.13 python3.12 python3.11 python3 python)
USABLE := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))

help:
	@echo 'make report   build every report that is not current; CLIENT=name NOTEBOOK=name AS_OF=2025-12-31 narrow it,'
	@echo '              FORCE=1 builds all, JOBS=2 at a time, QUIET=1 shows failures alone, LOG=file keeps JSON lines,'
	@echo '              FORMAT=pdf also prints each, where there is Chromium, Chrome or Edge'
	@echo 'make new      begin a client from its files: CLIENT=acme FILES="orders.csv survey.xlsx"; CURRENCY=EUR,'
	@echo '              CUSTOMER=column where the files call the customer by a name of their own'
	@echo 'make check    check parameters and data without building anything; CLIENT=name'
	@echo 'make data     make the example data'
	@echo 'make lab      open the notebooks in JupyterLab; ARGS="--no-browser --port 8899" are its own options'
	@echo 'make notebook  start a new analysis, notebooks/NAME.ipynb: NAME=pricing'
	@echo 'make test     run the tests; ARGS="-k name" narrows them'
	@echo 'make bench    run the slow simulations and timings'
	@echo 'make lint     check the code with ruff, and its types with mypy'
	@echo 'make docs     make the glossary, the data dictionary and the picture of a report in docs/'
	@echo 'make words    collect what reports say into the catalogue of each language, for the translator'
	@echo 'make lock     resolve requirements.lock anew from pyproject.toml'
	@echo 'make clean    remove .venv and caches; data and reports stay'
	@echo
	@echo 'Python: PYTHON=/path/to/python chooses one; otherwise the newest from 3.11 on is taken.'

# The stamp is written last, so that an installation that was interrupted starts again from nothing.
$(STAMP): requirements.lock pyproject.toml
	@set -e; python=; \
	for candidate in $(CANDIDATES); do \
		if "$$candidate" -c '$(USABLE)' >/dev/null 2>&1; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo 'crmlab needs Python 3.11 or newer, with its venv module (Debian and Ubuntu: apt install python3-venv).' >&2; \
		echo 'None of these is one: $(CANDIDATES). Set PYTHON=/path/to/python.' >&2; \
		exit 1; \
	fi; \
	echo "Installing into $(VENV) with $$("$$python" --version) ..."; \
	"$$python" -m venv --clear $(VENV)
	@if $(BIN)/python -m pip install --quiet --disable-pip-version-check uv && \
		$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes \
			-r requirements.lock; then :; else \
		echo 'uv could not install the packages; pip takes over, which is slower.' >&2; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; \
	fi
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

report: data
	@$(BIN)/crmlab report $(CLIENT) $(addprefix --notebook ,$(NOTEBOOK)) $(if $(AS_OF),--as-of $(AS_OF)) \
		$(if $(FORMAT),--format $(FORMAT)) $(if $(JOBS),--jobs $(JOBS)) $(if $(LOG),--log $(LOG)) \
		$(if $(QUIET),--quiet) $(if $(FORCE),--force)

new: $(STAMP)
	@$(BIN)/crmlab new $(CLIENT) $(FILES) $(if $(CURRENCY),--currency $(CURRENCY)) $(if $(CUSTOMER),--customer '$(CUSTOMER)')

docs: data
	@$(BIN)/crmlab docs
	@$(BIN)/crmlab report cdnow --notebook value_analysis --quiet
	@$(BIN)/python docs/picture.py

check: data
	@$(BIN)/crmlab check $(CLIENT)

data: $(STAMP)
	@$(BIN)/crmlab data

lab: data
	@$(BIN)/crmlab lab $(ARGS)

notebook: $(STAMP)
	@$(BIN)/crmlab notebook $(NAME)

# One file's tests stay in one process: they share their fixtures. tests/conftest.py says which files begin.
test: $(STAMP)
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

bench: $(STAMP)
	@set -e; for bench in tests/bench/*.py; do echo "== $$bench"; $(BIN)/python "$$bench"; done

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

# Without line numbers and dates: a change of code that changes no message changes no catalogue.
words: $(STAMP)
	@$(BIN)/pybabel --quiet extract --mapping-file pyproject.toml --keywords N_ --add-location=file --sort-by-file \
		--omit-header --output $(VENV)/crmlab.pot .
	@$(BIN)/pybabel --quiet update --input-file $(VENV)/crmlab.pot --output-dir crmlab/locale --domain crmlab \
		--no-fuzzy-matching --ignore-obsolete --omit-header --width 120

lock: $(STAMP)
	@[ -x $(BIN)/uv ] || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@UV_CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes \
		--fork-strategy fewest --no-emit-index-url --python-version 3.11 --extra test --extra examples pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
