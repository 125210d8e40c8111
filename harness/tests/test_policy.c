/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From policies to map entries: what each rule becomes, and the compiler held against a second
 * reading of the same rules, packet by packet.
 */
#include "cluster_text.h"

TestSuite(policy, .init = setup, .fini = teardown, .timeout = 60);

/* ---- policy ---- */

#define ALLOW_ALL  "{deny: 0, lpm_prefix_length: 0, precedence: 0}\n"
#define ALLOW(len) "{deny: 0, lpm_prefix_length: " len ", precedence: 4294967040}\n"
#define DENY(len)  "{deny: 1, lpm_prefix_length: " len ", precedence: 4294967295}\n"
#define KEY(prefix, label, egress, proto, port)                                                    \
	"{lpm_key: {prefixlen: " prefix "}, sec_label: " label ", egress: " egress                 \
	", protocol: " proto ", dport: " port "} -> "
#define EGRESS_OPEN KEY("40", "0", "1", "0", "0") ALLOW_ALL
#define FROM_SELF   KEY("40", "1", "0", "0", "0") ALLOW("0")

static const char *host_policy(const char *spec)
{
	struct buf b = BUF_INIT;

	node(&b, "a", "10.0.0.1", "role: master");
	policy(&b, CCNP, spec);
	load(&b, FIREWALL);
	return dump("a", HOST_MAP);
}

Test(policy, without_policy_both_directions_are_open)
{
	struct buf b = BUF_INIT;

	node(&b, "a", "10.0.0.1", "");
	load(&b, FIREWALL);
	cr_assert_str_eq(dump("a", HOST_MAP), KEY("40", "0", "0", "0", "0") ALLOW_ALL EGRESS_OPEN);
}

Test(policy, without_the_host_firewall_no_policy_reaches_the_host)
{
	struct buf b = BUF_INIT;

	node(&b, "a", "10.0.0.1", "");
	policy(&b, CCNP, "nodeSelector: {}, ingress: [{}]");
	load(&b, "");
	cr_assert_str_eq(dump("a", HOST_MAP), KEY("40", "0", "0", "0", "0") ALLOW_ALL EGRESS_OPEN);
}

Test(policy, an_empty_rule_closes_a_direction_to_all_but_the_node_itself)
{
	cr_assert_str_eq(host_policy("nodeSelector: {}, ingress: [{}]"), EGRESS_OPEN FROM_SELF);
}

Test(policy, a_policy_is_for_the_nodes_it_selects)
{
	cr_assert_str_eq(host_policy("nodeSelector: {matchLabels: {role: worker}}, ingress: [{}]"),
			 KEY("40", "0", "0", "0", "0") ALLOW_ALL EGRESS_OPEN);
	cr_assert_str_eq(host_policy("nodeSelector: {matchLabels: {role: master}}, ingress: [{}]"),
			 EGRESS_OPEN FROM_SELF);
	cr_assert_str_eq(host_policy("endpointSelector: {}, ingress: [{}]"),
			 KEY("40", "0", "0", "0", "0") ALLOW_ALL EGRESS_OPEN);
}

Test(policy, a_port_is_a_full_prefix_in_host_order_text)
{
	cr_assert_str_eq(host_policy("nodeSelector: {}, ingress: [{fromEntities: [world], "
				     "toPorts: [{ports: [{port: 2379, protocol: TCP}]}]}]"),
			 KEY("64", "2", "0", "6", "2379") ALLOW("24") EGRESS_OPEN FROM_SELF);
}

Test(policy, anyone_is_label_zero)
{
	static const char expected[] =
		KEY("64", "0", "0", "17", "53") ALLOW("24") EGRESS_OPEN FROM_SELF;

	cr_assert_str_eq(host_policy("nodeSelector: {}, ingress: "
				     "[{toPorts: [{ports: [{port: 53, protocol: UDP}]}]}]"),
			 expected);
	cr_assert_str_eq(host_policy("nodeSelector: {}, ingress: [{fromEntities: [all], "
				     "toPorts: [{ports: [{port: 53, protocol: UDP}]}]}]"),
			 expected);
}

