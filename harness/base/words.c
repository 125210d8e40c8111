/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tables of the field's words, and finding a word or the one that was meant. */
#include "base/words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define TABLE(var, title, ...)                                                                     \
	static const struct word var##_list[] = { __VA_ARGS__ };                                   \
	const struct word_table words_##var = { title, var##_list,                                 \
						sizeof(var##_list) / sizeof(var##_list[0]) }

/* clang-format off */
TABLE(outcome, "outcome",
	{ OUTCOME_DELIVERED, "delivered", NULL },
	{ OUTCOME_DROPPED, "dropped", NULL },
	{ OUTCOME_SENT, "sent", NULL },
	{ OUTCOME_CONSUMED, "consumed", NULL },
	{ OUTCOME_UNMODELLED, "unmodelled", NULL });

TABLE(ct_state, "conntrack state",
	{ CT_STATE_NEW, "new", NULL },
	{ CT_STATE_ESTABLISHED, "established", NULL },
	{ CT_STATE_REPLY, "reply", NULL },
	{ CT_STATE_RELATED, "related", NULL });

/* IANA's protocol numbers */
TABLE(protocol, "protocol",
	{ 1, "ICMP", NULL },
	{ 6, "TCP", NULL },
	{ 17, "UDP", NULL },
	{ 58, "ICMPv6", NULL },
	{ 132, "SCTP", NULL });

/* include/uapi/linux/pkt_cls.h */
TABLE(tc_verdict, "tc verdict",
	{ -1, "TC_ACT_UNSPEC", NULL },
	{ 0, "TC_ACT_OK", NULL },
	{ 1, "TC_ACT_RECLASSIFY", NULL },
	{ 2, "TC_ACT_SHOT", NULL },
	{ 3, "TC_ACT_PIPE", NULL },
	{ 4, "TC_ACT_STOLEN", NULL },
	{ 5, "TC_ACT_QUEUED", NULL },
	{ 6, "TC_ACT_REPEAT", NULL },
	{ 7, "TC_ACT_REDIRECT", NULL },
	{ 8, "TC_ACT_TRAP", NULL });

/* include/uapi/linux/bpf.h, enum xdp_action */
TABLE(xdp_verdict, "XDP verdict",
	{ 0, "XDP_ABORTED", NULL },
	{ 1, "XDP_DROP", NULL },
	{ 2, "XDP_PASS", NULL },
	{ 3, "XDP_TX", NULL },
	{ 4, "XDP_REDIRECT", NULL });

/* kernel/bpf/cgroup.c: 1 lets the packet through; 2 and 3 also tell TCP of congestion (egress). */
TABLE(cgroup_verdict, "cgroup verdict",
	{ 0, "DROP", NULL },
	{ 1, "ALLOW", NULL },
	{ 2, "DROP_CN", NULL },
	{ 3, "ALLOW_CN", NULL });

/* include/uapi/linux/bpf.h, enum bpf_ret_code */
TABLE(lwt_verdict, "LWT verdict",
	{ 0, "BPF_OK", NULL },
	{ 2, "BPF_DROP", NULL },
	{ 7, "BPF_REDIRECT", NULL },
	{ 128, "BPF_LWT_REROUTE", NULL });

TABLE(hook, "hook",
	{ HOOK_TC_INGRESS, "ingress", "tc ingress" },
	{ HOOK_TC_EGRESS, "egress", "tc egress" },
	{ HOOK_XDP, "xdp", "XDP" },
	{ HOOK_CGROUP_INGRESS, "cgroup-ingress", "cgroup ingress" },
	{ HOOK_CGROUP_EGRESS, "cgroup-egress", "cgroup egress" },
	{ HOOK_SOCKET_FILTER, "socket-filter", "socket filter" },
	{ HOOK_LWT_IN, "lwt-in", "lwt in" },
	{ HOOK_LWT_OUT, "lwt-out", "lwt out" },
	{ HOOK_LWT_XMIT, "lwt-xmit", "lwt xmit" });

/* Helpers that say where a packet goes; the numbers are those of enum note_kind, helper_env.h. */
TABLE(redirect, "redirecting helper",
	{ 1, "redirect", NULL },
	{ 2, "redirect_peer", NULL },
	{ 3, "redirect_neigh", NULL },
	{ 4, "redirect_map", NULL },
	{ 5, "clone_redirect", NULL });

TABLE(drop_reason, "drop reason",
	{ 132, "INVALID_SIP", "Invalid source IP" },
	{ 133, "POLICY", "Policy denied" },
	{ 134, "INVALID", "Invalid packet" },
	{ 135, "CT_INVALID_HDR", "CT: Truncated or invalid header" },
	{ 136, "FRAG_NEEDED", "Fragmentation needed" },
	{ 137, "CT_UNKNOWN_PROTO", "CT: Unknown L4 protocol" },
	{ 139, "UNKNOWN_L3", "Unsupported L3 protocol" },
	{ 140, "MISSED_TAIL_CALL", "Missed tail call" },
	{ 141, "WRITE_ERROR", "Error writing to packet" },
	{ 142, "UNKNOWN_L4", "Unknown L4 protocol" },
	{ 143, "UNKNOWN_ICMP4_CODE", "Unknown ICMPv4 code" },
	{ 144, "UNKNOWN_ICMP4_TYPE", "Unknown ICMPv4 type" },
	{ 145, "UNKNOWN_ICMP6_CODE", "Unknown ICMPv6 code" },
	{ 146, "UNKNOWN_ICMP6_TYPE", "Unknown ICMPv6 type" },
	{ 147, "NO_TUNNEL_KEY", "Error retrieving tunnel key" },
	{ 150, "UNKNOWN_TARGET", "Unknown L3 target address" },
	{ 151, "UNROUTABLE", "Stale or unroutable IP" },
	{ 153, "CSUM_L3", "Error while correcting L3 checksum" },
	{ 154, "CSUM_L4", "Error while correcting L4 checksum" },
	{ 155, "CT_CREATE_FAILED", "CT: Map insertion failed" },
	{ 156, "INVALID_EXTHDR", "Invalid IPv6 extension header" },
	{ 157, "FRAG_NOSUPPORT", "IP fragmentation not supported" },
	{ 158, "NO_SERVICE", "Service backend not found" },
	{ 159, "UNSUPP_SERVICE_PROTO", "Unsupported protocol for service" },
	{ 160, "NO_TUNNEL_ENDPOINT", "No tunnel endpoint" },
	{ 162, "EDT_HORIZON", "Reached EDT rate-limiting drop horizon" },
	{ 163, "UNKNOWN_CT", "Unknown connection tracking state" },
	{ 164, "HOST_UNREACHABLE", "Local host is unreachable" },
	{ 165, "NO_CONFIG", "No configuration available to perform policy decision" },
	{ 166, "UNSUPPORTED_L2", "Unsupported L2 protocol" },
	{ 167, "NAT_NO_MAPPING", "No mapping for NAT masquerade" },
	{ 168, "NAT_UNSUPP_PROTO", "Unsupported protocol for NAT masquerade" },
	{ 169, "NO_FIB", "FIB lookup failed" },
	{ 170, "ENCAP_PROHIBITED", "Encapsulated traffic is prohibited" },
	{ 171, "INVALID_IDENTITY", "Invalid identity" },
	{ 172, "UNKNOWN_SENDER", "Unknown sender" },
	{ 174, "IS_CLUSTER_IP", "Is a ClusterIP" },
	{ 175, "FRAG_NOT_FOUND", "First logical datagram fragment not found" },
	{ 176, "FORBIDDEN_ICMP6", "Forbidden ICMPv6 message" },
	{ 177, "NOT_IN_SRC_RANGE", "Denied by LB src range check" },
	{ 178, "PROXY_LOOKUP_FAILED", "Socket lookup failed" },
	{ 179, "PROXY_SET_FAILED", "Socket assign failed" },
	{ 180, "PROXY_UNKNOWN_PROTO", "Proxy redirection not supported for protocol" },
	{ 181, "POLICY_DENY", "Policy denied by denylist" },
	{ 182, "VLAN_FILTERED", "VLAN traffic disallowed by VLAN filter" },
	{ 183, "INVALID_VNI", "Incorrect VNI from VTEP" },
	{ 184, "INVALID_TC_BUFFER", "Failed to update or lookup TC buffer" },
	{ 189, "POLICY_AUTH_REQUIRED", "Authentication required" },
	{ 190, "CT_NO_MAP_FOUND", "No conntrack map found" },
	{ 191, "SNAT_NO_MAP_FOUND", "No nat map found" },
	{ 193, "DSR_ENCAP_UNSUPP_PROTO", "Unsupported packet protocol for DSR encapsulation" },
	{ 196, "TTL_EXCEEDED", "TTL exceeded" },
	{ 197, "NO_NODE_ID", "No node ID found" },
	{ 198, "RATE_LIMITED", "Rate limited" },
	{ 202, "HOST_NOT_READY", "Host datapath not ready" },
	{ 203, "EP_NOT_READY", "Endpoint policy program not available" });

TABLE(identity, "identity",
	{ IDENTITY_UNKNOWN, "unknown", NULL },
	{ IDENTITY_HOST, "host", NULL },
	{ IDENTITY_WORLD, "world", NULL },
	{ IDENTITY_UNMANAGED, "unmanaged", NULL },
	{ IDENTITY_HEALTH, "health", NULL },
	{ IDENTITY_INIT, "init", NULL },
	{ IDENTITY_REMOTE_NODE, "remote-node", NULL },
	{ IDENTITY_KUBE_APISERVER, "kube-apiserver", NULL },
	{ IDENTITY_INGRESS, "ingress", NULL },
	{ 9, "world-ipv4", NULL },
	{ 10, "world-ipv6", NULL });

TABLE(event_type, "event type",
	{ EVENT_DROP, "drop", NULL },
	{ EVENT_DEBUG, "debug", NULL },
	{ EVENT_CAPTURE, "capture", NULL },
	{ EVENT_TRACE, "trace", NULL },
	{ EVENT_POLICY_VERDICT, "policy-verdict", NULL });

TABLE(trace_point, "trace point",
	{ 0, "to-endpoint", NULL },
	{ 1, "to-proxy", NULL },
	{ 2, "to-host", NULL },
	{ 3, "to-stack", NULL },
	{ 4, "to-overlay", NULL },
	{ 5, "from-endpoint", NULL },
	{ 6, "from-proxy", NULL },
	{ 7, "from-host", NULL },
	{ 8, "from-stack", NULL },
	{ 9, "from-overlay", NULL },
	{ 10, "from-network", NULL },
	{ 11, "to-network", NULL });

TABLE(source_file, "source file",
	{ 1, "bpf_host.c", NULL },
	{ 2, "bpf_lxc.c", NULL },
	{ 3, "bpf_overlay.c", NULL },
	{ 4, "bpf_xdp.c", NULL },
	{ 5, "bpf_sock.c", NULL },
	{ 6, "bpf_network.c", NULL },
	{ 7, "bpf_wireguard.c", NULL },
	{ 101, "drop.h", NULL },
	{ 102, "srv6.h", NULL },
	{ 103, "icmp6.h", NULL },
	{ 104, "nodeport.h", NULL },
	{ 105, "lb.h", NULL },
	{ 106, "mcast.h", NULL },
	{ 107, "ipv4.h", NULL },
	{ 108, "conntrack.h", NULL },
	{ 109, "local_delivery.h", NULL },
	{ 110, "trace.h", NULL },
	{ 111, "encap.h", NULL },
	{ 112, "host_firewall.h", NULL },
	{ 113, "nodeport_egress.h", NULL },
	{ 114, "ipv6.h", NULL },
	{ 115, "classifiers.h", NULL },
	/* ours: numbers that Cilium does not use */
	{ 201, "frag.h", NULL },
	{ 202, "rewrite.h", NULL },
	{ 203, "nat.h", NULL },
	{ 204, "dsr.h", NULL },
	{ 205, "endpoint_policy.h", NULL },
	{ 206, "fib.h", NULL },
	{ 207, "arp.h", NULL },
	{ 208, "icmp_error.h", NULL },
	{ 209, "bandwidth.h", NULL },
	{ 210, "proxy.h", NULL },
	{ 211, "prefilter.h", NULL },
	{ 212, "masquerade.h", NULL },
	{ 213, "quote.h", NULL },
	{ 214, "sock_translate.h", NULL },
	{ 215, "handed_on.h", NULL },
	{ 216, "dsr_option.h", NULL });
/* clang-format on */

static const struct word *find(const struct word_table *t, int number)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->words[i].number == number)
			return &t->words[i];
	return NULL;
}

