/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <string.h>

#include "cluster/config.h"
#include "scenario/values.h"

static bool is_on(const struct cluster *c, const char *path)
{
	return values_bool(c->manifests.values, path);
}

static bool says(const struct cluster *c, const char *path, const char *word)
{
	return values_is(c->manifests.values, path, word);
}

bool config_tunnels(const struct cluster *c)
{
	return says(c, "routingMode", "tunnel");
}

bool config_serves_node_ports(const struct cluster *c)
{
	return is_on(c, "kubeProxyReplacement") || is_on(c, "nodePort.enabled");
}

bool config_uses_dsr(const struct cluster *c)
{
	return config_serves_node_ports(c) &&
	       (!says(c, "loadBalancer.mode", "snat") || is_on(c, "bpf.lbModeAnnotation"));
}

bool config_has_tunnel_device(const struct cluster *c)
{
	return config_tunnels(c) ||
	       (config_uses_dsr(c) && says(c, "loadBalancer.dsrDispatch", "geneve"));
}

bool config_family(const struct cluster *c, unsigned family)
{
	return is_on(c, family == 4 ? "ipv4.enabled" : "ipv6.enabled");
}

bool config_masquerades(const struct cluster *c, unsigned family)
{
	return is_on(c, "bpf.masquerade") && config_family(c, family) &&
	       is_on(c, family == 4 ? "enableIPv4Masquerade" : "enableIPv6Masquerade");
}

const struct ip_addr *node_address(const struct cluster_node *n, unsigned family)
{
	for (size_t i = 0; i < n->n_ips; i++)
		if (n->ips[i].family == family)
			return &n->ips[i];
	return NULL;
}

const struct ip_addr *router_address(const struct cluster_node *n, unsigned family)
{
	for (size_t i = 0; i < n->n_router_ips; i++)
		if (n->router_ips[i].family == family)
			return &n->router_ips[i];
	return NULL;
}

const struct ip_addr *tunnel_address(const struct cluster *c, const struct cluster_node *n)
{
	const struct ip_addr *ip = node_address(n, says(c, "underlayProtocol", "ipv6") ? 6 : 4);

	return ip ? ip : &n->ips[0];
}

static const struct loc *loc_of(const struct cluster *c, const char *path)
{
	const struct value *v = value_path(c->manifests.values, path);

	return v ? &v->loc : NULL;
}

/* As an agent refuses to start, or would drop what it cannot send back. */
static int check_dsr(const struct cluster *c, struct err *err)
{
	bool geneve = says(c, "loadBalancer.dsrDispatch", "geneve");

	if (!config_uses_dsr(c))
		return 0;
	if (geneve && !says(c, "tunnelProtocol", "geneve"))
		return err_input(err, loc_of(c, "loadBalancer.dsrDispatch"),
				 "loadBalancer.dsrDispatch geneve needs tunnelProtocol geneve");
	if (!geneve && config_tunnels(c))
		return err_input(err, loc_of(c, "loadBalancer.mode"),
				 "DSR through a tunnel needs loadBalancer.dsrDispatch geneve");
	return 0;
}

static int check_native(const struct cluster *c, unsigned family, struct err *err)
{
	const char *path = family == 4 ? "ipv4NativeRoutingCIDR" : "ipv6NativeRoutingCIDR";
	struct cidr net;

	if (config_tunnels(c) || !config_masquerades(c, family) ||
	    is_on(c, "ipMasqAgent.enabled") || values_cidr(c->manifests.values, path, &net))
		return 0;
	return err_input(err, loc_of(c, "routingMode"),
			 "native routing with bpf.masquerade needs %s or ipMasqAgent: else pods "
			 "would be masqueraded to each other",
			 path);
}

int check_config(const struct cluster *c, struct err *err)
{
	int ret = check_dsr(c, err);

	if (!ret)
		ret = check_native(c, 4, err);
	if (!ret)
		ret = check_native(c, 6, err);
	if (!ret && !config_family(c, 4) && !config_family(c, 6))
		return err_input(err, loc_of(c, "ipv4.enabled"),
				 "neither ipv4.enabled nor ipv6.enabled");
	return ret;
}