Test(policy, a_remote_node_is_six_and_seven)
{
	cr_assert_str_eq(host_policy("nodeSelector: {}, ingress: [{fromEntities: [remote-node]}]"),
			 KEY("40", "6", "0", "0", "0") ALLOW("0") KEY("40", "7", "0", "0", "0")
				 ALLOW("0") EGRESS_OPEN FROM_SELF);
	cr_assert_str_eq(
		host_policy("nodeSelector: {}, ingress: [{fromEntities: [kube-apiserver]}]"),
		KEY("40", "7", "0", "0", "0") ALLOW("0") EGRESS_OPEN FROM_SELF);
}

Test(policy, a_protocol_without_port_stops_at_its_prefix)
{
	cr_assert_str_eq(host_policy("nodeSelector: {}, ingress: [{fromEntities: [world], "
				     "toPorts: [{ports: [{port: 0, protocol: TCP}]}]}]"),
			 KEY("48", "2", "0", "6", "0") ALLOW("8") EGRESS_OPEN FROM_SELF);
}

Test(policy, a_port_range_is_the_fewest_prefixes)
{
	/* 5 to 11 = 5, 6-7, 8-11 */
	cr_assert_str_eq(
		host_policy("nodeSelector: {}, ingress: [{fromEntities: [world], "
			    "toPorts: [{ports: [{port: 5, endPort: 11, protocol: TCP}]}]}]"),
		KEY("64", "2", "0", "6", "5") ALLOW("24") KEY("63", "2", "0", "6", "6") ALLOW("23")
			KEY("62", "2", "0", "6", "8") ALLOW("22") EGRESS_OPEN FROM_SELF);
}

Test(policy, icmp_types_stand_in_the_port)
{
	struct buf b = BUF_INIT;

	cr_assert_str_eq(
		host_policy("nodeSelector: {}, ingress: [{icmps: [{fields: [{type: EchoRequest}, "
			    "{family: IPv6, type: EchoRequest}]}]}]"),
		KEY("64", "0", "0", "1", "8") ALLOW("24") KEY("64", "0", "0", "58", "128")
			ALLOW("24") EGRESS_OPEN FROM_SELF);
	node(&b, "a", "10.0.0.1", "");
	policy(&b, CCNP, "nodeSelector: {}, ingress: [{icmps: [{fields: [{type: 8}]}]}]");
	cr_assert_lt(try_load(&b, FIREWALL "extraConfig: {enable-icmp-rules: false}\n"), 0);
	cr_assert(strstr(err.text, "ICMP rules are switched off by extraConfig.enable-icmp-rules"));
}

Test(policy, a_wide_deny_leaves_no_narrow_allow_of_the_same_identity)
{
	cr_assert_str_eq(host_policy("nodeSelector: {}, ingress: [{fromEntities: [world], toPorts: "
				     "[{ports: [{port: 80, protocol: TCP}]}]}], "
				     "ingressDeny: [{fromEntities: [world]}]"),
			 KEY("40", "2", "0", "0", "0") DENY("0") EGRESS_OPEN FROM_SELF);
}

Test(policy, a_deny_replaces_an_allow_of_the_same_key)
{
	cr_assert_str_eq(host_policy("nodeSelector: {}, ingress: [{fromEntities: [world]}], "
				     "ingressDeny: [{fromEntities: [world]}]"),
			 KEY("40", "2", "0", "0", "0") DENY("0") EGRESS_OPEN FROM_SELF);
}

Test(policy, an_unenforced_direction_stays_open_beside_a_deny)
{
	cr_assert_str_eq(host_policy("nodeSelector: {}, enableDefaultDeny: {ingress: false}, "
				     "ingressDeny: [{fromEntities: [world]}]"),
			 KEY("40", "2", "0", "0", "0") DENY("0") KEY("40", "0", "0", "0", "0")
				 ALLOW_ALL EGRESS_OPEN);
}

Test(policy, cidrs_get_local_identities_and_exceptions_their_own)
{
	const char *cache;

	cr_assert_str_eq(host_policy("nodeSelector: {}, ingress: [{fromCIDRSet: "
				     "[{cidr: 192.168.0.0/16, except: [192.168.7.0/24]}]}]"),
			 KEY("40", "16777217", "0", "0", "0") ALLOW("0") EGRESS_OPEN FROM_SELF);
	cache = dump("a", "cilium_ipcache_v2");
	cr_assert(strstr(cache, "{lpm_key: {prefixlen: 48}, family: 1, ip4: 192.168.0.0} -> "
				"{sec_identity: 16777217}\n"));
	cr_assert(strstr(cache, "{lpm_key: {prefixlen: 56}, family: 1, ip4: 192.168.7.0} -> "
				"{sec_identity: 16777218}\n"));
}

