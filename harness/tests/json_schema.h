/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Enough of JSON Schema 2020-12 to hold a report against reports/schema.json: type, const, enum, minimum,
 * pattern, properties, required, additionalProperties: false, items, anyOf, $ref to #/$defs, or to those of
 * schema.json. A keyword
 * it does not know fails, so that the schema cannot promise what nobody checks.
 */
#ifndef VERDICT_TESTS_JSON_SCHEMA_H
#define VERDICT_TESTS_JSON_SCHEMA_H

#include <jansson.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* false: where and why are in text */
static bool schema_valid(const json_t *root, const json_t *schema, const json_t *v,
			 const char *where, char *text, size_t size);

static const char *schema_type(const json_t *v)
{
	return json_is_object(v)    ? "object"
	       : json_is_array(v)   ? "array"
	       : json_is_string(v)  ? "string"
	       : json_is_integer(v) ? "integer"
	       : json_is_boolean(v) ? "boolean"
	       : json_is_null(v)    ? "null"
				    : "number";
}

static bool schema_one_of(const json_t *list, const json_t *v)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) if (json_equal(item, v)) return true;
	return false;
}

static bool schema_type_fits(const json_t *type, const json_t *v)
{
	json_t *name = json_string(schema_type(v));
	bool fits = json_is_array(type) ? schema_one_of(type, name) : json_equal(type, name);

	json_decref(name);
	return fits;
}

static bool schema_pattern_fits(const char *pattern, const json_t *v)
{
	regex_t re;
	bool fits;

	if (!json_is_string(v))
		return true;
	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB))
		return false;
	fits = regexec(&re, json_string_value(v), 0, NULL, 0) == 0;
	regfree(&re);
	return fits;
}

static bool schema_object_fits(const json_t *root, const json_t *schema, const json_t *v,
			       const char *where, char *text, size_t size)
{
	const json_t *props = json_object_get(schema, "properties"), *need, *item;
	const char *key;
	char at[512];
	size_t i;

	json_array_foreach(json_object_get(schema, "required"), i, need)
	{
		if (!json_object_get(v, json_string_value(need))) {
			snprintf(text, size, "%s lacks %s", where, json_string_value(need));
			return false;
		}
	}
	json_object_foreach((json_t *)v, key, item)
	{
		snprintf(at, sizeof(at), "%.400s/%s", where, key);
		if (!json_object_get(props, key)) {
			snprintf(text, size, "%s is in no schema", at);
			return false;
		}
		if (!schema_valid(root, json_object_get(props, key), item, at, text, size))
			return false;
	}
	return true;
}

/* "#/$defs/NAME" of this schema, "schema.json#/$defs/NAME" of that of runs. */
static bool schema_ref_fits(const json_t *root, const char *ref, const json_t *v, const char *where,
			    char *text, size_t size)
{
	static json_t *runs;

	if (ref[0] != '#') {
		if (!runs)
			runs = json_load_file("reports/schema.json", JSON_REJECT_DUPLICATES, NULL);
		root = runs;
	}
	return schema_valid(root,
			    json_object_get(json_object_get(root, "$defs"), strrchr(ref, '/') + 1),
			    v, where, text, size);
}

static bool schema_keyword(const json_t *root, const char *word, const json_t *arg,
			   const json_t *schema, const json_t *v, const char *where, char *text,
			   size_t size)
{
	const json_t *item;
	char at[512];
	size_t i;

	if (strcmp(word, "$ref") == 0)
		return schema_ref_fits(root, json_string_value(arg), v, where, text, size);
	if (strcmp(word, "anyOf") == 0) {
		json_array_foreach(arg, i, item) if (schema_valid(root, item, v, where, text,
								  size)) return true;
		return false;
	}
	if (strcmp(word, "items") == 0) {
		json_array_foreach(v, i, item)
		{
			snprintf(at, sizeof(at), "%.400s/%zu", where, i);
			if (!schema_valid(root, arg, item, at, text, size))
				return false;
		}
		return true;
	}
	if (strcmp(word, "properties") == 0)
		return schema_object_fits(root, schema, v, where, text, size);
	if (strcmp(word, "type") == 0)
		return schema_type_fits(arg, v);
	if (strcmp(word, "const") == 0)
		return json_equal(arg, v);
	if (strcmp(word, "enum") == 0)
		return schema_one_of(arg, v);
	if (strcmp(word, "minimum") == 0)
		return !json_is_integer(v) || json_integer_value(v) >= json_integer_value(arg);
	if (strcmp(word, "pattern") == 0)
		return schema_pattern_fits(json_string_value(arg), v);
	return strcmp(word, "description") == 0 || strcmp(word, "title") == 0 ||
	       strcmp(word, "required") == 0 || strcmp(word, "additionalProperties") == 0 ||
	       strcmp(word, "$schema") == 0 || strcmp(word, "$defs") == 0;
}

static bool schema_valid(const json_t *root, const json_t *schema, const json_t *v,
			 const char *where, char *text, size_t size)
{
	const json_t *arg;
	const char *word;

	if (!schema) {
		snprintf(text, size, "%s: a $ref to nothing", where);
		return false;
	}
	json_object_foreach((json_t *)schema, word, arg)
	{
		text[0] = '\0';
		if (schema_keyword(root, word, arg, schema, v, where, text, size))
			continue;
		if (!text[0])
			snprintf(text, size, "%s: %s does not hold", where, word);
		return false;
	}
	return true;
}

#endif
