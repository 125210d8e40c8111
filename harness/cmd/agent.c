/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `verdict agent`: the agent of one node as a process of its own, inside the node's namespace. With a
 * control socket it serves the netns engine; without one, a person: log on standard error, events
 * on standard output.
 */
#include <errno.h>
#include <linux/magic.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ns.h"
#include "cmd/cmd.h"
#include "engine/agentctl.h"
#include "engine/netns_attach.h"
#include "scenario/target_desc.h"
#include "scenario/yaml.h"
#include "target/agent.h"

/* Devices that programs are attached to. */
static const char *const attached[] = { "native" };

struct agent_cmd {
	struct arena *arena;
	const char *cluster, *values_file, *values_json, *node, *target_name;
	struct target_desc *target;
	struct agent_opts agent;
	int control; /* fd, -1: none */
};

/* These return non-zero for a bad value; cmd_parse() then says so with the option's text. */
static int read_map(struct agent_cmd *s, const char *value)
{
	const char *eq = strchr(value, '=');
	char *end = NULL;
	unsigned long n = eq ? strtoul(eq + 1, &end, 10) : 0;
	struct map_override *maps = (struct map_override *)s->agent.maps;

	if (!eq || eq == value || end == eq + 1 || *end || !n || n > UINT32_MAX)
		return -EINVAL;
	maps = arena_grow(s->arena, maps, s->agent.n_maps, sizeof(*maps));
	maps[s->agent.n_maps++] = (struct map_override){
		.map = arena_strndup(s->arena, value, (size_t)(eq - value)),
		.max_entries = (uint32_t)n,
	};
	s->agent.maps = maps;
	return 0;
}

static int read_gc(struct agent_cmd *s, const char *value)
{
	if (strcmp(value, "current") == 0)
		s->agent.gc = AGENT_GC_EXPIRED;
	else if (strcmp(value, "cilium-1.11") == 0)
		s->agent.gc = AGENT_GC_NO_ENDPOINT;
	else
		return -EINVAL;
	return 0;
}

static int read_mismatch(struct agent_cmd *s, const char *value)
{
	if (strcmp(value, "migrate") == 0)
		s->agent.on_map_mismatch = MAP_MISMATCH_MIGRATE;
	else if (strcmp(value, "recreate") == 0)
		s->agent.on_map_mismatch = MAP_MISMATCH_RECREATE;
	else
		return -EINVAL;
	return 0;
}

static int read_fd(struct agent_cmd *s, const char *value)
{
	char *end;
	long fd = strtol(value, &end, 10);

	if (*end || end == value || fd < 0 || fd > 1023)
		return -EINVAL;
	s->control = (int)fd;
	return 0;
}

static int got_option(void *arg, const char *name, const char *value)
{
	struct agent_cmd *s = arg;
	const struct {
		const char *name;
		const char **text;
		int (*read)(struct agent_cmd *s, const char *value);
	} options[] = {
		{ "--cluster", &s->cluster, NULL },
		{ "--values", &s->values_file, NULL },
		{ "--values-json", &s->values_json, NULL },
		{ "--node", &s->node, NULL },
		{ "--target", &s->target_name, NULL },
		{ "--objects", &s->agent.objects, NULL },
		{ "--pin-dir", &s->agent.pin_dir, NULL },
		{ "--device", &s->agent.device, NULL },
		{ "--agent", NULL, read_gc },
		{ "--on-map-mismatch", NULL, read_mismatch },
		{ "--map", NULL, read_map },
		{ "--control-fd", NULL, read_fd },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strcmp(options[i].name, name) != 0)
			continue;
		if (options[i].read)
			return options[i].read(s, value);
		*options[i].text = value;
	}
	return 0;
}

static int load_values(struct agent_cmd *s, const struct value **values, struct err *err)
{
	struct value **docs;
	size_t n = 0;
	int ret = 0;

	if (s->values_json)
		ret = yaml_parse(s->arena, s->values_json, strlen(s->values_json), "--values-json",
				 &docs, &n, err);
	else if (s->values_file)
		ret = yaml_load(s->arena, s->values_file, &docs, &n, err);
	if (!ret && n > 1)
		ret = err_input(err, &docs[1]->loc, "values are one document");
	*values = !ret && n ? docs[0] : NULL;
	return ret;
}

static int load_cluster(struct agent_cmd *s, struct cluster **out, struct err *err)
{
	const struct value *values = NULL;
	int ret = load_values(s, &values, err);

	if (!ret)
		ret = cluster_load(s->cluster, values, out, err);
	if (ret)
		return ret;
	s->agent.cluster = *out;
	s->agent.node = cluster_node_by_name(*out, s->node);
	if (!s->agent.node)
		return err_input(err, NULL, "%s has no node '%s'", s->cluster, s->node);
	if (!s->agent.device)
		s->agent.device = s->agent.node->device;
	return cluster_compile_node(*out, s->agent.node->index, err);
}

