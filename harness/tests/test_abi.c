/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The datapath's binary interface, read from the BTF of the object as built, against that of Cilium
 * 1.19: structures, maps, settings, programs. Events have no type in BTF: test_host_events reads
 * their bytes. The expected texts are the interface's tables, not derived from bpf/lib. A type, map
 * or setting that is in the object and in no table here fails.
 *
 * Form: `field: type @byte`, bit fields `:width @byte.bit`.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"

/* clang-format off */
static const char *const structs[] = {
	"struct ipv4_ct_tuple (14 bytes)\n"
	"    daddr: __be32 @0\n"
	"    saddr: __be32 @4\n"
	"    dport: __be16 @8\n"
	"    sport: __be16 @10\n"
	"    nexthdr: __u8 @12\n"
	"    flags: __u8 @13\n",

	"struct ct_entry (56 bytes)\n"
	"    (union)\n"
	"      nat_addr: union v6addr @0\n"
	"      (struct)\n"
	"        reserved0: __u64 @0\n"
	"        backend_id: __u64 @8\n"
	"    packets: __u64 @16\n"
	"    bytes: __u64 @24\n"
	"    lifetime: __u32 @32\n"
	"    rx_closing: __u16 :1 @36.0\n"
	"    tx_closing: __u16 :1 @36.1\n"
	"    reserved1: __u16 :1 @36.2\n"
	"    lb_loopback: __u16 :1 @36.3\n"
	"    seen_non_syn: __u16 :1 @36.4\n"
	"    node_port: __u16 :1 @36.5\n"
	"    proxy_redirect: __u16 :1 @36.6\n"
	"    dsr_internal: __u16 :1 @36.7\n"
	"    from_l7lb: __u16 :1 @37.0\n"
	"    reserved2: __u16 :1 @37.1\n"
	"    from_tunnel: __u16 :1 @37.2\n"
	"    reserved3: __u16 :5 @37.3\n"
	"    rev_nat_index: __u16 @38\n"
	"    nat_port: __be16 @40\n"
	"    tx_flags_seen: __u8 @42\n"
	"    rx_flags_seen: __u8 @43\n"
	"    src_sec_id: __u32 @44\n"
	"    last_tx_report: __u32 @48\n"
	"    last_rx_report: __u32 @52\n",

	"struct ipv4_frag_id (12 bytes)\n"
	"    daddr: __be32 @0\n"
	"    saddr: __be32 @4\n"
	"    id: __be16 @8\n"
	"    proto: __u8 @10\n"
	"    pad: __u8 @11\n",

	"struct ipv4_frag_l4ports (4 bytes)\n"
	"    sport: __be16 @0\n"
	"    dport: __be16 @2\n",

	"struct ipcache_key (24 bytes)\n"
	"    lpm_key: struct bpf_lpm_trie_key @0\n"
	"    cluster_id: __u16 @4\n"
	"    pad1: __u8 @6\n"
	"    family: __u8 @7\n"
	"    (union)\n"
	"      (struct)\n"
	"        ip4: __u32 @8\n"
	"        pad4: __u32 @12\n"
	"        pad5: __u32 @16\n"
	"        pad6: __u32 @20\n"
	"      ip6: union v6addr @8\n",

	"struct remote_endpoint_info (24 bytes)\n"
	"    sec_identity: __u32 @0\n"
	"    tunnel_endpoint: union (anon) @4\n"
	"    pad: __u16 @20\n"
	"    key: __u8 @22\n"
	"    flag_skip_tunnel: __u8 :1 @23.0\n"
	"    flag_has_tunnel_ep: __u8 :1 @23.1\n"
	"    flag_ipv6_tunnel_ep: __u8 :1 @23.2\n"
	"    flag_remote_cluster: __u8 :1 @23.3\n"
	"    pad2: __u8 :4 @23.4\n",

	"struct policy_key (12 bytes)\n"
	"    lpm_key: struct bpf_lpm_trie_key @0\n"
	"    sec_label: __u32 @4\n"
	"    egress: __u8 :1 @8.0\n"
	"    pad: __u8 :7 @8.1\n"
	"    protocol: __u8 @9\n"
	"    dport: __be16 @10\n",

	"struct policy_entry (12 bytes)\n"
	"    proxy_port: __be16 @0\n"
	"    deny: __u8 :1 @2.0\n"
	"    reserved: __u8 :2 @2.1\n"
	"    lpm_prefix_length: __u8 :5 @2.3\n"
	"    auth_type: __u8 :7 @3.0\n"
	"    has_explicit_auth_type: __u8 :1 @3.7\n"
	"    precedence: __u32 @4\n"
	"    cookie: __u32 @8\n",

	"struct metrics_key (8 bytes)\n"
	"    reason: __u8 @0\n"
	"    dir: __u8 :2 @1.0\n"
	"    pad: __u8 :6 @1.2\n"
	"    line: __u16 @2\n"
	"    file: __u8 @4\n"
	"    reserved: __u8[3] @5\n",

	"struct metrics_value (16 bytes)\n"
	"    count: __u64 @0\n"
	"    bytes: __u64 @8\n",

	"union macaddr (8 bytes)\n"
	"    addr: __u8[6] @0\n"
	"    pad: __u64 @0\n",

	"union v6addr (16 bytes)\n"
	"    addr: __u8[16] @0\n"
	"    p: struct (anon) @0\n"
	"    d: struct (anon) @0\n",
};

