/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Cilium's objects as shipped, where VERDICT_CILIUM_OBJECTS names a folder of them, with every helper
 * interposed and every tail call traced.
 */
#include <linux/bpf.h>

#include "elf_source.h"
#include "interposed.h"
#include "target/tail_trace.h"

TestSuite(interpose_cilium, .init = set_up, .fini = tear_down, .timeout = 120);

/* What each object cannot do without, by its facts. */
static const struct {
	const char *name;
	int helpers[8];
} cilium[] = {
	{ "bpf_lxc.o",
	  { BPF_FUNC_redirect, BPF_FUNC_redirect_neigh, BPF_FUNC_redirect_peer,
	    BPF_FUNC_skb_set_tunnel_key, BPF_FUNC_ktime_get_ns, BPF_FUNC_get_prandom_u32,
	    BPF_FUNC_jiffies64 } },
	{ "bpf_host.o",
	  { BPF_FUNC_redirect, BPF_FUNC_redirect_neigh, BPF_FUNC_skb_set_tunnel_key,
	    BPF_FUNC_ktime_get_ns, BPF_FUNC_get_prandom_u32, BPF_FUNC_jiffies64 } },
	{ "bpf_overlay.o",
	  { BPF_FUNC_redirect, BPF_FUNC_redirect_neigh, BPF_FUNC_skb_set_tunnel_key,
	    BPF_FUNC_skb_get_tunnel_key, BPF_FUNC_clone_redirect, BPF_FUNC_ktime_get_ns,
	    BPF_FUNC_get_prandom_u32 } },
	{ "bpf_xdp.o", { BPF_FUNC_redirect, BPF_FUNC_ktime_get_ns, BPF_FUNC_get_prandom_u32 } },
	{ "bpf_sock.o", { BPF_FUNC_ktime_get_ns, BPF_FUNC_get_prandom_u32, BPF_FUNC_jiffies64 } },
};

static void tell(void *arg, const char *line)
{
	const char *calls = strstr(line, "calls=");

	if (calls)
		cr_log_info("%s: %s", (const char *)arg, calls);
}

/* Every map that would be preallocated large, made small. */
static const struct map_override *sizes(const char *path, size_t *n)
{
	struct elf_image *image = image_of(path);
	struct map_override *m = arena_alloc(arena, image->n_maps * sizeof(*m));

	*n = 0;
	for (size_t i = 0; i < image->n_maps; i++)
		if (image->maps[i].max_entries > SMALL)
			m[(*n)++] = (struct map_override){
				.map = arena_strdup(arena, image->maps[i].name),
				.max_entries = SMALL,
			};
	elf_free(image);
	return m;
}

/* env NULL: as shipped, its maps apart. */
static struct interposed_object load(const char *name, struct helper_env *env)
{
	struct interposed_object o = { .arena = arena, .env = env };
	struct object_opts opts = {
		.path = arena_printf(arena, "%s/%s", getenv("VERDICT_CILIUM_OBJECTS"), name),
		.pin_dir = env ? SANDBOX_BPFFS "/interposed" : SANDBOX_BPFFS "/shipped",
		.env = env,
		.log = tell,
		.log_arg = (void *)(uintptr_t)name,
	};

	opts.maps = sizes(opts.path, &opts.n_maps);
	cr_assert_eq(file_mkdir_p(opts.pin_dir, err), 0, "%s", err->text);
	cr_assert_eq(object_load(&opts, &o.object, err), 0, "%s", err->text);
	return o;
}

static struct helper_env *environment(void)
{
	struct helper_env *env = NULL;

	if (!getenv("VERDICT_CILIUM_OBJECTS"))
		cr_skip_test("needs Cilium's objects in the folder VERDICT_CILIUM_OBJECTS");
	cr_assert_eq(helper_env_new(&env, err), 0, "%s", err->text);
	helper_env_set_clock(env, 1000000000000);
	return env;
}

Test(interpose_cilium, every_program_of_every_object_loads_with_its_helpers_replaced)
{
	struct helper_env *env;
	size_t n;

	NEEDS_ROOT();
	env = environment();
	for (size_t i = 0; i < sizeof(cilium) / sizeof(cilium[0]); i++) {
		struct interposed_object o = load(cilium[i].name, env);
		struct bpf_program *prog;

		object_pristine_programs(o.object, &n);
		cr_expect_eq(n, 0, "%s", cilium[i].name);
		bpf_object__for_each_program(prog, object_libbpf(o.object))
		{
			cr_expect(object_program_interposed(o.object, bpf_program__name(prog)),
				  "%s of %s", bpf_program__name(prog), cilium[i].name);
		}
		for (const int *h = cilium[i].helpers; *h; h++)
			cr_expect_gt(object_interposed_of(o.object, *h), 0, "helper %d of %s", *h,
				     cilium[i].name);
		object_free(o.object);
	}
	helper_env_free(env);
}

