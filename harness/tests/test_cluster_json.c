/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `verdict cluster show --json`: as its schema says, and as the manifests of two-nodes say. */
#include <criterion/criterion.h>
#include <unistd.h>

#include "files.h"
#include "json_schema.h"

static json_t *shown(const char *options)
{
	const char *env = getenv("VERDICT");
	char command[256];
	json_error_t e;
	json_t *doc;
	FILE *from;

	cr_assert_eq(chdir(files_source_root()), 0);
	snprintf(command, sizeof(command), "%s cluster show --json %s", env ? env : "build/verdict",
		 options);
	from = popen(command, "r");
	cr_assert(from != NULL);
	doc = json_loadf(from, JSON_REJECT_DUPLICATES, &e);
	cr_assert(doc != NULL, "%s: %s", command, e.text);
	cr_assert_eq(pclose(from), 0);
	return doc;
}

static void is_as_the_schema_says(const json_t *doc)
{
	json_error_t e;
	json_t *schema = json_load_file("reports/cluster.schema.json", JSON_REJECT_DUPLICATES, &e);
	char why[1024];

	cr_assert(schema != NULL, "%s", e.text);
	cr_expect(schema_valid(schema, schema, doc, "", why, sizeof(why)), "%s", why);
	json_decref(schema);
}

/* The one of a list whose field has that value. */
static json_t *one(const json_t *doc, const char *list, const char *field, const char *value)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(doc, list), i, item)
	{
		const char *is = json_string_value(json_object_get(item, field));

		if (is && strcmp(is, value) == 0)
			return item;
	}
	cr_assert(false, "no %s with %s %s", list, field, value);
	return NULL;
}

static const char *text_at(const json_t *o, const char *list, size_t i)
{
	return json_string_value(json_array_get(json_object_get(o, list), i));
}

Test(cluster_json, says_what_the_manifests_of_two_nodes_say)
{
	json_t *doc = shown("fixtures/clusters/two-nodes"), *web, *port, *backend;

	is_as_the_schema_says(doc);
	cr_expect_eq(json_array_size(json_object_get(doc, "nodes")), 2);
	cr_expect_str_eq(text_at(one(doc, "nodes", "name", "node-2"), "addresses", 0),
			 "192.168.10.2");
	web = one(doc, "services", "name", "web-2");
	cr_expect_str_eq(text_at(web, "cluster_ips", 0), "10.96.0.24");
	port = json_array_get(json_object_get(web, "ports"), 0);
	cr_expect_eq(json_integer_value(json_object_get(port, "node_port")), 30082);
	backend = json_array_get(json_object_get(port, "backends"), 0);
	cr_expect_str_eq(json_string_value(json_object_get(backend, "address")), "10.0.2.30");
	cr_expect_eq(json_integer_value(json_object_get(backend, "port")), 8080);
	cr_expect_str_eq(json_string_value(json_object_get(backend, "state")), "active");
	cr_expect(json_is_null(json_object_get(doc, "entries")));
	json_decref(doc);
}

Test(cluster_json, rules_have_their_manifest_line)
{
	json_t *doc = shown("--node master-0 fixtures/clusters/two-masters"), *host, *rule, *port;

	is_as_the_schema_says(doc);
	cr_expect_eq(json_array_size(json_object_get(doc, "nodes")), 1);
	host = one(doc, "endpoints", "name", "host");
	cr_expect(json_is_true(json_object_get(host, "ingress_enforced")));
	cr_expect(json_is_false(json_object_get(host, "egress_enforced")));
	rule = json_array_get(json_object_get(host, "rules"), 0);
	cr_expect_str_eq(json_string_value(json_object_get(rule, "name")), "masters-etcd-only");
	cr_expect_eq(json_integer_value(json_object_get(rule, "line")), 13);
	port = json_array_get(json_object_get(rule, "ports"), 0);
	cr_expect_eq(json_integer_value(json_object_get(port, "port")), 2379);
	json_decref(doc);
}

Test(cluster_json, entries_are_there_where_they_are_asked_for)
{
	json_t *doc = shown("--maps fixtures/clusters/two-masters"), *entry;

	is_as_the_schema_says(doc);
	entry = one(doc, "entries", "map", "cilium_ipcache_v2");
	cr_expect(json_is_object(json_object_get(entry, "key")));
	cr_expect(json_object_get(json_object_get(entry, "value"), "sec_identity") != NULL);
	json_decref(doc);
}
