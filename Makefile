# Everything a person types. `make help` lists it. Needs git, make and python3 with venv.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PACKAGES := libs/contracts libs/chassis \
	services/booking services/payments services/customers services/notifications services/gateway \
	sandbox devstack
LOCKS := booking payments customers notifications gateway sandbox
RUN ?= .run
DEVSTACK := $(BIN)/python -m devstack --run-dir $(RUN)
TESTS ?= libs services sandbox devstack
ARGS ?=
HISTORIES ?= 2000

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z][a-z0-9-]*:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  HOLDFAST_SERVERS=docker|private  which PostgreSQL and RabbitMQ to use (default: what is there)"
	@echo "  HOLDFAST_INSTALL=1|0             install them without asking, or never"
	@echo "  KEEP=1 make down                 keep the data for the next make up"

# --- environment ---------------------------------------------------------------------------------

$(READY): requirements/dev.txt $(addsuffix /pyproject.toml,$(PACKAGES))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Holdfast needs Python 3.11 or newer; $(PYTHON) is older. Set PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
		|| { echo "Python's venv is missing: sudo apt-get install python3-venv (Debian, Ubuntu)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the requirements into $(VENV) (a minute the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		$(addprefix -e ,$(PACKAGES))
	@touch $@

.PHONY: venv
venv: $(READY) ## Make the virtual environment (every other target does it when needed)

.PHONY: lock
lock: $(READY) ## Lock the requirements again: versions and hashes into requirements/*.txt
	@for name in dev $(LOCKS); do \
		constraint=; test $$name = dev || constraint="--constraint requirements/dev.txt"; \
		echo "requirements/$$name.txt"; \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--no-emit-index-url --no-emit-find-links --no-header --no-annotate $(ARGS) \
			$$constraint requirements/$$name.in --output-file requirements/$$name.txt || exit 1; \
	done

# --- the system ----------------------------------------------------------------------------------

.PHONY: up
up: $(READY) ## Start everything in the background and return when it is ready
	@$(DEVSTACK) up $(ARGS)

.PHONY: down
down: ## Stop everything and delete its data
	@test ! -x $(BIN)/python || $(DEVSTACK) down $(if $(KEEP),--keep)

.PHONY: status
status: $(READY) ## Show what runs, where, and whether it is ready
	@$(DEVSTACK) status

.PHONY: demo
demo: $(READY) ## Book at five demo businesses through the public API, up to the confirmation e-mail
	@$(DEVSTACK) demo

.PHONY: env
env: $(READY) ## Print addresses, ids and keys as shell variables: eval "$$(make -s env)"
	@$(DEVSTACK) env

.PHONY: logs
logs: $(READY) ## Show the logs (ARGS="booking payments" for some, ARGS=-f to follow)
	@$(DEVSTACK) logs $(ARGS)

.PHONY: doctor
doctor: $(READY) ## Check servers, connections, queues and disk, and say what to do
	@$(DEVSTACK) doctor

# --- proof ---------------------------------------------------------------------------------------

.PHONY: test
test: $(READY) ## Unit, property and integration tests on real servers (TESTS=services/booking ARGS=-x)
	@$(DEVSTACK) servers run -- $(BIN)/python -m pytest $(TESTS) $(ARGS)

.PHONY: check
check: $(READY) ## Lint, format, types, import rules, contracts and generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m contracts check
	$(BIN)/python -m devstack deploy-files --check
	$(BIN)/python -m devstack settings-reference --check
	$(BIN)/python -m devstack numbering

.PHONY: e2e
e2e: $(READY) ## Whole-system stories through the public API, on a stack of their own
	@$(BIN)/python -m pytest tests/e2e -o timeout_func_only=true $(ARGS)

.PHONY: e2e-containers
e2e-containers: $(READY) ## The same stories against the images, by testcontainers (needs Docker)
	@$(BIN)/python -m pytest tests/e2e --containers -o timeout_func_only=true $(ARGS)

.PHONY: chaos
chaos: $(READY) ## Kill, cut, duplicate and reorder, and see that nothing is lost
	@$(BIN)/python -m pytest tests/chaos -o timeout_func_only=true $(ARGS)

.PHONY: histories
histories: $(READY) ## 2,000 random histories of money and bookings (HISTORIES=200, SEED=17 for one)
	@$(DEVSTACK) servers run -- env $(if $(SEED),SEED=$(SEED)) HISTORIES=$(HISTORIES) \
		$(if $(KILLED),KILLED=$(KILLED)) $(if $(KILLED_SEED),KILLED_SEED=$(KILLED_SEED)) \
		$(BIN)/python -m pytest tests/histories -o timeout_func_only=true -s $(ARGS)

.PHONY: bench
bench: $(READY) ## Measure against raw limits; writes bench/results/
	@$(BIN)/python -m bench $(ARGS)

.PHONY: clean
clean: down ## Stop, then remove .run, the virtual environment and every cache
	rm -rf $(RUN) $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name '*.egg-info' -type d -prune -exec rm -rf {} +
