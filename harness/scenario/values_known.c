/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The table of known Helm values, and what may stand for each. */
#include "scenario/values_known.h"

#include <errno.h>
#include <string.h>

#include "scenario/kinds.h"
#include "scenario/values.h"

#define VLAN_MAX 4094 /* IEEE 802.1Q, 9.6: 4095 is reserved */

#define ON_OFF(path, otherwise)                                                                    \
	{                                                                                          \
		path, KNOWN_BOOL, otherwise, { 0 }, NULL                                           \
	}
#define OFF_ONLY(path)                                                                             \
	{                                                                                          \
		path, KNOWN_BOOL, "false", { 0 }, "false"                                          \
	}
#define VALUE(path, type, otherwise)                                                               \
	{                                                                                          \
		path, type, otherwise, { 0 }, NULL                                                 \
	}
#define WORDS(path, otherwise, ...)                                                                \
	{                                                                                          \
		path, KNOWN_WORD, otherwise, { __VA_ARGS__ }, NULL                                 \
	}
#define MAP_SIZE(path) VALUE(path, KNOWN_NUMBER, NULL)
#define UNSET(path)    VALUE(path, KNOWN_UNSET, NULL)

/* By name: names with a part in common stand together. extraConfig holds the agent's own option names; Helm
 * copies it into the agent's configuration.
 */