const struct word_table *words_verdict(enum hook hook)
{
	switch (hook) {
	case HOOK_TC_INGRESS:
	case HOOK_TC_EGRESS:
		return &words_tc_verdict;
	case HOOK_XDP:
		return &words_xdp_verdict;
	case HOOK_CGROUP_INGRESS:
	case HOOK_CGROUP_EGRESS:
		return &words_cgroup_verdict;
	case HOOK_LWT_IN:
	case HOOK_LWT_OUT:
	case HOOK_LWT_XMIT:
		return &words_lwt_verdict;
	case HOOK_SOCKET_FILTER:
		return NULL;
	}
	return NULL;
}

const char *word_name(const struct word_table *t, int number)
{
	const struct word *w = find(t, number);

	return w ? w->name : NULL;
}

const char *word_text(const struct word_table *t, int number)
{
	const struct word *w = find(t, number);

	if (!w)
		return NULL;
	return w->text ? w->text : w->name;
}

static char fold(char c)
{
	return c == '-' ? '_' : (char)tolower((unsigned char)c);
}

static bool same_word(const char *a, const char *b)
{
	while (*a && fold(*a) == fold(*b))
		a++, b++;
	return fold(*a) == fold(*b);
}

bool word_parse(const struct word_table *t, const char *s, int *number)
{
	char *end;
	long n;

	for (size_t i = 0; i < t->n; i++) {
		if (same_word(t->words[i].name, s)) {
			*number = t->words[i].number;
			return true;
		}
	}
	n = strtol(s, &end, 10);
	if (end == s || *end || !find(t, (int)n))
		return false;
	*number = (int)n;
	return true;
}