Test(policy, the_world_and_wider_cidrs_hold_the_cidrs_inside)
{
	cr_assert_str_eq(
		host_policy(
			"nodeSelector: {}, ingress: [{fromCIDR: [10.9.0.0/16]}, "
			"{fromEntities: [world], toPorts: [{ports: [{port: 1, protocol: TCP}]}]}, "
			"{fromCIDR: [10.0.0.0/8], toPorts: [{ports: [{port: 2, protocol: "
			"TCP}]}]}]"),
		KEY("40", "16777218", "0", "0", "0") ALLOW("0") KEY("64", "2", "0", "6", "1")
			ALLOW("24") KEY("64", "16777217", "0", "6", "1") ALLOW("24")
				KEY("64", "16777218", "0", "6", "1") ALLOW("24")
					KEY("64", "16777217", "0", "6", "2") ALLOW("24")
						KEY("64", "16777218", "0", "6", "2") ALLOW("24")
							EGRESS_OPEN FROM_SELF);
}

Test(policy, a_cidr_of_a_node_leaves_it_its_identity)
{
	struct buf b = BUF_INIT;

	node(&b, "a", "10.0.0.1", "");
	node(&b, "b", "10.0.0.2", "");
	policy(&b, CCNP, "nodeSelector: {}, ingress: [{fromCIDR: [10.0.0.2/32]}]");
	load(&b, FIREWALL);
	cr_assert_eq(identity("a", "10.0.0.2"), 6);
	cr_assert_str_eq(dump("a", HOST_MAP), EGRESS_OPEN FROM_SELF);
}

/* docs.cilium.io: a namespaced policy's selectors stay in its namespace. */
Test(policy, selectors_of_endpoints_stay_in_their_namespace)
{
	struct buf b = BUF_INIT;
	unsigned web;
	char expected[400];

	node(&b, "a", "10.0.0.1", "");
	pod(&b, "web", "a", "10.1.0.1", "app: web");
	buf_puts(&b, "apiVersion: v1\nkind: Pod\nmetadata: {name: o, namespace: other, labels: "
		     "{app: web}}\nspec: {nodeName: a}\nstatus: {podIP: 10.1.0.9}\n---\n");
	buf_puts(&b, "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: n, "
		     "namespace: s}\nspec: {endpointSelector: {}, ingress: [{fromEndpoints: "
		     "[{matchLabels: {app: web}}]}]}\n");
	load(&b, FIREWALL);
	web = identity("a", "10.1.0.1");
	cr_assert_neq(identity("a", "10.1.0.9"), web);
	/* endpoint 2 is other/o, which the policy does not select; 3 is s/web */
	cr_assert_str_eq(dump("a", "cilium_policy_v2_00002"),
			 KEY("40", "0", "0", "0", "0") ALLOW_ALL EGRESS_OPEN);
	snprintf(
		expected, sizeof(expected),
		"{lpm_key: {prefixlen: 40}, sec_label: %u, egress: 0, protocol: 0, dport: 0} -> %s",
		web, ALLOW("0") EGRESS_OPEN FROM_SELF);
	cr_assert_str_eq(dump("a", "cilium_policy_v2_00003"), expected);
}

Test(policy, the_entity_cluster_is_all_but_the_world)
{
	struct buf b = BUF_INIT;
	const char *map;

	node(&b, "a", "10.0.0.1", "");
	pod(&b, "x", "a", "10.1.0.1", "");
	policy(&b, CCNP,
	       "nodeSelector: {}, ingress: [{fromEntities: [cluster]}, {fromCIDR: [9.9.9.9/32], "
	       "toPorts: [{ports: [{port: 1, protocol: TCP}]}]}]");
	load(&b, FIREWALL);
	map = dump("a", HOST_MAP);
	for (int id = 1; id <= 8; id++) {
		char key[100];

		snprintf(key, sizeof(key), "{prefixlen: 40}, sec_label: %d, egress: 0", id);
		cr_assert_eq(strstr(map, key) != NULL, id != 2, "%d", id);
	}
	cr_assert(strstr(map, "{prefixlen: 40}, sec_label: 256, egress: 0"));
	cr_assert_null(strstr(map, "{prefixlen: 40}, sec_label: 16777217"));
}

/* ---- the compiler against a second reading of the rules ---- */