const struct known values_known[] = {
	VALUE("MTU", KNOWN_NUMBER, "0"),
	ON_OFF("autoDirectNodeRoutes", "false"),
	ON_OFF("bandwidthManager.enabled", "false"),
	MAP_SIZE("bpf.authMapMax"),
	MAP_SIZE("bpf.ctAnyMax"),
	MAP_SIZE("bpf.ctTcpMax"),
	VALUE("bpf.events.default.burstLimit", KNOWN_NUMBER, "0"),
	VALUE("bpf.events.default.rateLimit", KNOWN_NUMBER, "0"),
	ON_OFF("bpf.events.drop.enabled", "true"),
	ON_OFF("bpf.events.policyVerdict.enabled", "true"),
	ON_OFF("bpf.events.trace.enabled", "true"),
	ON_OFF("bpf.hostLegacyRouting", "false"),
	ON_OFF("bpf.lbAlgorithmAnnotation", "false"),
	ON_OFF("bpf.lbExternalClusterIP", "false"),
	MAP_SIZE("bpf.lbMapMax"),
	ON_OFF("bpf.lbModeAnnotation", "false"),
	ON_OFF("bpf.lbSourceRangeAllTypes", "false"),
	ON_OFF("bpf.masquerade", "false"),
	WORDS("bpf.monitorAggregation", "medium", "none", "lowest", "low", "medium", "maximum"),
	VALUE("bpf.monitorFlags", KNOWN_FLAGS, "all"),
	VALUE("bpf.monitorInterval", KNOWN_DURATION, "5s"),
	MAP_SIZE("bpf.natMax"),
	MAP_SIZE("bpf.neighMax"),
	MAP_SIZE("bpf.nodeMapMax"),
	MAP_SIZE("bpf.policyMapMax"),
	OFF_ONLY("bpf.tproxy"),
	VALUE("bpf.vlanBypass", KNOWN_VLANS, NULL),
	VALUE("cluster.id", KNOWN_NUMBER, "0"),
	VALUE("cluster.name", KNOWN_TEXT, "default"),
	ON_OFF("debug.enabled", "false"),
	VALUE("debug.verbose", KNOWN_TEXT, ""),
	VALUE("devices", KNOWN_DEVICES, "eth0"),
	OFF_ONLY("egressGateway.enabled"),
	ON_OFF("enableIPv4Masquerade", "true"),
	ON_OFF("enableIPv6Masquerade", "true"),
	OFF_ONLY("enableMasqueradeRouteSource"),
	OFF_ONLY("encryption.enabled"),
	ON_OFF("endpointRoutes.enabled", "false"),
	ON_OFF("extraConfig.allow-icmp-frag-needed", "true"),
	VALUE("extraConfig.bpf-ct-timeout-regular-any", KNOWN_DURATION, "1m0s"),
	VALUE("extraConfig.bpf-ct-timeout-regular-tcp", KNOWN_DURATION, "2h13m20s"),
	VALUE("extraConfig.bpf-ct-timeout-regular-tcp-fin", KNOWN_DURATION, "10s"),
	VALUE("extraConfig.bpf-ct-timeout-regular-tcp-syn", KNOWN_DURATION, "1m0s"),
	VALUE("extraConfig.bpf-lb-rss-ipv4-src-cidr", KNOWN_CIDR, NULL),
	VALUE("extraConfig.bpf-lb-rss-ipv6-src-cidr", KNOWN_CIDR, NULL),
	ON_OFF("extraConfig.enable-icmp-rules", "true"),
	ON_OFF("extraConfig.enable-no-service-endpoints-routable", "true"),
	ON_OFF("extraConfig.enable-remote-node-masquerade", "false"),
	ON_OFF("extraConfig.enable-source-ip-verification", "true"),
	VALUE("extraConfig.ipv4-service-loopback-address", KNOWN_TEXT, "169.254.42.1"),
	VALUE("extraConfig.ipv6-service-loopback-address", KNOWN_TEXT, "fe80::1"),
	VALUE("extraConfig.trace-payloadlen", KNOWN_NUMBER, "128"),
	ON_OFF("hostFirewall.enabled", "false"),
	VALUE("ipMasqAgent.config.nonMasqueradeCIDRs", KNOWN_CIDRS, NULL),
	ON_OFF("ipMasqAgent.config.masqLinkLocal", "false"),
	ON_OFF("ipMasqAgent.config.masqLinkLocalIPv6", "false"),
	ON_OFF("ipMasqAgent.enabled", "false"),
	ON_OFF("ipv4.enabled", "true"),
	VALUE("ipv4NativeRoutingCIDR", KNOWN_CIDR, NULL),
	ON_OFF("ipv6.enabled", "false"),
	VALUE("ipv6NativeRoutingCIDR", KNOWN_CIDR, NULL),
	ON_OFF("kubeProxyReplacement", "false"),
	WORDS("loadBalancer.acceleration", "disabled", "disabled", "native", "best-effort"),
	WORDS("loadBalancer.algorithm", "random", "random", "maglev"),
	WORDS("loadBalancer.dsrDispatch", "opt", "opt", "geneve", "ipip"),
	{ "loadBalancer.l7.backend", KNOWN_WORD, "disabled", { "disabled" }, NULL },
	WORDS("loadBalancer.mode", "snat", "snat", "dsr", "hybrid", "annotation"),
	OFF_ONLY("loadBalancer.serviceTopology"),
	VALUE("maglev.hashSeed", KNOWN_SEED, "JLfvgnHc2kaSUFaI"),
	/* must be what the programs were built for: 16381 for those of bpf/ */
	WORDS("maglev.tableSize", "16381", "16381", "251", "509", "1021", "2039", "4093", "8191",
	      "32749", "65521", "131071"),
	OFF_ONLY("nat46x64Gateway.enabled"),
	UNSET("nodePort.addresses"),
	ON_OFF("nodePort.enabled", "false"),
	VALUE("nodePort.range", KNOWN_RANGE, "30000,32767"),
	OFF_ONLY("nodeSelectorLabels"),
	ON_OFF("policyAuditMode", "false"),
	WORDS("policyDenyResponse", "none", "none"),
	WORDS("policyEnforcementMode", "default", "default", "always", "never"),
	WORDS("routingMode", "tunnel", "native", "tunnel"),
	ON_OFF("socketLB.enabled", "false"),
	ON_OFF("socketLB.hostNamespaceOnly", "false"),
	VALUE("tunnelPort", KNOWN_NUMBER, "0"),
	WORDS("tunnelProtocol", "vxlan", "vxlan", "geneve"),
	WORDS("underlayProtocol", "ipv4", "ipv4", "ipv6"),
};

const size_t values_n_known = sizeof(values_known) / sizeof(values_known[0]);

const struct known *values_find_known(const char *path)
{
	for (size_t i = 0; i < values_n_known; i++)
		if (strcmp(values_known[i].path, path) == 0)
			return &values_known[i];
	return NULL;
}

static int check_word(struct schema_ctx *ctx, const struct known *k, const struct value *v)
{
	struct buf list = BUF_INIT;

	for (size_t i = 0; k->words[i]; i++) {
		if (value_text(v) && strcmp(k->words[i], v->text) == 0) {
			buf_free(&list);
			return 0;
		}
		buf_printf(&list, "%s%s", i ? ", " : "", k->words[i]);
	}
	err_input(ctx->err, &v->loc, "%s: expected one of %s", k->path, buf_str(&list));
	buf_free(&list);
	return -EINVAL;
}

static int check_devices(struct schema_ctx *ctx, const struct value *v)
{
	if (v->kind == VALUE_LIST && v->n == 1)
		v = v->items[0];
	if (!value_text(v) || !*v->text || strlen(v->text) > 15 || strpbrk(v->text, "+/ ,"))
		return err_input(ctx->err, &v->loc,
				 "devices: expected the name of one device, such as eth0");
	return 0;
}

