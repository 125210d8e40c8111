# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The front door: `make help` lists what it does.
#
# What is to be compiled and how; mk/install.mk says what goes where on `make install`.

CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
CLANG ?= clang
BUILD ?= build
CFLAGS ?= -O2 -g
# Each test binary is compiled about as often as it runs. This much still lets gcc warn of what is not initialised.
TEST_CFLAGS ?= -Og
VERSION := $(or $(shell cat VERSION 2>/dev/null),$(shell git describe --always 2>/dev/null),unknown)

# Asked for when a recipe first needs it: `make deps` may be what installs pkg-config.
once = $(eval $(1) := $(2))$($(1))
PKGS := libbpf libelf libpcap libfyaml jansson zlib
PKG_CFLAGS = $(call once,PKG_CFLAGS,$(shell pkg-config --cflags $(PKGS)))
PKG_LIBS = $(call once,PKG_LIBS,$(shell pkg-config --libs $(PKGS)))
CRITERION_CFLAGS = $(call once,CRITERION_CFLAGS,$(shell pkg-config --cflags criterion))
CRITERION_LIBS = $(call once,CRITERION_LIBS,$(shell pkg-config --libs criterion))
# For the tests, which are many; where there is one that takes less time than the usual.
FAST_LD = $(call once,FAST_LD,$(if $(shell command -v ld.gold 2>/dev/null),-fuse-ld=gold))
MULTIARCH = $(call once,MULTIARCH,$(shell $(CC) -print-multiarch))

CPPFLAGS_ALL = -D_GNU_SOURCE -Iharness $(PKG_CFLAGS) $(CPPFLAGS)
CFLAGS_ALL = -std=gnu11 -Wall -Wextra -Werror $(CFLAGS)
LDLIBS_ALL = $(PKG_LIBS) -lpthread $(LDLIBS)
CMD_CPPFLAGS = -DVERDICT_VERSION='"$(VERSION)"'
BPF_CFLAGS = -std=gnu11 -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Werror
BPF_INCLUDES = -Ibpf $(MULTIARCH:%=-I/usr/include/%)

ROOMS := base packet scenario cluster target engine judge report
LIB_SRC := $(wildcard $(ROOMS:%=harness/%/*.c))
CMD_SRC := $(wildcard harness/cmd/*.c) $(wildcard harness/main.c)
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
CMD_OBJ := $(CMD_SRC:%.c=$(BUILD)/%.o)
TEST_SRC := $(wildcard harness/tests/test_*.c)
TESTS := $(TEST_SRC:harness/tests/%.c=$(BUILD)/tests/%)
# What tests of the BPF programs exercise runs in the kernel, where no sanitizer looks: of those that share a
# fixture one stands for all.
ASAN_LABS := bandwidth events_limits lxc_in icmp_error lb_errors host_events sock datapath_hostile_pods
ASAN_SRC = $(call once,ASAN_SRC,$(shell grep -LE '^.include "(lab|lab_.*|.*_lab|datapath.*)\.h"' $(TEST_SRC)) \
	$(ASAN_LABS:%=harness/tests/test_%.c))

# fixtures/upgrades/NAME holds the headers in which a next release differs.
UPGRADES := $(patsubst fixtures/upgrades/%/,%,$(wildcard fixtures/upgrades/*/))
BPF_SRC := $(wildcard bpf/bpf_*.c)
BPF_OBJ := $(BPF_SRC:bpf/%.c=$(BUILD)/bpf/%.o) \
	$(foreach u,$(UPGRADES),$(BPF_SRC:bpf/%.c=$(BUILD)/bpf/upgrades/$(u)/%.o))

# One line a command; with V=1 the commands themselves.
Q := $(if $(V),,@)
SAY = @$(if $(V),:,printf '  %-7s %s\n' '$(1)' '$(2)')

