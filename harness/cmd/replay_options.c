// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Options of a replay, from the command line to struct replay_opts. */
#include "cmd/replay_options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/words.h"
#include "scenario/object_path.h"
#include "scenario/parts.h"
#include "scenario/yaml.h"

void replay_options_init(struct replay_options *o)
{
	memset(o, 0, sizeof(*o));
	o->arena = arena_new();
	o->replay.seed = 1;
}

void replay_options_free(struct replay_options *o)
{
	target_desc_free(o->desc);
	arena_free(o->arena);
}

/* ---- values ---- */

static bool number(const char *text, uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 0);
	return *text >= '0' && *text <= '9' && !*end && !errno && *out <= max;
}

static int take_u32(const char *text, uint32_t *out)
{
	uint64_t n;

	if (!number(text, UINT32_MAX, &n))
		return EXIT_USAGE;
	*out = (uint32_t)n;
	return 0;
}

/* "NAME=VALUE": the name, and *value behind the last or first '='. NULL if either is empty. */
static const char *split(struct arena *a, const char *text, char *equals, const char **value)
{
	if (!equals || equals == text || !equals[1])
		return NULL;
	*value = equals + 1;
	return arena_strndup(a, text, (size_t)(equals - text));
}

static int take_config(struct replay_options *o, const char *text)
{
	const char *value, *name = split(o->arena, text, strchr(text, '='), &value);
	struct setting *s = &o->config[o->n_config];
	struct value **docs;
	struct err *err;
	size_t n;
	int ret;

	if (!name || o->n_config == REPLAY_OPTIONS_MAX)
		return EXIT_USAGE;
	err = calloc(1, sizeof(*err));
	ret = yaml_parse(o->arena, value, strlen(value), "--config", &docs, &n, err);
	free(err);
	if (ret || n != 1)
		return EXIT_USAGE;
	*s = (struct setting){ .name = name, .value = docs[0], .loc = { "--config", 0, 0 } };
	o->n_config++;
	return 0;
}

static int take_type(struct replay_options *o, const char *text)
{
	const char *value, *name = split(o->arena, text, strrchr(text, '='), &value);

	if (!name || o->n_types == REPLAY_OPTIONS_MAX)
		return EXIT_USAGE;
	o->types[o->n_types++] = (struct elf_type_override){ .section = name, .type = value };
	return 0;
}

static int take_size(struct replay_options *o, const char *text)
{
	const char *value, *name = split(o->arena, text, strchr(text, '='), &value);
	struct map_override *m = &o->sizes[o->n_sizes];

	if (!name || o->n_sizes == REPLAY_OPTIONS_MAX || take_u32(value, &m->max_entries) ||
	    !m->max_entries)
		return EXIT_USAGE;
	m->map = name;
	o->n_sizes++;
	return 0;
}

static int take_maps(struct replay_options *o, const char *path)
{
	if (!*path || o->n_maps == REPLAY_OPTIONS_MAX)
		return EXIT_USAGE;
	o->maps[o->n_maps++] = path;
	return 0;
}

/* "6" or "6,192.0.2.1" */
static int take_tunnel(struct replay_options *o, const char *text)
{
	const char *comma = strchr(text, ',');
	const char *id = comma ? arena_strndup(o->arena, text, (size_t)(comma - text)) : text;
	struct ip_addr remote = { .family = 0 };
	struct tunnel_meta *t = &o->tunnel;

	if (take_u32(id, &t->id) || (comma && !ip_addr_parse(comma + 1, &remote)))
		return EXIT_USAGE;
	t->has_key = true;
	t->ipv6 = remote.family == 6;
	if (remote.family == 6)
		memcpy(t->remote_ip6, remote.bytes, sizeof(t->remote_ip6));
	if (remote.family == 4) {
		memcpy(&t->remote_ip4, remote.bytes, sizeof(t->remote_ip4));
		t->remote_ip4 = ntohl(t->remote_ip4);
	}
	o->replay.place.tunnel = t;
	return 0;
}

static int take_packets(struct replay_options *o, const char *text)
{
	struct err *err = calloc(1, sizeof(*err));
	struct schema_ctx ctx = { .arena = o->arena, .err = err };
	int ret = read_packet_set(&ctx, value_scalar(o->arena, "%s", text), &o->packets);

	free(err);
	return ret ? EXIT_USAGE : 0;
}

/* ---- the table ---- */

/* Options that are a word. -1: none of them. */
static int text_option(struct replay_options *o, const char *name, const char *value)
{
	const struct {
		const char *name;
		const char **to;
	} list[] = {
		{ "--object", &o->object },	 { "--program", &o->program },
		{ "--target", &o->target },	 { "--objects", &o->objects },
		{ "--hook", &o->hook },		 { "--interface", &o->interface },
		{ "--ip", &o->replay.ip_batch },
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		if (strcmp(list[i].name, name) != 0)
			continue;
		*list[i].to = value;
		return *value ? 0 : EXIT_USAGE;
	}
	return -1;
}