static int check_cidr(struct schema_ctx *ctx, const struct known *k, const struct value *v)
{
	struct cidr net;

	if (read_cidr(ctx, v, &net))
		return err_wrap(ctx->err, "%s", k->path);
	if ((strstr(k->path, "ipv4") && net.addr.family != 4) ||
	    (strstr(k->path, "ipv6") && net.addr.family != 6))
		return err_input(ctx->err, &v->loc, "%s: %s is of the other family", k->path,
				 v->text);
	return 0;
}

static int check_cidrs(struct schema_ctx *ctx, const struct known *k, const struct value *v)
{
	if (v->kind != VALUE_LIST)
		return err_input(ctx->err, &v->loc, "%s: expected a list of networks", k->path);
	for (size_t i = 0; i < v->n; i++)
		if (check_cidr(ctx, k, v->items[i]))
			return -EINVAL;
	return 0;
}

static int check_vlans(struct schema_ctx *ctx, const struct known *k, const struct value *v)
{
	uint64_t id;

	if (v->kind != VALUE_LIST)
		return err_input(ctx->err, &v->loc, "%s: expected a list such as [100, 200]",
				 k->path);
	if (v->n > VLAN_BYPASS_MAX)
		return err_input(ctx->err, &v->loc,
				 "%s: %zu VLANs, and agents take %d: [0] stands for every VLAN",
				 k->path, v->n, VLAN_BYPASS_MAX);
	for (size_t i = 0; i < v->n; i++)
		if (read_u64(ctx, v->items[i], VLAN_MAX, &id))
			return err_wrap(ctx->err, "%s", k->path);
	return 0;
}

static int check_special(struct schema_ctx *ctx, const struct known *k, const struct value *v)
{
	struct value_range range;
	uint8_t bytes[12];
	unsigned flags;

	switch (k->type) {
	case KNOWN_CIDR:
		return check_cidr(ctx, k, v);
	case KNOWN_CIDRS:
		return check_cidrs(ctx, k, v);
	case KNOWN_VLANS:
		return check_vlans(ctx, k, v);
	case KNOWN_RANGE:
		if (value_text(v) && values_parse_range(v->text, &range))
			return 0;
		return err_input(ctx->err, &v->loc,
				 "%s: expected two ports such as \"30000,32767\"", k->path);
	case KNOWN_FLAGS:
		if (value_text(v) && values_parse_flags(v->text, &flags))
			return 0;
		return err_input(ctx->err, &v->loc,
				 "%s: expected all, or flags of TCP such as \"syn,fin,rst\"",
				 k->path);
	case KNOWN_SEED:
		if (value_text(v) && values_parse_seed(v->text, bytes))
			return 0;
		return err_input(ctx->err, &v->loc, "%s: expected 12 bytes in base64", k->path);
	default:
		if (v->kind == VALUE_LIST && !v->n)
			return 0;
		return err_input(ctx->err, &v->loc,
				 "%s is not supported: leaving it out would change verdicts",
				 k->path);
	}
}

int values_check_known(struct schema_ctx *ctx, const struct known *k, const struct value *v)
{
	struct value plain = *v;
	uint64_t n;
	bool b = false;
	int rc = 0;

	/* the agent's own options are texts in a ConfigMap: "true" is right there; so it is where Helm's own
	 * default is in quotes
	 */
	if (strncmp(k->path, "extraConfig.", 12) == 0 ||
	    strcmp(k->path, "kubeProxyReplacement") == 0)
		plain.quoted = false;
	switch (k->type) {
	case KNOWN_BOOL:
		rc = read_bool(ctx, &plain, &b);
		break;
	case KNOWN_NUMBER:
		rc = read_u64(ctx, &plain, UINT32_MAX, &n);
		break;
	case KNOWN_DURATION:
		rc = read_duration_ns(ctx, v, &n);
		break;
	case KNOWN_WORD:
		return check_word(ctx, k, v);
	case KNOWN_DEVICES:
		return check_devices(ctx, v);
	case KNOWN_TEXT:
		return v->kind == VALUE_SCALAR
			       ? 0
			       : err_input(ctx->err, &v->loc, "%s: expected text", k->path);
	default:
		return check_special(ctx, k, v);
	}
	if (!rc && k->only && k->type == KNOWN_BOOL && b != (strcmp(k->only, "true") == 0))
		return err_input(ctx->err, &v->loc,
				 "%s: %s is not supported: leaving it out would change verdicts",
				 k->path, v->text);
	return rc;
}
