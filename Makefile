# Set-up is part of every target, and done once: each step leaves a stamp under .venv.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# The first Python on the path that is new enough; `make PYTHON=… test` chooses another.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then command -v $$python; break; fi; done)

BIN := .venv/bin
CHROMIUM := /usr/bin/chromium-headless-shell
LETTERS := /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
SOURCES := legato tests benchmarks run.py
ASYNC_FILES = $(shell grep -rlE --include='*.py' 'async|await|trio' $(filter-out tests,$(SOURCES)))

# What must be covered to the last branch: what the promise rests on.
PROVEN := legato/actors/*,legato/agents/*,legato/dialects/*,legato/events/*,legato/growing_part.py

# pip keeps the machine's settings (mirror, certificates, proxy), except those that would
# install somewhere else, something else, or nothing.
PIP := env -u PIP_TARGET -u PIP_PREFIX -u PIP_ROOT -u PIP_NO_DEPS -u PIP_DRY_RUN \
	-u PIP_REQUIREMENT -u PIP_EDITABLE -u PIP_QUIET -u PIP_VERBOSE \
	PIP_CONSTRAINT=constraints.txt PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 \
	PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip
# Without compiled files every process would compile all of Legato and of the tests again.
unexport PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE

.PHONY: help
help:  ## say what there is
	@sed -nE 's/^([a-z]+):.*##(.*)/  make \1\t\2/p' $(MAKEFILE_LIST)

.PHONY: demo
demo: .venv/.demo  ## ask a real model something, on a page that opens by itself; PORT=9001 chooses a port, HOST=0.0.0.0 lets phones in
	@$(BIN)/python run.py $(if $(HOST),--host '$(HOST)') $(if $(PORT),--port '$(PORT)')

.PHONY: test
test: set-up  ## check, all tests, and the coverage of what must be proven
	@$(MAKE) --no-print-directory check
	@rm -f .coverage
	@$(MAKE) --no-print-directory -k -j4 --output-sync=target $(TESTS)
	@echo "All of it must be covered: $(PROVEN)"
	@$(BIN)/coverage report --include='$(PROVEN)' --fail-under=100

# To measure coverage takes as long again as the tests themselves, so few tests are measured: those
# that cover PROVEN together.  Those that try many examples add nothing, and are not among them.
MEASURED := $(addprefix tests/,actors agents dialects events test_growing_part.py) \
	$(addprefix tests/http/,test_client_tools.py test_delete.py agents/test_actions.py) \
	$(addprefix tests/http/steering/,test_queue.py test_steering.py) \
	$(addprefix tests/http/openai/,test_approvals.py test_response_steers.py test_responses_runs.py)
UNMEASURED := $(addprefix tests/actors/,test_promise.py test_agent_promise.py \
	steering/test_steering_promise.py stream/test_memory_sizes.py)
PAGE := tests/page
HTTP := tests/http
BYTES := $(addprefix $(HTTP)/,input server)
STORAGE := tests/storage
PROOFS := tests/prove tests/workers
# The last one kills replicas whose leases are short, and is to have a quiet machine.
BENCH := tests/bench $(HTTP)/test_replicas_faults.py
IGNORED = $(patsubst %,--ignore=%,$(1))

# Each of these is a process of its own, four at once: many tests wait for clocks, processes and the
# browser, so four keep two processors busy.  What takes the longest begins first, but browsers, which
# are processes themselves, come one or two at a time, and the tests of the benchmarks last, when the
# machine grows quiet.  A process costs 3 s of imports, and 10 s with a browser and its server.
TESTS := tests-http tests-others tests-storage tests-page-late tests-measured tests-page-early \
	tests-proofs tests-page-middle tests-bytes tests-bench

.PHONY: $(TESTS)
$(TESTS):
	@$(PYTEST) -o cache_dir=.pytest_cache/$@ $(SHARE) 2>&1 | tee .venv/$@.log

PYTEST = $(BIN)/pytest
tests-measured: PYTEST = $(BIN)/coverage run -m pytest
tests-http: SHARE = $(HTTP) $(call IGNORED,$(BYTES) $(filter $(HTTP)/%,$(MEASURED) $(BENCH)))
tests-bytes: SHARE = $(BYTES)
tests-others: SHARE = tests $(call IGNORED,$(PAGE) $(HTTP) $(STORAGE) $(PROOFS) $(BENCH) $(MEASURED))
tests-storage: SHARE = $(STORAGE) $(UNMEASURED)
# Three browsers of one length, by the names of the files.
tests-page-early: SHARE = $(wildcard $(PAGE)/test_[a-i]*.py)
tests-page-middle: SHARE = $(wildcard $(PAGE)/test_[j-p]*.py)
tests-page-late: SHARE = $(wildcard $(PAGE)/test_[q-z]*.py)
tests-proofs: SHARE = $(PROOFS)
tests-bench: SHARE = $(BENCH)
tests-measured: SHARE = $(MEASURED) $(call IGNORED,$(UNMEASURED))

.PHONY: check
check: .venv/.dev  ## format, lint, types, and which module may import which
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/ruff check $(SOURCES)
	@$(MAKE) --no-print-directory -j2 check-types check-async
	@$(BIN)/pytest -q tests/test_imports.py

# Python files that differ from the commit at which this branch left main; on main, from the last.
CHANGED = $(shell { git diff --name-only --diff-filter=d "$$(git merge-base HEAD main 2>/dev/null || echo HEAD)"; \
	git ls-files --others --exclude-standard; } 2>/dev/null | grep '\.py$$' | sort -u)

.PHONY: quick quick-checks quick-tests
quick: .venv/.dev  ## format, lint, types and tests of what changed, without processes and sockets
	@$(MAKE) --no-print-directory -j2 CHANGED='$(CHANGED)' quick-checks quick-tests

quick-checks:
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/ruff check $(SOURCES)
	@test -z '$(CHANGED)' || $(BIN)/mypy $(CHANGED)
	@test -z '$(CHANGED)' || $(BIN)/flake8-async $(FLAKE8_ASYNC) $(CHANGED)

quick-tests:
	@$(BIN)/pytest -q -m 'not process and not socket' $$($(BIN)/python -m tests.support.changed $(CHANGED))

.PHONY: check-types check-async
check-types:
	@$(BIN)/mypy $(SOURCES)

check-async: .venv/.async

# Each file is looked at by itself; files unchanged since all were found good are left out.
.venv/.async: .venv/.dev Makefile $(ASYNC_FILES)
	@touch $@.began
	@printf '%s\n' $(filter %.py,$(if $(filter .venv/.dev Makefile,$?),$^,$?)) | \
	xargs -P "$$(getconf _NPROCESSORS_ONLN)" -n 25 $(BIN)/flake8-async $(FLAKE8_ASYNC)
	@mv $@.began $@

# flake8-async is by far the slowest, and knows of one processor only; what is not async has nothing
# that it could find.  The tests have those of its rules that ruff has, too.
#
# ASYNC9 are flake8-async's optional rules, off unless asked for: they want a checkpoint on every
# path, also where a function is async only because its protocol is.  ASYNC124 wants what never
# awaits to be sync, but Quart would run a sync view in a thread.  ASYNC127 wants httpx2, which
# httpx-sse does not know.
FLAKE8_ASYNC := --disable=ASYNC9,ASYNC124,ASYNC127

# Other requests every time; a failure shows the one that it was, to be tried again.
.PHONY: fuzz
fuzz: .venv/.dev  ## send a server 10,000 requests that its description allows, or forbids
	@FUZZ_REQUESTS=10000 $(BIN)/pytest -q tests/http/test_schemathesis.py

# Other seeds every time; a breach shows the one that it was, to be run again.
.PHONY: prove
prove: .venv/.dev  ## try 10,000 clusters with every fault that storage, network and processes know
	@$(BIN)/legato prove --seeds 10000

.PHONY: screenshots
screenshots: .venv/.dev chromium  ## make the pictures of docs/page.md anew
	@$(BIN)/python -m tests.support.page.screenshots

.PHONY: format
format: .venv/.dev  ## format, and mend what the linter can mend
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix $(SOURCES)

.PHONY: clean
clean:  ## remove what was installed and made, but no data (.legato) and no downloads (.cache)
	rm -rf .venv .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Set-up

# All that the tests need: Python's packages beside the others, since both wait for the network.
.PHONY: set-up
set-up: .venv/.made
	@$(MAKE) -s --no-print-directory .venv/.dev & python=$$!; others=0; \
	$(MAKE) -s --no-print-directory chromium postgresql node proxies || others=$$?; \
	wait $$python; exit $$others

.venv/.demo: .venv/.made pyproject.toml constraints.txt
	@echo "Installing Legato and what it needs into .venv; this takes a minute …"
	@$(PIP) install -qq -e '.[local,mcp,qr]'
	@touch $@

.venv/.dev: .venv/.made pyproject.toml constraints.txt
	@echo "Installing Legato, what it needs and its test tools into .venv; this takes a minute …"
	@$(PIP) install -qq -e '.[local,mcp,qr,dev]'
	@touch $@ .venv/.demo

.venv/.made:
	@test -n '$(PYTHON)' || { echo 'Legato needs Python 3.11 or later, found none on the path; name one with `make PYTHON=…`.' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { $(call apt_install,$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')); }
	@echo "Making a virtual environment in .venv with $(PYTHON) …"
	@$(PYTHON) -m venv --clear .venv
	@touch $@

# A browser, the letters of the pictures in docs/, and the one library of Playwright's own Node.js
# that a minimal Debian lacks.
.PHONY: chromium
chromium:
	@{ test -x $(CHROMIUM) && test -f $(LETTERS) && \
	PATH="$$PATH:/sbin" ldconfig -p | grep libatomic.so.1 >/dev/null; } \
	|| { $(call apt_install,chromium-headless-shell fonts-dejavu-core libatomic1); }

# A database server's programs.  The tests run one of their own, and leave alone the one that
# Debian starts.
.PHONY: postgresql
postgresql:
	@{ compgen -G '/usr/lib/postgresql/*/bin/postgres' || command -v postgres; } >/dev/null \
	|| { $(call apt_install,postgresql); }