/* ifindex, MAC and MTU of the device as it is in this namespace. */
static int look_at_device(struct agent_opts *o, struct err *err)
{
	__cleanup_fd int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { 0 };

	if (sock < 0)
		return err_system(err, errno, "cannot open a socket");
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", o->device);
	if (ioctl(sock, SIOCGIFINDEX, &ifr) < 0) {
		err_system(err, errno, "device %s", o->device);
		return err_hint(err, "the agent runs inside its node's network namespace: `nsenter "
				     "--net=/run/netns/NAME verdict agent ...`");
	}
	o->ifindex = (uint32_t)ifr.ifr_ifindex;
	if (ioctl(sock, SIOCGIFMTU, &ifr) < 0)
		return err_system(err, errno, "MTU of device %s", o->device);
	o->mtu = (uint16_t)(ifr.ifr_mtu < UINT16_MAX ? ifr.ifr_mtu : UINT16_MAX);
	if (ioctl(sock, SIOCGIFHWADDR, &ifr) < 0)
		return err_system(err, errno, "MAC of device %s", o->device);
	if (ifr.ifr_hwaddr.sa_family == ARPHRD_ETHER)
		memcpy(o->mac, ifr.ifr_hwaddr.sa_data, sizeof(o->mac));
	return 0;
}

/* The nearest folder that is there already must be on a bpffs. */
static int check_pin_dir(struct arena *a, const char *dir, struct err *err)
{
	const char *at = dir;
	struct statfs fs;

	while (statfs(at, &fs) < 0) {
		if (errno != ENOENT || strcmp(at, "/") == 0 || strcmp(at, ".") == 0)
			return err_system(err, errno, "pin folder %s", dir);
		at = file_dir(a, at);
	}
	if (fs.f_type == BPF_FS_MAGIC)
		return 0;
	err_input(err, NULL, "pin folder %s is on no bpf file system", dir);
	return err_hint(err, "mount one: mount -t bpf bpf /sys/fs/bpf");
}

static int attach_at(struct agent_cmd *s, struct agent *agent, enum hook hook, struct err *err)
{
	struct agent_program p;
	int ret = agent_program_at(agent, cluster_device_of_role(s->agent.node, "native"), hook, &p,
				   err);

	if (ret == -ENOENT)
		return 0;
	if (!ret)
		ret = netns_attach(s->agent.ifindex, hook, p.fd, err);
	return ret ? err_wrap(err, "%s on %s", word_name(&words_hook, (int)hook), s->agent.device)
		   : 0;
}

static int attach(struct agent_cmd *s, struct agent *agent, struct err *err)
{
	int ret = attach_at(s, agent, HOOK_TC_INGRESS, err);

	return ret ? ret : attach_at(s, agent, HOOK_TC_EGRESS, err);
}

static void log_line(void *arg, const char *line)
{
	const struct agent_cmd *s = arg;
	struct err ignored;

	if (s->control >= 0)
		agentctl_send(s->control, AGENTCTL_LOG, line, strlen(line), &ignored);
	else
		fprintf(stderr, "%s\n", line);
}

static void print_record(void *arg, const void *record, uint32_t size)
{
	struct buf *line = arg;
	struct err err;
	struct event e;

	buf_reset(line);
	if (event_decode(record, size, &e, &err) == 0)
		event_print_monitor(line, &e);
	else
		buf_puts(line, err.text);
	while (line->len && line->data[line->len - 1] == '\n')
		line->data[--line->len] = '\0';
	puts(buf_str(line));
}

/* For a person: prints events until a signal. */
static int serve_person(struct event_ring *ring, int signals, struct err *err)
{
	struct pollfd p[2] = { { .fd = signals, .events = POLLIN },
			       { .fd = event_ring_fd(ring), .events = POLLIN } };
	__cleanup_buf struct buf line = BUF_INIT;

	for (;;) {
		uint64_t lost = 0;
		int ret;

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return err_system(err, errno, "cannot wait for events");
		ret = event_ring_read(ring, print_record, &line, &lost, err);
		if (ret)
			return ret;
		if (lost)
			printf("%llu events lost\n", (unsigned long long)lost);
		fflush(stdout);
		if (p[0].revents)
			return 0;
	}
}

static int answer_drain(int control, struct event_ring *ring, struct err *err)
{
	struct agentctl_events events = { .fd = control, .records = BUF_INIT };
	uint64_t lost = 0;
	int ret = event_ring_read(ring, agentctl_events_add, &events, &lost, err);

	if (!ret)
		ret = agentctl_events_end(&events, lost, err);
	buf_free(&events.records);
	return ret;
}

/* For the engine: until it says stop, is gone, or a signal comes. */
static int serve_engine(int control, struct event_ring *ring, int signals, struct err *err)
{
	struct pollfd p[2] = { { .fd = signals, .events = POLLIN },
			       { .fd = control, .events = POLLIN } };
	__cleanup_buf struct buf message = BUF_INIT;

	for (;;) {
		struct agentctl_msg m;
		int ret;

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return err_system(err, errno, "cannot wait for the engine");
		if (p[0].revents)
			return 0;
		ret = agentctl_recv(control, 0, &message, &m, err);
		if (ret == 0)
			continue;
		if (ret == -EPIPE || (ret == 1 && m.type == AGENTCTL_STOP))
			return 0;
		if (ret == 1 && m.type == AGENTCTL_DRAIN)
			ret = answer_drain(control, ring, err);
		if (ret < 0)
			return ret;
	}
}