/* The kernel's own, and what never leaves a program. */
static const char *const not_interface[] = {
	"__sk_buff", "iphdr", "bpf_flow_keys", "bpf_sock", "bpf_lpm_trie_key",
	"packet", "ct_result", "flow4", "policy_verdict", "l4_ports", "icmp_header",
};

static const char *const maps[] = {
	"cilium_ct4_global: lru_hash key=struct ipv4_ct_tuple value=struct ct_entry flags=0 pin=1",
	"cilium_ct_any4_global: lru_hash key=struct ipv4_ct_tuple value=struct ct_entry flags=0 pin=1",
	"cilium_events: perf_event_array key=4 bytes value=4 bytes flags=0 pin=1",
	"cilium_ipcache_v2: lpm_trie key=struct ipcache_key value=struct remote_endpoint_info flags=129 pin=1",
	"cilium_ipv4_frag_datagrams: lru_hash key=struct ipv4_frag_id value=struct ipv4_frag_l4ports flags=0 pin=1",
	"cilium_metrics: percpu_hash key=struct metrics_key value=struct metrics_value flags=1 pin=1",
	"cilium_policy_v2: lpm_trie key=struct policy_key value=struct policy_entry flags=129 pin=1",
};

static const char *const settings[] = {
	/* Cilium's */
	"__config_interface_ifindex: __u32",
	"__config_interface_mac: union macaddr",
	"__config_device_mtu: __u16",
	"__config_eth_header_length: __u8",
	"__config_security_label: __u32",
	"__config_host_ep_id: __u16",
	"__config_trace_payload_len: __u32",
	"__config_enable_icmp_rule: _Bool",
	/* build-time settings there, settings at load here */
	"__config_enable_host_firewall: _Bool",
	"__config_monitor_aggregation: __u8",
	"__config_policy_audit_mode: _Bool",
	"__config_ct_lifetime_tcp: __u32",
	"__config_ct_lifetime_nontcp: __u32",
	"__config_ct_syn_timeout: __u32",
	"__config_ct_close_timeout: __u32",
	"__config_ct_report_interval: __u32",
};
/* clang-format on */

#define N(list) (sizeof(list) / sizeof((list)[0]))

static void close_object(int status, void *obj)
{
	(void)status;
	bpf_object__close(obj);
}

/* Closed as the test ends. */
static struct bpf_object *open_object(const char *name)
{
	struct arena *a = arena_new();
	const char *dir = getenv("VERDICT_BPF_DIR");
	struct bpf_object *obj;
	const char *path;

	if (!dir)
		dir = file_installed(a, "bpf");
	cr_assert(dir, "no folder of objects: set VERDICT_BPF_DIR");
	path = arena_printf(a, "%s/%s", dir, name);
	obj = bpf_object__open(path);
	cr_assert(obj, "cannot open %s", path);
	on_exit(close_object, obj);
	arena_free(a);
	return obj;
}