# One job a processor where these targets build in a make of their own.
JOBS = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
SUBMAKE = $(MAKE) --no-print-directory $(JOBS)
# What root built under sudo belongs to the person again.
GIVE_BACK = for d in $(BUILD) reports/out; do \
	if [ -n "$$SUDO_UID" ] && [ -e $$d ]; then chown -R "$$SUDO_UID:$$SUDO_GID" $$d; fi; done

.DELETE_ON_ERROR:
.PHONY: all
all: $(BUILD)/verdict $(BPF_OBJ) ## build the program and the BPF objects (the default)

.PHONY: help
help: ## list the targets
	@echo 'Targets:'
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | sort -u | expand -t 14
	@echo 'Variables:'
	@echo '  ARGS        for run, bench and kernels, as in: make run ARGS="etcd-restart-mid-flow --engine testrun -v"'
	@echo '  V=1         shows the commands'
	@echo '  BUILD       where everything is built (build)'
	@echo '  CC CLANG CFLAGS CPPFLAGS LDFLAGS LDLIBS   TEST_CFLAGS after CFLAGS, for the tests'
	@echo '  PREFIX BINDIR LIBDIR DATADIR DESTDIR   for install and uninstall'

.PHONY: deps
deps: ## install the packages that building, running and testing need (root)
	@mk/deps.sh build run test lint

.PHONY: run
run: ## install what is missing, build, run every scenario (root)
	@mk/deps.sh build run
	@$(SUBMAKE) all
	@rc=0; $(BUILD)/verdict run $(ARGS) || rc=$$?; $(GIVE_BACK); exit $$rc

.PHONY: test
test: ## install what is missing, build, run all tests (root)
	@mk/deps.sh build run test lint
	@mk/deps.sh kernels || echo 'Without them the stage "kernels" is skipped.'
	@$(SUBMAKE) all tests
	@rc=0; harness/tests/run-all.sh || rc=$$?; $(GIVE_BACK); exit $$rc

.PHONY: kernels
kernels: ## load the datapath in every mode on Debian's 6.1 and 6.12 kernels, in qemu (root)
	@mk/deps.sh build run kernels
	@$(SUBMAKE) all guests
	@rc=0; harness/tests/kernels/kernels.sh --all $(ARGS) || rc=$$?; $(GIVE_BACK); exit $$rc

.PHONY: bench
bench: ## packets per second, beside a bare loop and bpftool (root)
	@mk/deps.sh build run test
	@$(SUBMAKE) all
	@rc=0; $(BUILD)/verdict bench $(ARGS) || rc=$$?; $(GIVE_BACK); exit $$rc

.PHONY: tests
tests: $(TESTS) guests ## build the unit tests

