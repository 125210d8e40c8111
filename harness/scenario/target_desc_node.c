/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The keys of a target file that speak of the node: its maps, tail calls, events and devices. */
#include <stdio.h>
#include <string.h>

#include "scenario/parts.h"
#include "scenario/target_desc_parts.h"

#define N_OF(list) (sizeof(list) / sizeof((list)[0]))

static const struct word scopes[] = { { MAP_SCOPE_NODE, "node", NULL },
				      { MAP_SCOPE_DEVICE, "device", NULL } };
static const struct word_table words_scope = { "scope", scopes, N_OF(scopes) };

static const struct word decoders[] = { { DECODER_NONE, "none", NULL },
					{ DECODER_CILIUM, "cilium", NULL } };
static const struct word_table words_decoder = { "decoder", decoders, N_OF(decoders) };

static int expect_list(struct schema_ctx *ctx, const struct value *v, const char *what)
{
	if (v->kind == VALUE_LIST)
		return 0;
	return err_input(ctx->err, &v->loc, "expected a list of %s", what);
}

static int read_u32(struct schema_ctx *ctx, const struct value *v, uint32_t max, uint32_t *out)
{
	uint64_t n = 0;
	int rc = read_u64(ctx, v, max, &n);

	*out = (uint32_t)n;
	return rc;
}

/* ---- maps ---- */

static int mp_max_entries(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct desc_map *m = out;
	int rc = read_u32(ctx, v, UINT32_MAX, &m->max_entries);

	if (!rc && !m->max_entries)
		return err_input(ctx->err, &v->loc, "a map of no entries cannot be made");
	return rc;
}

static int mp_scope(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct desc_map *m = out;
	int scope = 0, rc = read_word(ctx, v, &words_scope, &scope);

	m->scope = (enum map_scope)scope;
	m->has_scope = true;
	return rc;
}

static int mp_scratch(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_bool(ctx, v, &((struct desc_map *)out)->is_scratch);
}

/* clang-format off */
const struct schema schema_target_map = {
	"map", "What differs from the objects' own definition of a map, under `maps` by the map's name.",
	(const struct schema_key[]){
	{ "max_entries", false, "number", "as the objects say", "its size", "4096", mp_max_entries },
	{ "scope", false, "`node` or `device`", "`node` if it is pinned by name, else `device`", "`node`: one map for all objects; `device`: one for each load of an object. A map of which there are several is named `OBJECT/MAP` or `DEVICE/MAP`", "device", mp_scope },
	{ "scratch", false, "`true` or `false`", "`false`", "what programs keep in it outlives no packet: a replay does not tell of its changes", "true", mp_scratch },
	{ 0 } } };
/* clang-format on */

int target_read_maps(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct target_desc *d = out;
	int rc =
		target_expect_map(ctx, v, "maps, such as {cilium_ct4_global: {max_entries: 4096}}");

	if (rc)
		return rc;
	d->maps = arena_alloc(ctx->arena, v->n * sizeof(*d->maps));
	for (; d->n_maps < v->n && !rc; d->n_maps++) {
		struct desc_map *m = &d->maps[d->n_maps];

		m->name = target_read_name(ctx, v->keys[d->n_maps]->text, &m->may_lack);
		m->loc = v->keys[d->n_maps]->loc;
		rc = schema_bind(ctx, &schema_target_map, v->items[d->n_maps], m);
	}
	return rc;
}

/* ---- tail calls ---- */

static int tc_map(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_string(ctx, v, &((struct desc_tail_call *)out)->map);
}

static int tc_index(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_u32(ctx, v, UINT32_MAX, &((struct desc_tail_call *)out)->index);
}

static int tc_program(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return target_read_ref(ctx, v, &((struct desc_tail_call *)out)->ref);
}

static int tc_device(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_string(ctx, v, &((struct desc_tail_call *)out)->device);
}

/* clang-format off */
const struct schema schema_target_tail_call = {
	"tail call", "A program in a slot of a prog array. Needed only for what the objects do not say themselves: slots that decl tags (`tail:MAP/INDEX`), static initialisers or section names (`2/7`) name are filled without a line here. In a cluster (`verdict run --target`) a line stands for every device of its device's role, with the number of the endpoint there as slot; one without a device for the host's endpoint and its load for the role `host`.",
	(const struct schema_key[]){
	{ "map", true, "name", NULL, "the prog array; of one that each object has for itself, `OBJECT/MAP`", "cilium_call_policy", tc_map },
	{ "index", true, "number", NULL, "the slot", "7", tc_index },
	{ "program", true, "`OBJECT/PROGRAM`", NULL, "what stands there", "bpf_lxc.o/cil_lxc_policy", tc_program },
	{ "device", false, "name", "the load that is no device's own", "the [device](#device) whose load of the object is meant", "lxc7", tc_device },
	{ 0 } } };
/* clang-format on */