static const char *name_of(const struct btf *btf, const struct btf_type *t)
{
	return btf__name_by_offset(btf, t->name_off);
}

static const struct btf_type *strip(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	while (btf_is_const(t) || btf_is_volatile(t))
		t = btf__type_by_id(btf, t->type);
	return t;
}

static void type_name(struct buf *out, const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = strip(btf, id);

	if (btf_is_array(t)) {
		type_name(out, btf, btf_array(t)->type);
		buf_printf(out, "[%u]", btf_array(t)->nelems);
	} else if (btf_is_composite(t)) {
		buf_printf(out, "%s %s", btf_is_union(t) ? "union" : "struct",
			   *name_of(btf, t) ? name_of(btf, t) : "(anon)");
	} else {
		buf_puts(out, name_of(btf, t));
	}
}

static void members(struct buf *out, const struct btf *btf, const struct btf_type *t, unsigned base,
		    int indent)
{
	const struct btf_member *m = btf_members(t);

	for (int i = 0; i < btf_vlen(t); i++, m++) {
		unsigned bit = base + btf_member_bit_offset(t, i);
		unsigned width = btf_member_bitfield_size(t, i);
		const char *name = btf__name_by_offset(btf, m->name_off);
		const struct btf_type *mt = strip(btf, m->type);

		buf_printf(out, "%*s", indent, "");
		if (!*name) {
			buf_puts(out, btf_is_union(mt) ? "(union)\n" : "(struct)\n");
			members(out, btf, mt, bit, indent + 2);
			continue;
		}
		buf_printf(out, "%s: ", name);
		type_name(out, btf, m->type);
		if (width)
			buf_printf(out, " :%u @%u.%u\n", width, bit / 8, bit % 8);
		else
			buf_printf(out, " @%u\n", bit / 8);
	}
}

static void describe(struct buf *out, const struct btf *btf, const struct btf_type *t)
{
	buf_printf(out, "%s %s (%u bytes)\n", btf_is_union(t) ? "union" : "struct", name_of(btf, t),
		   t->size);
	members(out, btf, t, 0, 4);
}

static bool listed(const char *const list[], size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], s) == 0)
			return true;
	return false;
}

Test(abi, every_structure_is_laid_out_as_cilium_1_19_does)
{
	const struct btf *btf = bpf_object__btf(open_object("bpf_host.o"));

	for (size_t i = 0; i < N(structs); i++) {
		const char *start = strchr(structs[i], ' ') + 1;
		uint32_t kind = structs[i][0] == 'u' ? BTF_KIND_UNION : BTF_KIND_STRUCT;
		struct buf name = BUF_INIT, text = BUF_INIT;
		int id;

		buf_add(&name, start, strcspn(start, " "));
		id = btf__find_by_name_kind(btf, buf_str(&name), kind);
		cr_assert_gt(id, 0, "the object has no %s", buf_str(&name));
		describe(&text, btf, btf__type_by_id(btf, (uint32_t)id));
		cr_assert_str_eq(buf_str(&text), structs[i]);
		buf_free(&name);
		buf_free(&text);
	}
}

Test(abi, no_structure_of_the_object_goes_unchecked)
{
	const struct btf *btf = bpf_object__btf(open_object("bpf_host.o"));

	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);
		struct buf text = BUF_INIT;

		if (!btf_is_composite(t) || !*name_of(btf, t) ||
		    listed(not_interface, N(not_interface), name_of(btf, t)))
			continue;
		describe(&text, btf, t);
		cr_assert(listed(structs, N(structs), buf_str(&text)),
			  "%s is in no table of this test", buf_str(&text));
		buf_free(&text);
	}
}

static void map_side(struct buf *out, const struct btf *btf, const char *what, uint32_t type,
		     uint32_t size)
{
	buf_printf(out, " %s=", what);
	if (type)
		type_name(out, btf, type);
	else
		buf_printf(out, "%u bytes", size);
}

