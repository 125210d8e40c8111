// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads `sweep:` and --sweep. */
#include "scenario/sweep.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "scenario/parts.h"

#define SEEDS_MAX 1000

static const struct word variants[] = {
	{ VARIANT_VLAN, "vlan",
	  "frames carry an 802.1Q tag of VLAN 0, a priority and no VLAN, on the wire and from "
	  "pods: XDP programs find "
	  "it in the bytes, tc programs in `vlan_tci`" },
	{ VARIANT_IP_OPTIONS, "ip-options",
	  "IPv4 headers have four bytes of options that do nothing" },
	{ VARIANT_EXTENSION_HEADERS, "extension-headers",
	  "IPv6 packets have a hop-by-hop header with padding" },
	{ VARIANT_GSO, "gso",
	  "segments with data come as one large packet of several of them, as TSO, USO and GRO "
	  "make it" },
	{ VARIANT_NON_LINEAR, "non-linear",
	  "the skb's linear part holds the Ethernet header alone; `testrun` needs Linux 6.19 for "
	  "it, `netns` "
	  "does not" },
	{ VARIANT_CHECKSUM_COMPLETE, "checksum-complete",
	  "the device has summed up what comes in from the wire (`CHECKSUM_COMPLETE`): programs "
	  "must "
	  "keep that sum true" },
	{ VARIANT_IPV6, "ipv6",
	  "IPv4 packets are IPv6 packets between the same members; headers, checksums and ICMP as "
	  "RFC 7915 "
	  "translates them" },
	{ VARIANT_SEEDS, "seeds",
	  "random numbers start elsewhere: a service may choose another of its backends, no more" },
};
const struct word_table words_variant = { "variant", variants, VARIANT_KINDS };

static int read_variant(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct sweep *s = out;
	int n = 0;

	if (v->kind == VALUE_SCALAR && strcmp(v->text, "all") == 0) {
		s->wanted |= VARIANTS_ALL;
		return 0;
	}
	if (read_word(ctx, v, &words_variant, &n))
		return err_hint(ctx->err, "or all of them: all");
	s->wanted |= 1u << n;
	return 0;
}

static int sw_variants(struct schema_ctx *ctx, const struct value *v, void *out)
{
	((struct sweep *)out)->wanted = 0;
	return read_each(ctx, v, "variants", read_variant, out);
}

static int sw_seeds(struct schema_ctx *ctx, const struct value *v, void *out)
{
	uint64_t n = 0;
	int rc = read_u64(ctx, v, SEEDS_MAX, &n);

	if (!rc && !n)
		return err_input(
			ctx->err, &v->loc,
			"at least one; to try no other seeds, name the reason under `except`");
	((struct sweep *)out)->n_seeds = (unsigned)n;
	return rc;
}

static int sw_except(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct sweep *s = out;

	if (v->kind != VALUE_MAP || !v->n)
		return err_input(ctx->err, &v->loc,
				 "except: expected a map of variants to reasons, "
				 "{ipv6: the policy names IPv4 networks}");
	for (size_t i = 0; i < v->n; i++) {
		int n = 0;

		if (read_word(ctx, v->keys[i], &words_variant, &n) ||
		    read_string(ctx, v->items[i], &s->except[n]))
			return -EINVAL;
		s->except_loc[n] = v->keys[i]->loc;
	}
	return 0;
}

/* clang-format off */
const struct schema schema_sweep = {
	"sweep",
	"The scenario once more with each [variant](#variants), after it held as it is written. What becomes of each packet must be\n"
	"the same: outcome, place, hops with their verdicts, conntrack states, identities and events, the headers\n"
	"that arrive, and entries of maps. `sweep: all` and `sweep: [vlan, gso]` are short for `variants` alone. Other objects (`--target`)\nare swept where `--sweep` asks for it.",
	(const struct schema_key[]){
	{ "variants", false, "`all`, or list of [variants](#variants)", "`all`", "what is changed, one at a time", "[vlan, gso]", sw_variants },
	{ "seeds", false, "number", "`3`", "how many other seeds", "10", sw_seeds },
	{ "except", false, "map of variants to reasons", "nothing", "variants in which something else is right here, and why", "{ipv6: the policy names IPv4 networks}", sw_except },
	{ 0 } } };
/* clang-format on */

int read_sweep(struct schema_ctx *ctx, const struct value *v, struct sweep *out)
{
	int rc;

	out->loc = v->loc;
	out->wanted = v->kind == VALUE_MAP ? VARIANTS_ALL : 0;
	rc = v->kind == VALUE_MAP ? schema_bind(ctx, &schema_sweep, v, out)
				  : read_each(ctx, v, "variants", read_variant, out);
	if (rc)
		return rc;
	for (int i = 0; i < VARIANT_KINDS; i++)
		out->wanted |= out->except[i] ? 1u << i : 0;
	return 0;
}

static int no_variant(const char *name, struct err *err)
{
	const char *near = word_nearest(&words_variant, name);
	__cleanup_buf struct buf known = BUF_INIT;

	for (size_t i = 0; i < words_variant.n; i++)
		buf_printf(&known, "%s%s", i ? ", " : "", words_variant.words[i].name);
	err_input(err, NULL, "--sweep: unknown variant '%s'%s%s%s", name,
		  near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	return err_hint(err, "known: all, %s", buf_str(&known));
}

int sweep_parse(const char *list, unsigned *wanted, struct err *err)
{
	char name[32];

	*wanted = 0;
	for (const char *at = list; *at || at == list;) {
		size_t len = strcspn(at, ",");
		int n;

		snprintf(name, sizeof(name), "%.*s", (int)len, at);
		if (strcmp(name, "all") == 0)
			*wanted |= VARIANTS_ALL;
		else if (word_parse(&words_variant, name, &n))
			*wanted |= 1u << n;
		else
			return no_variant(name, err);
		at += len + (at[len] == ',');
		if (!len)
			return no_variant(name, err);
	}
	return 0;
}
