# hgautod: build, demo, tests, installation. `make help` lists the targets.
#
#   make V=1                          show the commands
#   make BUILD=DIR                    objects and binary in DIR instead of build/
#   make SANITIZE=address,undefined   instrumented; objects apart, the binary in its usual place
#   make WERROR=1                     warnings are errors (as in CI)

PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   ?= build
PYTHON  ?= python3

CC      ?= cc
CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
           -Wwrite-strings -Wvla -Wformat=2 -Wundef $(if $(WERROR),-Werror)
# Instrumented code hides the ranges of values, so that GCC sees truncation where there is none.
WARN    += $(if $(SANITIZE),-Wno-format-truncation)
HARDEN  := $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE)

comma   := ,
VARIANT := $(if $(SANITIZE),$(subst $(comma),-,$(SANITIZE)),plain)
OBJ     := $(BUILD)/$(VARIANT)
SAN     := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all)

PKGS      := libcurl libcrypto jansson libuv expat
PKG_CONFIG ?= pkg-config
# What is missing is reported by the first compilation, so that targets without one work all the same.
PKG_MISSING := $(shell $(PKG_CONFIG) --print-errors --exists $(PKGS) 2>&1)
PKG_CFLAGS  := $(if $(PKG_MISSING),,$(shell $(PKG_CONFIG) --cflags $(PKGS)))
PKG_LIBS    := $(if $(PKG_MISSING),,$(shell $(PKG_CONFIG) --libs $(PKGS))) -linih -lpthread -lm

ALL_CFLAGS  := -std=c11 -D_GNU_SOURCE -I. -MMD -MP -pthread $(WARN) $(HARDEN) $(SAN) $(CFLAGS) \
               $(PKG_CFLAGS)
ALL_LDFLAGS := $(SAN) $(if $(SANITIZE),,-pie -Wl$(comma)-z$(comma)relro$(comma)-z$(comma)now) $(LDFLAGS)

LIB_SRC    := $(shell find lib -name '*.c')
ACTION_SRC := $(shell find actions -name '*.c')
DAEMON_SRC := $(filter-out daemon/main.c,$(shell find daemon -name '*.c'))
UNIT_SRC   := $(shell find tests/unit -name 'test_*.c')
FUZZ_SRC   := $(filter-out tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c))

objs = $(patsubst %.c,$(OBJ)/%.o,$(1))
LIB_A    := $(OBJ)/lib.a
ACTION_A := $(OBJ)/actions.a
DAEMON_A := $(OBJ)/daemon.a
UNIT_BIN := $(patsubst tests/unit/%.c,$(OBJ)/tests/unit/%,$(UNIT_SRC))
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(OBJ)/tests/fuzz/%,$(FUZZ_SRC))

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2))

# Links what a rule depends on, and the libraries $(1).
define link
$(call say,LINK,$@)
$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) $(1)
endef

.PHONY: all
all: $(BUILD)/hgautod ## Build the program (the default)

# The binaries are copies of the last variant built, so that their place does not depend on the variant.
$(BUILD)/hgautod $(BUILD)/cloudserver: $(BUILD)/%: $(OBJ)/% FORCE
	$(Q)cmp -s $< $@ || cp $< $@

$(OBJ)/hgautod: $(call objs,daemon/main.c) $(DAEMON_A) $(ACTION_A) $(LIB_A)
	$(link)

$(LIB_A): $(call objs,$(LIB_SRC))
$(ACTION_A): $(call objs,$(ACTION_SRC))
$(DAEMON_A): $(call objs,$(DAEMON_SRC))
$(LIB_A) $(ACTION_A) $(DAEMON_A):
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar qcs $@ $^

$(OBJ)/%.o: %.c
	$(if $(PKG_MISSING),$(error $(PKG_MISSING) Run `make deps`))
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(OBJ)/tests/unit/%: $(OBJ)/tests/unit/%.o $(DAEMON_A) $(ACTION_A) $(LIB_A)
	$(call link,-lcmocka -lmicrohttpd)

$(OBJ)/tests/fuzz/%: $(OBJ)/tests/fuzz/%.o $(OBJ)/tests/fuzz/replay.o $(DAEMON_A) $(ACTION_A) $(LIB_A)
	$(link)