# The proxies of examples/, which the tests run before a server.
.PHONY: proxies
proxies:
	@{ test -x /usr/sbin/nginx && test -x /usr/bin/caddy && test -x /usr/sbin/haproxy; } \
	|| { $(call apt_install,nginx caddy haproxy); }

# Clients for Node.js, and the Node.js that they need, which is newer than Debian's.
.PHONY: node
node: .venv/.node

.venv/.node: .venv/.made tests/node/package.json
	@{ command -v node && command -v npm; } >/dev/null || { $(call apt_install,nodejs npm); }
	@mkdir -p .venv/node
	@cp tests/node/package.json .venv/node
	@npm install --prefix .venv/node --no-package-lock --no-audit --no-fund --silent
	@touch $@

# Install Debian packages, and say so; apt's own words are shown only where it fails.
define apt_install
packages="$(1)"; sudo=; if [ "$$(id -u)" != 0 ]; then sudo=sudo; fi; \
if ! command -v apt-get >/dev/null || ! command -v $${sudo:-true} >/dev/null; then \
	echo "Install $$packages with your system's package manager, then run make again." >&2; exit 1; fi; \
echo "Installing Debian's $$packages; this may take some minutes …"; \
log=$$(mktemp); \
{ $$sudo apt-get update || true; \
  $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
	-o DPkg::Lock::Timeout=120 $$packages; } </dev/null >$$log 2>&1 || { cat $$log >&2; exit 1; }; \
rm -f $$log
endef