Test(abi, every_map_has_cilium_1_19s_name_type_layout_flags_and_pinning)
{
	struct bpf_object *obj = open_object("bpf_host.o");
	const struct btf *btf = bpf_object__btf(obj);
	struct bpf_map *m;
	size_t n = 0;

	bpf_object__for_each_map(m, obj)
	{
		struct buf text = BUF_INIT;

		if (bpf_map__is_internal(m))
			continue;
		buf_printf(&text, "%s: %s", bpf_map__name(m),
			   libbpf_bpf_map_type_str(bpf_map__type(m)));
		map_side(&text, btf, "key", bpf_map__btf_key_type_id(m), bpf_map__key_size(m));
		map_side(&text, btf, "value", bpf_map__btf_value_type_id(m),
			 bpf_map__value_size(m));
		buf_printf(&text, " flags=%u pin=%d", bpf_map__map_flags(m),
			   bpf_map__pin_path(m) != NULL);
		cr_assert(listed(maps, N(maps), buf_str(&text)), "not in the tables: %s",
			  buf_str(&text));
		buf_free(&text);
		n++;
	}
	cr_assert_eq(n, N(maps), "the object lacks a map");
}

Test(abi, every_setting_has_its_name_and_type)
{
	const struct btf *btf = bpf_object__btf(open_object("bpf_host.o"));
	int sec = btf__find_by_name_kind(btf, ".rodata.config", BTF_KIND_DATASEC);
	const struct btf_type *t;
	const struct btf_var_secinfo *v;

	cr_assert_gt(sec, 0, "no section .rodata.config");
	t = btf__type_by_id(btf, (uint32_t)sec);
	v = btf_var_secinfos(t);
	for (int i = 0; i < btf_vlen(t); i++, v++) {
		const struct btf_type *var = btf__type_by_id(btf, v->type);
		struct buf text = BUF_INIT;

		buf_printf(&text, "%s: ", name_of(btf, var));
		type_name(&text, btf, var->type);
		cr_assert(listed(settings, N(settings), buf_str(&text)), "not in the tables: %s",
			  buf_str(&text));
		buf_free(&text);
	}
	cr_assert_eq(btf_vlen(t), N(settings), "the object lacks a setting");
}

Test(abi, every_setting_tells_what_it_is)
{
	const struct btf *btf = bpf_object__btf(open_object("bpf_host.o"));
	unsigned tags = 0;

	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (btf_is_decl_tag(t) && strncmp(name_of(btf, t), "config:", 7) == 0)
			tags++;
	}
	cr_assert_eq(tags, N(settings));
}

Test(abi, entry_programs_are_tc_programs_of_cilium_s_names)
{
	static const char *const names[] = { "cil_from_netdev", "cil_to_netdev" };
	struct bpf_object *obj = open_object("bpf_host.o");

	for (size_t i = 0; i < N(names); i++) {
		struct bpf_program *p = bpf_object__find_program_by_name(obj, names[i]);

		cr_assert(p, "no %s", names[i]);
		cr_assert_str_eq(bpf_program__section_name(p), "tc");
		cr_assert_eq(bpf_program__type(p), BPF_PROG_TYPE_SCHED_CLS);
	}
}

Test(abi, the_next_release_differs_in_the_conntrack_value_only_by_a_field_at_its_end)
{
	struct bpf_object *wide = open_object("upgrades/wide_ct/bpf_host.o");
	const struct btf *btf = bpf_object__btf(wide);
	struct bpf_map *m = bpf_object__find_map_by_name(wide, "cilium_ct4_global");
	struct buf text = BUF_INIT;
	const char *today = NULL;
	size_t header = strlen("struct ct_entry (56 bytes)\n");

	for (size_t i = 0; i < N(structs); i++)
		if (strncmp(structs[i], "struct ct_entry ", 16) == 0)
			today = structs[i];
	cr_assert(m && today);
	cr_assert_eq(bpf_map__value_size(m), 64);
	describe(&text, btf, btf__type_by_id(btf, bpf_map__btf_value_type_id(m)));
	cr_assert_eq(strncmp(buf_str(&text) + header, today + header, strlen(today + header)), 0);
	cr_assert_str_eq(buf_str(&text) + strlen(today), "    next_release: __u64 @56\n");
	buf_free(&text);
}