int target_read_tail_calls(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct target_desc *d = out;
	int rc = expect_list(ctx, v, "tail calls");

	if (rc)
		return rc;
	d->tail_calls = arena_alloc(ctx->arena, v->n * sizeof(*d->tail_calls));
	for (; d->n_tail_calls < v->n && !rc; d->n_tail_calls++) {
		struct desc_tail_call *t = &d->tail_calls[d->n_tail_calls];

		t->loc = v->items[d->n_tail_calls]->loc;
		rc = schema_bind(ctx, &schema_target_tail_call, v->items[d->n_tail_calls], t);
		if (!rc)
			target_object_named(ctx, d, t->ref.object, &t->ref.loc);
	}
	return rc;
}

/* ---- events ---- */

static int ev_map(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct target_desc *d = out;

	d->events_loc = v->loc;
	return read_string(ctx, v, &d->events_map);
}

static int ev_decoder(struct schema_ctx *ctx, const struct value *v, void *out)
{
	int decoder = 0, rc = read_word(ctx, v, &words_decoder, &decoder);

	((struct target_desc *)out)->decoder = (enum event_decoder)decoder;
	return rc;
}

/* clang-format off */
const struct schema schema_target_events = {
	"events", "What the programs report.",
	(const struct schema_key[]){
	{ "map", true, "name", NULL, "the perf event array they write to", "cilium_events", ev_map },
	{ "decoder", false, "`cilium` or `none`", "`cilium`", "how the records read: drops, traces and policy verdicts as Cilium writes them, or not at all", "none", ev_decoder },
	{ 0 } } };
/* clang-format on */

int target_read_events(struct schema_ctx *ctx, const struct value *v, void *out)
{
	((struct target_desc *)out)->decoder = DECODER_CILIUM;
	return schema_bind(ctx, &schema_target_events, v, out);
}

/* ---- devices ---- */

static int dv_name(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct desc_device *d = out;
	int rc = read_string(ctx, v, &d->name);

	if (!rc && (strlen(d->name) > 15 || strpbrk(d->name, "/ :%")))
		return err_input(ctx->err, &v->loc,
				 "no device can be called '%s': at most 15 characters, none of "
				 "them a slash, colon or blank",
				 d->name);
	return rc;
}

static int dv_ifindex(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct desc_device *d = out;
	int rc = read_u32(ctx, v, INT32_MAX, &d->ifindex);

	if (!rc && d->ifindex < 2)
		return err_input(ctx->err, &v->loc,
				 "an ifindex is 2 or more: the kernel gives 1 to the loopback "
				 "device");
	return rc;
}

static int dv_role(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct desc_device *d = out;

	d->role_loc = v->loc;
	return read_string(ctx, v, &d->role);
}

static int dv_mac(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct desc_device *d = out;
	const char *text;
	int end = 0, rc = read_string(ctx, v, &text);

	if (rc)
		return rc;
	d->has_mac = sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &d->mac[0], &d->mac[1],
			    &d->mac[2], &d->mac[3], &d->mac[4], &d->mac[5], &end) == 6 &&
		     !text[end];
	if (!d->has_mac)
		return err_input(ctx->err, &v->loc,
				 "expected a MAC address such as 02:00:00:00:00:07, found '%s'",
				 text);
	if (d->mac[0] & 1)
		return err_input(ctx->err, &v->loc,
				 "no device can have the MAC address %s: it is a group's", text);
	return 0;
}

static int dv_mtu(struct schema_ctx *ctx, const struct value *v, void *out)
{
	uint64_t mtu = 0;
	int rc = read_u64(ctx, v, UINT16_MAX, &mtu);

	if (!rc && mtu < 68)
		return err_input(ctx->err, &v->loc, "an MTU is at least 68 (RFC 791)");
	((struct desc_device *)out)->mtu = (uint16_t)mtu;
	return rc;
}

static int dv_config(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct desc_device *d = out;

	d->own_load = true;
	return target_read_settings(ctx, v, &d->config);
}

/* clang-format off */
const struct schema schema_target_device = {
	"device", "A device of the node: packets are at one, redirects go to one. The objects of its role are loaded once more for a device that has constants of its own, or that a tail call names.",
	(const struct schema_key[]){
	{ "name", true, "name", NULL, "the device's name", "lxc7", dv_name },
	{ "ifindex", true, "number", NULL, "its number, 2 or more", "7", dv_ifindex },
	{ "role", true, "name", NULL, "the role in `hooks` whose programs it has", "endpoint", dv_role },
	{ "mac", false, "MAC address", "any", "its address", "02:00:00:00:00:07", dv_mac },
	{ "mtu", false, "number", "`1500`", "the largest packet it takes, without Ethernet's header", "1450", dv_mtu },
	{ "config", false, "map of constants", "nothing", "constants for its own load of the objects", "{endpoint_id: 7}", dv_config },
	{ 0 } } };
/* clang-format on */

int target_read_devices(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct target_desc *d = out;
	int rc = expect_list(ctx, v, "devices");

	if (rc)
		return rc;
	d->devices = arena_alloc(ctx->arena, v->n * sizeof(*d->devices));
	for (; d->n_devices < v->n && !rc; d->n_devices++) {
		d->devices[d->n_devices].loc = v->items[d->n_devices]->loc;
		rc = schema_bind(ctx, &schema_target_device, v->items[d->n_devices],
				 &d->devices[d->n_devices]);
	}
	return rc;
}
