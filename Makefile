# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The front door: `make help` lists what it does.

CC ?= gcc
CLANG ?= clang
BUILD ?= build
PKGS := libbpf libelf libpcap libfyaml jansson
CFLAGS ?= -O2 -g
CPPFLAGS += -D_GNU_SOURCE -Iharness $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
CFLAGS_ALL = -std=gnu11 -Wall -Wextra -Werror $(CFLAGS)
LDLIBS += $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lz -lpthread

ROOMS := base packet scenario cluster target engine judge report
LIB_SRC := $(wildcard $(ROOMS:%=harness/%/*.c))
CMD_SRC := $(wildcard harness/cmd/*.c) harness/main.c
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
CMD_OBJ := $(CMD_SRC:%.c=$(BUILD)/%.o)
TEST_SRC := $(wildcard harness/tests/test_*.c)
TESTS := $(TEST_SRC:harness/tests/%.c=$(BUILD)/tests/%)

BPF_SRC := $(wildcard bpf/bpf_*.c)
BPF_OBJ := $(BPF_SRC:bpf/%.c=$(BUILD)/bpf/%.o)
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
BPF_CFLAGS := -std=gnu11 -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Werror -Ibpf \
	$(if $(MULTIARCH),-I/usr/include/$(MULTIARCH))

.PHONY: all
all: $(BUILD)/verdict $(BPF_OBJ)

$(BUILD)/libverdict.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $(LIB_OBJ)

$(BUILD)/verdict: $(CMD_OBJ) $(BUILD)/libverdict.a
	$(CC) $(LDFLAGS) -o $@ $(CMD_OBJ) $(BUILD)/libverdict.a $(LDLIBS)

$(BUILD)/harness/%.o: harness/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(BUILD)/tests/%: harness/tests/%.c $(BUILD)/libverdict.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS_ALL) $(shell pkg-config --cflags criterion) -MMD -MP -MF $@.d \
		-o $@ $< $(BUILD)/libverdict.a $(LDLIBS) $(shell pkg-config --libs criterion)

$(BUILD)/bpf/%.o: bpf/%.c
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

-include $(LIB_OBJ:.o=.d) $(CMD_OBJ:.o=.d) $(BPF_OBJ:.o=.d) $(TESTS:%=%.d)