static const struct {
	const char *object, *programs[2];
} entries[] = {
	{ "bpf_lxc.o", { "cil_from_container", "cil_to_container" } },
	{ "bpf_host.o", { "cil_from_netdev", "cil_to_netdev" } },
	{ "bpf_overlay.o", { "cil_from_overlay", "cil_to_overlay" } },
	{ "bpf_xdp.o", { "cil_xdp_entry" } },
};

#define ENTRIES (sizeof(entries) / sizeof(entries[0]))

static const unsigned char packets[][64] = {
	/* TCP SYN 10.0.0.1:1000 to 10.0.0.2:80 */
	{ 2,  0,    0, 0,    0, 1,  2, 0,    0,	   0,  0, 2, 8,	   0,  0x45, 0, 0,
	  40, 0,    1, 0x40, 0, 64, 6, 0x66, 0xcd, 10, 0, 0, 1,	   10, 0,    0, 2,
	  3,  0xe8, 0, 80,   0, 0,  0, 1,    0,	   0,  0, 0, 0x50, 2,  0x20, 0 },
	/* UDP 2001::1 port 1000 to 2001::2 port 53 */
	{
		2,	  0,	0,    0,	0, 1,	 2, 0,	0,  0,	0,    2,
		0x86,	  0xdd, 0x60, 0,	0, 0,	 0, 10, 17, 64, 0x20, 1,
		[37] = 1, 0x20, 1,    [53] = 2, 3, 0xe8, 0, 53, 0,  10, 0,    0 },
	/* ARP: who has 10.0.0.2? */
	{ 255, 255, 255, 255, 255, 255, 2, 0,  0, 0, 0, 2, 8, 6, 0, 1, 8, 0,  6, 4, 0,
	  1,   2,   0,	 0,   0,   0,	2, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2 },
};

#define PACKETS (sizeof(packets) / sizeof(packets[0]))

static struct ran run_with(const struct interposed_object *o, const char *program,
			   const unsigned char *packet)
{
	struct ran out = { .verdict = -1 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = 64,
		    .data_out = out.bytes, .data_size_out = sizeof(out.bytes));
	int fd = object_program_fd(o->object, program, err);

	cr_assert_geq(fd, 0, "%s", err->text);
	if (o->env)
		helper_env_begin(o->env);
	cr_assert_eq(bpf_prog_test_run_opts(fd, &opts), 0, "%s", program);
	out.verdict = (int)opts.retval;
	out.len = opts.data_size_out;
	return out;
}

static struct tail_trace *trace_calls(const struct interposed_object *o)
{
	int fd = object_map_fd(o->object, "cilium_calls");
	struct tail_place places[64];
	struct tail_trace *t = NULL;
	const char *why;

	for (uint32_t i = 0; i < 64; i++) /* more than it has */
		places[i] = (struct tail_place){ fd, i };
	cr_assert_eq(tail_trace_install(o->env, places, 64, &t, err), 0, "%s", err->text);
	cr_expect_gt(tail_trace_slots(t), 10);
	cr_expect_eq(tail_trace_untraced(t, &why), 0, "%s", why);
	return t;
}

/* How many tail calls were seen. */
static size_t compare_packet(const struct interposed_object *shipped,
			     const struct interposed_object *seen, const char *program,
			     const unsigned char *packet)
{
	struct ran a = run_with(shipped, program, packet), b = run_with(seen, program, packet);
	size_t n, lost, calls = 0;
	const struct helper_note *notes = helper_env_notes(seen->env, &n, &lost);

	cr_expect_eq(a.verdict, b.verdict, "%s: %d as shipped, %d", program, a.verdict, b.verdict);
	cr_expect(a.len == b.len && memcmp(a.bytes, b.bytes, a.len) == 0, "%s", program);
	for (size_t i = 0; i < n; i++)
		calls += notes[i].kind == NOTE_TAIL_CALL;
	return calls;
}

static void compare_program(const struct interposed_object *shipped,
			    const struct interposed_object *seen, const char *program)
{
	size_t calls = 0;

	for (size_t p = 0; p < PACKETS; p++)
		calls += compare_packet(shipped, seen, program, packets[p]);
	cr_expect_gt(calls, 0, "%s makes no tail call", program);
}

Test(interpose_cilium, traced_and_interposed_they_say_what_they_say_as_shipped)
{
	struct helper_env *env;

	NEEDS_ROOT();
	env = environment();
	for (size_t i = 0; i < ENTRIES; i++) {
		struct interposed_object shipped = load(entries[i].object, NULL);
		struct interposed_object seen = load(entries[i].object, env);
		struct tail_trace *t = trace_calls(&seen);

		for (size_t p = 0; p < 2 && entries[i].programs[p]; p++)
			compare_program(&shipped, &seen, entries[i].programs[p]);
		cr_expect_eq(tail_trace_remove(t, err), 0, "%s", err->text);
		object_free(seen.object);
		object_free(shipped.object);
	}
	helper_env_free(env);
}