static int list_option(struct replay_options *o, const char *name, const char *value)
{
	static const struct {
		const char *name;
		int (*take)(struct replay_options *o, const char *value);
	} list[] = {
		{ "--config", take_config }, { "--type", take_type },
		{ "--map-size", take_size }, { "--maps", take_maps },
		{ "--tunnel", take_tunnel }, { "--packets", take_packets },
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (strcmp(list[i].name, name) == 0)
			return list[i].take(o, value);
	return -1;
}

int replay_option(struct replay_options *o, const char *name, const char *value)
{
	int ret = text_option(o, name, value);

	if (ret >= 0)
		return ret;
	if (strcmp(name, "--ifindex") == 0)
		return take_u32(value, &o->replay.place.ifindex) || !o->replay.place.ifindex
			       ? EXIT_USAGE
			       : 0;
	if (strcmp(name, "--mark") == 0)
		return take_u32(value, &o->replay.place.mark);
	if (strcmp(name, "--rx-queue") == 0)
		return take_u32(value, &o->replay.place.rx_queue);
	if (strcmp(name, "--seed") == 0)
		return number(value, UINT64_MAX, &o->replay.seed) ? 0 : EXIT_USAGE;
	if (strcmp(name, "--follow") == 0)
		o->replay.follow = true;
	else if (strcmp(name, "--pristine") == 0)
		o->replay.pristine = true;
	else
		return list_option(o, name, value);
	return 0;
}

/* ---- all together ---- */

/* "endpoint/ingress": role and hook; "egress": the hook of an object's program. */
/* What looks like a slip of the pen; of all else the replay knows more. */
static int check_hook(const char *hook, const char *name, struct err *err)
{
	const char *near;
	int number;

	near = word_parse(&words_hook, name, &number) ? NULL : word_nearest(&words_hook, name);
	return near ? err_input(err, NULL, "--hook %s: unknown hook '%s'; did you mean %s?", hook,
				name, near)
		    : 0;
}

static int split_hook(struct replay_options *o, struct err *err)
{
	const char *slash = o->hook ? strchr(o->hook, '/') : NULL;

	o->replay.place.hook = slash ? slash + 1 : o->hook;
	if (slash)
		o->replay.place.role = arena_strndup(o->arena, o->hook, (size_t)(slash - o->hook));
	if (!o->target && slash)
		return err_input(err, NULL,
				 "--hook %s names a role, which only a target file has: use "
				 "--target, or --hook %s",
				 o->hook, slash + 1);
	if (o->target && !slash && !o->program)
		return err_input(
			err, NULL,
			"which program? Give --hook ROLE/HOOK (such as endpoint/ingress) or "
			"--program NAME");
	return o->hook ? check_hook(o->hook, o->replay.place.hook, err) : 0;
}

static int find_target(struct replay_options *o, struct err *err)
{
	const char *path, *missing;
	int ret;

	if (!o->target == !o->object)
		return err_input(err, NULL,
				 o->target ? "--target and --object exclude each other"
					   : "which program? Give --object FILE, or --target NAME "
					     "and --hook ROLE/HOOK");
	if (o->target)
		return target_desc_load(o->target, &o->desc, err);
	ret = object_path(o->arena, NULL, o->object, &path, &missing, err);
	if (ret > 0)
		return err_input(err, NULL, "%s", missing);
	return ret ? ret : target_desc_of_object(path, &o->desc, err);
}

static void learn_mac(struct replay_options *o, const char *capture)
{
	struct err *err = calloc(1, sizeof(*err));
	struct capture *cap = NULL;
	struct capture_packet p;
	struct stat st;

	/* a pipe cannot be read twice */
	if (stat(capture, &st) == 0 && S_ISREG(st.st_mode) &&
	    capture_open(capture, &cap, err) == 0 && capture_next(cap, &p, err) == 1 &&
	    replay_device_mac(&p, o->replay.place.hook, o->mac))
		o->replay.place.mac = o->mac;
	capture_close(cap);
	free(err);
}

static void need(struct replay_options *o, const char *object)
{
	struct target_opts *t = &o->replay.target;

	for (size_t i = 0; i < t->n_only; i++)
		if (strcmp(o->only[i], object) == 0)
			return;
	if (t->n_only < REPLAY_OPTIONS_MAX)
		o->only[t->n_only++] = object;
}

/* A target's objects take seconds to load, and unless the packet is followed only those matter that hold
 * the program and what it may tail-call.
 */
static void choose_objects(struct replay_options *o)
{
	const struct replay_place *at = &o->replay.place;
	const struct desc_device *d = at->role ? target_desc_device(o->desc, at->role) : NULL;
	const struct desc_hook *h =
		at->role && at->hook ? target_desc_hook(o->desc, d ? d->role : at->role, at->hook)
				     : NULL;

	if (!h || o->replay.follow)
		return;
	o->replay.target.only = o->only;
	need(o, h->ref.object);
	for (size_t i = 0; i < o->desc->n_tail_calls; i++)
		need(o, o->desc->tail_calls[i].ref.object);
}

int replay_options_finish(struct replay_options *o, const char *capture, struct err *err)
{
	int ret = find_target(o, err);

	if (!ret)
		ret = split_hook(o, err);
	if (ret)
		return ret;
	o->capture = strcmp(capture, "-") == 0 ? "/dev/stdin" : capture;
	learn_mac(o, o->capture);
	o->replay.place.program = o->program;
	o->replay.maps = o->maps;
	o->replay.n_maps = o->n_maps;
	o->replay.target = (struct target_opts){
		.desc = o->desc,
		.objects = o->objects,
		.config = o->config,
		.n_config = o->n_config,
		.types = o->types,
		.n_types = o->n_types,
		.maps = o->sizes,
		.n_maps = o->n_sizes,
	};
	choose_objects(o);
	return 0;
}

bool replay_options_is_exit(const struct capture_packet *p)
{
	const char *at = p->interface_name ? strrchr(p->interface_name, '@') : NULL;

	return at && (strcmp(at, "@exit") == 0 || strcmp(at, "@fexit") == 0);
}

bool replay_options_take(const struct replay_options *o, const struct capture_packet *p)
{
	if (!packet_set_has(&o->packets, p->number))
		return false;
	return !o->interface ||
	       (p->interface_name && fnmatch(o->interface, p->interface_name, 0) == 0);
}