# What runs in the guests of harness/tests/kernels: they have libbpf and what that needs, no more.
GUESTS := $(BUILD)/tests/kernels/init $(BUILD)/tests/kernels/loads
.PHONY: guests
guests: $(GUESTS) # programs for the guests of other kernels
$(BUILD)/tests/kernels/init: harness/tests/kernels/init.c
$(BUILD)/tests/kernels/loads: $(addprefix harness/tests/kernels/,loads.c lines.c runs.c)
$(GUESTS): $(wildcard harness/tests/kernels/*.h) \
		$(addprefix harness/tests/,datapath_modes.h datapath_open.h packet_bytes.h) \
		$(BUILD)/.flags | $(BUILD)/.deps
	$(call SAY,CCLD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $(filter %.c,$^) \
		$(if $(filter %/loads,$@),$(shell pkg-config --libs libbpf))

# The sanitized tests run from a tree of their own and use the objects and scripts of the other.
# Sanitizers mislead gcc's warnings; the other build has them all.
.PHONY: asan-tests
asan-tests: # their sources, for harness/tests/run-all.sh
	@echo $(ASAN_SRC)

.PHONY: asan
asan: ## build program and unit tests with AddressSanitizer and UBSan, under build/asan
	@mkdir -p $(BUILD)/asan && ln -sfn ../../netns $(BUILD)/asan/netns
	@$(SUBMAKE) BUILD=$(BUILD)/asan $(BUILD)/asan/verdict $(ASAN_SRC:harness/tests/%.c=$(BUILD)/asan/tests/%) LDFLAGS='-fsanitize=address,undefined' \
		TEST_MORE=$(BUILD)/asan/tests/calm_fork.o TEST_CFLAGS=-O0 CFLAGS='-O1 -g -w -fno-omit-frame-pointer -fsanitize=address,undefined'

.PHONY: lint
lint: ## clang-format, clang-tidy, shellcheck, rooms, and rules of our own
	@mk/deps.sh build lint
	@harness/tests/lint.sh

.PHONY: captures
captures: ## make fixtures/captures again from real programs (root)
	@mk/deps.sh captures
	@for script in etcd inbound dns ping dual-stack; do fixtures/captures/$$script.sh || exit $$?; done

.PHONY: clean
clean: ## remove what was built
	rm -rf $(BUILD)

# A build that lacks something says what, before a compiler says it worse.
$(BUILD)/.deps: mk/deps.sh
	@mk/deps.sh --check build
	@mkdir -p $(@D) && touch $@

# Changes when the flags do, so that everything is compiled anew with them.
FLAGS := $(strip $(CC) | $(CLANG) | $(CFLAGS) | $(TEST_CFLAGS) | $(CPPFLAGS) | $(LDFLAGS) | $(VERSION))
ifneq ($(FLAGS),$(file <$(BUILD)/.flags))
.PHONY: $(BUILD)/.flags
endif
$(BUILD)/.flags: export FLAGS := $(FLAGS)
$(BUILD)/.flags:
	@mkdir -p $(@D)
	@printf '%s\n' "$$FLAGS" >$@

$(BUILD)/libverdict.a: $(LIB_OBJ)
	$(call SAY,AR,$@)
	@rm -f $@
	$(Q)ar rcs $@ $(LIB_OBJ)

$(BUILD)/verdict: $(CMD_OBJ) $(BUILD)/libverdict.a
	$(call SAY,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(CMD_OBJ) $(BUILD)/libverdict.a $(LDLIBS_ALL)

$(CMD_OBJ): EXTRA_CPPFLAGS = $(CMD_CPPFLAGS)
$(BUILD)/harness/%.o: harness/%.c $(BUILD)/.flags | $(BUILD)/.deps
	$(call SAY,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(EXTRA_CPPFLAGS) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# TEST_MORE: objects that each test is linked with
$(BUILD)/tests/%: harness/tests/%.c $(TEST_MORE) $(BUILD)/libverdict.a $(BUILD)/.flags
	$(call SAY,CCLD,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CRITERION_CFLAGS) $(CFLAGS_ALL) $(TEST_CFLAGS) $(FAST_LD) $(LDFLAGS) -MMD -MP \
		-MF $@.d -o $@ $< $(TEST_MORE) $(BUILD)/libverdict.a $(LDLIBS_ALL) $(CRITERION_LIBS)

$(BUILD)/tests/calm_fork.o: harness/tests/calm_fork.c $(BUILD)/.flags
	$(call SAY,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c -o $@ $<

$(BUILD)/bpf/%.o: bpf/%.c $(BUILD)/.flags | $(BUILD)/.deps
	$(call SAY,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) $(BPF_INCLUDES) -MMD -MP -c -o $@ $<

define upgrade
$(BUILD)/bpf/upgrades/$(1)/%.o: bpf/%.c $(BUILD)/.flags | $(BUILD)/.deps
	$$(call SAY,BPF,$$< $(1))
	@mkdir -p $$(@D)
	$$(Q)$$(CLANG) $$(BPF_CFLAGS) -Ifixtures/upgrades/$(1) $$(BPF_INCLUDES) -MMD -MP -c -o $$@ $$<
endef
$(foreach u,$(UPGRADES),$(eval $(call upgrade,$(u))))

include mk/install.mk

-include $(LIB_OBJ:.o=.d) $(CMD_OBJ:.o=.d) $(BPF_OBJ:.o=.d) $(TESTS:%=%.d)