struct rule {
	bool deny;
	int peer; /* index into peers[] */
	int proto; /* 0 any */
	int port, end; /* 0: all */
	bool no_ports; /* no toPorts at all */
};

static const struct {
	const char *entity;
	int ids[3];
} peers[] = { { "all", { -1 } },
	      { "world", { 2 } },
	      { "host", { 1 } },
	      { "remote-node", { 6, 7 } },
	      { "kube-apiserver", { 7 } },
	      { "health", { 4 } },
	      { "none", { 0 } } };

static bool peer_has(int peer, int id)
{
	for (int i = 0; i < 3; i++)
		if (peers[peer].ids[i] == -1 || peers[peer].ids[i] == id)
			return true;
	return false;
}

/* 0 no rule, 1 allowed, 2 denied: any deny wins, whatever its width (docs: "Deny Policies"). */
static int by_rules(const struct rule *r, int n, int id, int proto, int port)
{
	int verdict = id == 1; /* the node itself */

	for (int i = 0; i < n; i++, r++) {
		bool has_ports = proto == 6 || proto == 17 || proto == 132;

		if (!peer_has(r->peer, id))
			continue;
		if (!r->no_ports && (r->proto || r->port)) {
			if (r->proto ? proto != r->proto : !has_ports)
				continue;
			if (r->port && (port < r->port || port > r->end))
				continue;
		}
		if (r->deny)
			return 2;
		verdict = 1;
	}
	return verdict;
}

static void write_rules(struct buf *b, const struct rule *r, int n, bool deny)
{
	static const char *const names[] = { [0] = "ANY", [6] = "TCP", [17] = "UDP" };

	for (int i = 0, k = 0; i < n; i++) {
		if (r[i].deny != deny)
			continue;
		buf_printf(b, "%s{fromEntities: [%s]", k++ ? ", " : "", peers[r[i].peer].entity);
		if (!r[i].no_ports) {
			buf_printf(b, ", toPorts: [{ports: [{port: %d, protocol: %s", r[i].port,
				   names[r[i].proto]);
			if (r[i].end != r[i].port)
				buf_printf(b, ", endPort: %d", r[i].end);
			buf_puts(b, "}]}]");
		}
		buf_putc(b, '}');
	}
}

static unsigned next_random(unsigned *state)
{
	*state = *state * 1103515245u + 12345u;
	return *state >> 16 & 0x7fff;
}

static struct rule random_rule(unsigned *state)
{
	static const int protos[] = { 0, 6, 17, 6 };
	struct rule r = { .deny = next_random(state) % 3 == 0,
			  .peer = (int)(next_random(state) % 7),
			  .proto = protos[next_random(state) % 4],
			  .no_ports = next_random(state) % 5 == 0 };

	if (next_random(state) % 4)
		r.port = 1 + (int)(next_random(state) % 40);
	r.end = r.port;
	if (r.port && next_random(state) % 2)
		r.end = r.port + (int)(next_random(state) % 30);
	return r;
}

Test(policy, entries_decide_as_the_rules_do)
{
	static const int ids[] = { 1, 2, 4, 6, 7, 8 }, protos[] = { 1, 6, 17, 132 };
	unsigned state = 1;

	for (int round = 0; round < 150; round++) {
		struct buf b = BUF_INIT, spec = BUF_INIT;
		struct rule rules[6];
		int n = 1 + (int)(next_random(&state) % 6);

		for (int i = 0; i < n; i++)
			rules[i] = random_rule(&state);
		buf_puts(&spec, "nodeSelector: {}, enableDefaultDeny: {ingress: true}, ingress: [");
		write_rules(&spec, rules, n, false);
		buf_puts(&spec, "], ingressDeny: [");
		write_rules(&spec, rules, n, true);
		buf_puts(&spec, "]");
		node(&b, "a", "10.0.0.1", "");
		policy(&b, CCNP, buf_str(&spec));
		load(&b, FIREWALL);
		for (size_t i = 0; i < 6; i++)
			for (size_t j = 0; j < 4; j++)
				for (int port = 0; port < 75; port++)
					cr_assert_eq(by_entries((unsigned)ids[i],
								(unsigned)protos[j],
								(unsigned)port),
						     by_rules(rules, n, ids[i], protos[j], port),
						     "%s: identity %d protocol %d port %d",
						     buf_str(&spec), ids[i], protos[j], port);
		buf_free(&spec);
	}
}