#define NAME_MAX_LEN 64

/* Damerau-Levenshtein in its restricted form: a swap of neighbours costs one. */
static size_t distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	size_t d[3][NAME_MAX_LEN + 1];

	if (la > NAME_MAX_LEN || lb > NAME_MAX_LEN)
		return NAME_MAX_LEN;
	for (size_t j = 0; j <= lb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *row = d[i % 3], *up = d[(i + 2) % 3], *up2 = d[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			bool same = fold(a[i - 1]) == fold(b[j - 1]);
			size_t best = up[j - 1] + !same;

			if (up[j] + 1 < best)
				best = up[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
			    fold(a[i - 2]) == fold(b[j - 1]) && up2[j - 2] + 1 < best)
				best = up2[j - 2] + 1;
			row[j] = best;
		}
	}
	return d[la % 3][lb];
}

static void closer(const char *s, const char *name, const char **best, size_t *best_d)
{
	size_t d = distance(s, name);

	if (d < *best_d) {
		*best_d = d;
		*best = name;
	}
}

/* A third of the letters may be wrong, at least one. */
static size_t tolerance(const char *s)
{
	size_t len = strlen(s);

	return (len < 3 ? 1 : len / 3) + 1;
}

const char *nearest_name(const char *s, const char *const *names, size_t n)
{
	size_t d = tolerance(s);
	const char *best = NULL;

	for (size_t i = 0; i < n; i++)
		closer(s, names[i], &best, &d);
	return best;
}

const char *word_nearest(const struct word_table *t, const char *s)
{
	size_t d = tolerance(s);
	const char *best = NULL;

	for (size_t i = 0; i < t->n; i++)
		closer(s, t->words[i].name, &best, &d);
	return best;
}