static int serve(struct agent_cmd *s, struct agent *agent, int signals, struct err *err)
{
	struct event_ring *ring = agent_events(agent);
	int ret;

	if (s->control < 0)
		return serve_person(ring, signals, err);
	ret = agentctl_send(s->control, AGENTCTL_READY, NULL, 0, err);
	return ret ? ret : serve_engine(s->control, ring, signals, err);
}

/* SIGTERM and SIGINT by a descriptor: the agent ends between two things, not in the midst of one. */
static int signal_fd(struct err *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? err_system(err, errno, "cannot wait for signals") : fd;
}

static int run_agent(struct agent_cmd *s, struct err *err)
{
	__cleanup_fd int signals = signal_fd(err);
	struct cluster *cluster = NULL;
	struct agent *agent = NULL;
	int ret = signals < 0 ? signals : load_cluster(s, &cluster, err);

	s->agent.log = log_line;
	s->agent.log_arg = s;
	s->agent.roles = attached;
	s->agent.n_roles = sizeof(attached) / sizeof(attached[0]);
	if (!ret && s->target_name)
		ret = target_desc_load(s->target_name, &s->target, err);
	s->agent.target = s->target;
	if (!ret)
		ret = look_at_device(&s->agent, err);
	if (!ret)
		ret = check_pin_dir(s->arena, s->agent.pin_dir, err);
	if (!ret)
		ret = agent_start(&s->agent, &agent, err);
	if (!ret)
		ret = attach(s, agent, err);
	if (!ret)
		ret = agent_attached(agent, err);
	if (!ret)
		ret = serve(s, agent, signals, err);
	agent_stop(agent);
	target_desc_free(s->target);
	cluster_free(cluster);
	return ret;
}

static int check_settings(const struct agent_cmd *s)
{
	const struct {
		const char *name, *value;
	} needed[] = {
		{ "--cluster", s->cluster },
		{ "--node", s->node },
		{ "--pin-dir", s->agent.pin_dir },
	};

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (needed[i].value)
			continue;
		cmd_error("agent: %s is missing", needed[i].name);
		fputs("See `verdict help agent`.\n", stderr);
		return EXIT_USAGE;
	}
	return 0;
}

static int report_failure(const struct agent_cmd *s, const struct err *err)
{
	struct err ignored;

	if (s->control < 0 || agentctl_send_failed(s->control, err, &ignored))
		cmd_error("%s", err->text);
	return err_exit_code(err);
}

static int agent_main(int argc, char **argv)
{
	struct agent_cmd s = { .arena = arena_new(), .control = -1 };
	struct err err = { 0 };
	int n_rest = 0, ret;
	char **rest;

	ret = cmd_parse(&cmd_agent, argc, argv, got_option, &s, &rest, &n_rest);
	if (ret < 0)
		ret = EXIT_AS_EXPECTED;
	else if (!ret && n_rest)
		ret = cmd_usage_error(&cmd_agent, rest[0]);
	else if (!ret && !(ret = check_settings(&s)) && run_agent(&s, &err))
		ret = report_failure(&s, &err);
	arena_free(s.arena);
	return ret;
}

static const struct cmd_option agent_options[] = {
	{ "--cluster", "DIR", "folder of the cluster's manifests and values.yaml" },
	{ "--node", "NAME", "the node of the cluster whose agent this is" },
	{ "--pin-dir", "DIR", "folder on a bpffs for its maps, made if it is not there" },
	{ "--device", "NAME", "the native device; default: the cluster's" },
	{ "--target", "NAME", "target file: which program sits where; default: verdict" },
	{ "--objects", "DIR", "folder of the objects; default: the target's" },
	{ "--values", "FILE", "laid over the cluster's values.yaml" },
	{ "--values-json", "TEXT", "the same, as text" },
	{ "--agent", "RELEASE",
	  "current, or cilium-1.11: the first collection deletes every conntrack entry whose "
	  "addresses belong to no endpoint" },
	{ "--on-map-mismatch", "HOW", "migrate (default), or recreate: replace by an empty map" },
	{ "--map", "NAME=MAX", "another size for a map, as in cilium_ct4_global=65536" },
	{ "--control-fd", "N", "number of an open socket on which the netns engine is served" },
	{ NULL, NULL, NULL },
};

const struct command cmd_agent = {
	.name = "agent",
	.args = "--cluster DIR --node NAME --pin-dir DIR [options]",
	.summary = "Run one node's agent inside its network namespace (the netns engine does)",
	.text = "Loads the datapath's programs with the node's configuration, pins their maps, "
		"writes "
		"the cluster's entries, attaches the programs to the native device by clsact, and "
		"prints events as `cilium monitor` does until SIGTERM or SIGINT. Maps and attached "
		"programs stay when it ends; started again, it takes them over.",
	.options = agent_options,
	.hidden = true,
	.run = agent_main,
};
