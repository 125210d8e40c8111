# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `make install`: the program, the objects and scripts it looks for in its library folder, manual
# and completion. PREFIX is where it will live, DESTDIR where a package is put together.

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
DATADIR ?= $(PREFIX)/share
LIB_HOME := $(LIBDIR)/verdict
COMPLETION := $(DATADIR)/bash-completion/completions/verdict
MANUAL := $(DATADIR)/man/man1/verdict.1

# The installed program is linked apart: only the one file that knows the library folder is
# compiled again when PREFIX changes, and the build tree's program stays as it is.
INSTALLED := $(BUILD)/installed
INSTALLED_AS := $(INSTALLED)$(subst /,-,$(LIB_HOME))
$(INSTALLED_AS).o: harness/base/file.c $(BUILD)/.flags | $(BUILD)/.deps
	$(call SAY,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) -DVERDICT_LIBDIR='"$(LIB_HOME)"' $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(INSTALLED_AS): $(INSTALLED_AS).o $(CMD_OBJ) $(BUILD)/libverdict.a
	$(call SAY,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(CMD_OBJ) $< $(BUILD)/libverdict.a $(LDLIBS_ALL)

.PHONY: install
install: $(INSTALLED_AS) $(BPF_OBJ) ## install to PREFIX (default /usr/local), below DESTDIR
	install -D -m 755 $(INSTALLED_AS) $(DESTDIR)$(BINDIR)/verdict
	@set -e; put() { install -D -m "$$1" "$$2" "$(DESTDIR)$$3" && echo "$(DESTDIR)$$3"; }; \
	for f in $(BPF_OBJ:$(BUILD)/%=%); do put 644 $(BUILD)/$$f $(LIB_HOME)/$$f; done; \
	for f in $$(find netns reports -path reports/out -prune -o -type f -print); do \
		if [ -x $$f ]; then put 755 $$f $(LIB_HOME)/$$f; else put 644 $$f $(LIB_HOME)/$$f; fi; \
	done; \
	for f in $$(find scenarios fixtures -path fixtures/upgrades -prune -o -type f -print); do \
		put 644 $$f $(DATADIR)/verdict/$$f; \
	done; \
	for f in fixtures/targets/*.yaml; do put 644 $$f $(LIB_HOME)/$$f; done; \
	for f in LICENSE LICENSES/*; do put 644 $$f $(DATADIR)/doc/verdict/$$f; done; \
	if [ -f docs/verdict.1 ]; then put 644 docs/verdict.1 $(MANUAL); fi; \
	if [ -f docs/verdict.bash ]; then put 644 docs/verdict.bash $(COMPLETION); fi

.PHONY: uninstall
uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(BINDIR)/verdict $(DESTDIR)$(MANUAL) $(DESTDIR)$(COMPLETION)
	rm -rf $(DESTDIR)$(LIB_HOME) $(DESTDIR)$(DATADIR)/verdict $(DESTDIR)$(DATADIR)/doc/verdict

-include $(INSTALLED_AS).d