# The small AWS that tests, bench and demo talk to.
CLOUD_SRC := $(wildcard tests/cloud/*.c)
$(OBJ)/cloudserver: $(call objs,$(CLOUD_SRC)) $(LIB_A)
	$(call link,-lmicrohttpd)

# What makes allocations of the program fail (tests/integration/test_memory.py). It replaces malloc, as the sanitizers do:
# an instrumented build has a plain program beside it for that.
$(BUILD)/failing_memory.so: tests/tools/failing_memory.c
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE $(WARN) -O2 -g -fno-builtin -fPIC -shared -o $@ $<

PLAIN ?= $(BUILD)/plain/hgautod
ifdef SANITIZE
$(PLAIN): FORCE
	$(Q)$(MAKE) --no-print-directory SANITIZE= BUILD=$(patsubst %/plain/hgautod,%,$(PLAIN)) $(PLAIN)
endif

# What the integration tests and the bench run.
TESTED := $(BUILD)/hgautod $(BUILD)/cloudserver $(PLAIN) $(BUILD)/failing_memory.so

# Objects of tests are kept, so that a second run does not compile them again.
.SECONDARY:

.PHONY: FORCE clean help deps
FORCE:
clean: ## Remove what was built
	rm -rf $(BUILD)

help: ## List the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

deps: ## Install every package that building, testing and linting need
	$(Q)tools/deps.sh build demo test lint

# --- demo -----------------------------------------------------------------------------------------------------

# The packages come first, and then a make that can see them: their flags are read when make starts.
.PHONY: demo
demo: ## Build, and carry out an event against a small AWS on this machine
	$(Q)tools/deps.sh build demo
	$(Q)$(MAKE) --no-print-directory $(BUILD)/hgautod $(BUILD)/cloudserver
	$(Q)BUILD=$(BUILD) tools/demo.sh

# --- tests ----------------------------------------------------------------------------------------------------

.PHONY: test check-all unit integration fuzz
test: ## Run all tests, after installing what they need
	$(Q)tools/deps.sh build test
	$(Q)$(MAKE) --no-print-directory check-all

check-all: $(UNIT_BIN) $(FUZZ_BIN) $(TESTED)
	$(Q)BUILD=$(BUILD) PYTHON=$(PYTHON) tools/test.sh $(UNIT_BIN) $(FUZZ_BIN)

unit: $(UNIT_BIN) ## Run the unit tests (one: make unit-buf)
	$(Q)for t in $(UNIT_BIN); do $$t || exit 1; done

# Unit tests lie in folders like those of the files that they test; the name alone selects one.
$(foreach t,$(UNIT_BIN),$(eval unit-$(patsubst test_%,%,$(notdir $(t))): $(t) ; $$<))

# The documents that are made from the tables of settings, actions and commands, and the picture in docs/design.md.
.PHONY: generated
generated: docs/event-path.svg ## Rewrite the generated documents
	$(Q)UPDATE=1 $(MAKE) --no-print-directory -s unit-config unit-catalogue unit-commands

# make integration PYTEST="-k cross_account"
integration: $(TESTED) ## Run the integration tests (some: PYTEST="-k WORD")
	$(Q)BUILD=$(BUILD) PYTHON=$(PYTHON) tools/integration.sh $(PYTEST)

# A fuzz target over its corpus: inputs that once mattered are tried in every test run.
fuzz: $(FUZZ_BIN) ## Replay the fuzz corpora
	$(Q)for t in $(FUZZ_BIN); do $$t tests/fuzz/corpus/$${t##*/} || exit 1; done

docs/event-path.svg: docs/event-path.dot FORCE
	$(Q)tools/deps.sh docs
	$(Q)dot -Tsvg $< -o $@

# --- bench ----------------------------------------------------------------------------------------------------

BENCH_BIN := $(patsubst tests/bench/%.c,$(OBJ)/tests/bench/%,$(wildcard tests/bench/*.c))

$(OBJ)/tests/bench/%: $(OBJ)/tests/bench/%.o $(LIB_A)
	$(link)

# make bench BENCH="--only unbatched --runs 1"; BENCH=--help tells the options.
.PHONY: bench bench-smoke bench-built
bench: ## Measure speed and memory beside bare libcurl
	$(Q)tools/deps.sh build bench
	$(Q)$(MAKE) --no-print-directory bench-built

bench-smoke: ## Try all that make bench does, in a small form
	$(Q)$(MAKE) --no-print-directory bench BENCH="--smoke $(BENCH)"

bench-built: $(BENCH_BIN) $(TESTED)
	$(Q)BUILD=$(BUILD) BENCH_BIN=$(OBJ)/tests/bench PYTHON=$(PYTHON) tools/bench.sh $(BENCH)

# --- lint -----------------------------------------------------------------------------------------------------

.PHONY: lint
lint: ## Check formatting and dependencies, run the static analysers
	$(Q)tools/deps.sh build test lint
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tools/lint.sh $(OBJ) $(call objs,$(LIB_SRC) $(ACTION_SRC) $(DAEMON_SRC) daemon/main.c)

# --- installation ---------------------------------------------------------------------------------------------

.PHONY: install uninstall
install: $(BUILD)/hgautod ## Install below DESTDIR and PREFIX (/usr/local)
	$(Q)tools/install.sh install $(BUILD)/hgautod "$(DESTDIR)" "$(PREFIX)"

uninstall: ## Remove what install put there
	$(Q)tools/install.sh uninstall $(BUILD)/hgautod "$(DESTDIR)" "$(PREFIX)"

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)
