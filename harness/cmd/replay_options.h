/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The options that `verdict replay` and `verdict record` share: which program, how it is set up, which
 * packets.
 */
#ifndef VERDICT_CMD_REPLAY_OPTIONS_H
#define VERDICT_CMD_REPLAY_OPTIONS_H

#include "cmd/cmd.h"
#include "engine/replay.h"

#define REPLAY_OPTIONS_MAX 64 /* of each option that may be given several times */

struct replay_options {
	struct arena *arena;
	/* as given; NULL: not given */
	const char *target, *object, *program, *hook, *objects, *interface, *capture;
	struct setting config[REPLAY_OPTIONS_MAX];
	struct elf_type_override types[REPLAY_OPTIONS_MAX];
	struct map_override sizes[REPLAY_OPTIONS_MAX];
	const char *maps[REPLAY_OPTIONS_MAX];
	const char *only[REPLAY_OPTIONS_MAX]; /* objects of the target that are needed */
	size_t n_config, n_types, n_sizes, n_maps;
	struct tunnel_meta tunnel;
	struct packet_set packets;
	uint8_t mac[6];
	struct target_desc *desc; /* by replay_options_finish() */
	struct replay_opts replay; /* points into this structure: it must not be moved */
};

void replay_options_init(struct replay_options *o);
/* 0: taken. EXIT_USAGE: a bad value. -1: no option of these. */
int replay_option(struct replay_options *o, const char *name, const char *value);
/* Once all options are known: finds the target, fills o->replay. The capture's first packet tells the
 * device's MAC.
 */
int replay_options_finish(struct replay_options *o, const char *capture, struct err *err);
/* True if the packet is one of --packets and --interface. */
bool replay_options_take(const struct replay_options *o, const struct capture_packet *p);
/* True for a record that xdpdump or Verdict made where a packet left a program. */
bool replay_options_is_exit(const struct capture_packet *p);
void replay_options_free(struct replay_options *o);

/* clang-format off */
#define REPLAY_OPTIONS \
	{ "--object", "FILE", \
	  "the BPF object: a file, or the name of one that the distribution installs" }, \
	{ "--program", "NAME", "the program in it; may be left out if it is the only one" }, \
	{ "--target", "NAME", \
	  "a target file instead of an object: its path, or a name of fixtures/targets" }, \
	{ "--objects", "DIR", "folder of the target file's objects" }, \
	{ "--hook", "HOOK", \
	  "of a target file: ROLE/HOOK such as endpoint/ingress; of a tc program: ingress (the " \
	  "default) or egress" }, \
	{ "--config", "NAME=VALUE", \
	  "set a global variable or constant of the object before it is loaded; may be given " \
	  "several times" }, \
	{ "--maps", "FILE", \
	  "entries to begin with, as `verdict maps dump` or `bpftool map dump -j` wrote them; may be " \
	  "given several times" }, \
	{ "--map-size", "NAME=N", "another max_entries; may be given several times" }, \
	{ "--type", "SECTION=TYPE", \
	  "the program type of a section whose name does not tell; may be given several times" }, \
	{ "--ifindex", "N", "ifindex of the device the packets are at (default 2)" }, \
	{ "--ip", "FILE", \
	  "lines for `ip -batch` in the replay's namespace: addresses, routes, neighbours" }, \
	{ "--mark", "N", "the skb's mark at entry" }, \
	{ "--rx-queue", "N", "XDP: the receive queue" }, \
	{ "--tunnel", "ID[,REMOTE]", \
	  "tunnel metadata at entry: VNI and the remote end's address" }, \
	{ "--packets", "LIST", "only these packets of the capture: 1-3,7,9-" }, \
	{ "--interface", "PATTERN", "only packets of the capture's interfaces that match" }, \
	{ "--seed", "N", "where random numbers start (default 1)" }, \
	{ "--follow", NULL, "go on where a redirect leads, as far as the target file knows" }, \
	{ "--pristine", NULL, \
	  "replace no helper call: time is real, and redirects are not seen" }
/* clang-format on */

#endif
