/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Label selectors, read and matched as Kubernetes does; keys may carry Cilium's label source. */
#include <errno.h>
#include <string.h>

#include "base/words.h"
#include "scenario/kinds.h"

static const struct word op_list[] = { { SELECT_IN, "In", NULL },
				       { SELECT_NOT_IN, "NotIn", NULL },
				       { SELECT_EXISTS, "Exists", NULL },
				       { SELECT_NOT_EXISTS, "DoesNotExist", NULL } };

static struct selector_term *add_term(struct schema_ctx *ctx, struct selector *s)
{
	struct selector_term *t;

	s->terms = arena_grow(ctx->arena, s->terms, s->n, sizeof(*s->terms));
	t = &s->terms[s->n++];
	memset(t, 0, sizeof(*t));
	return t;
}

/* "k8s:app" and "any:app" are "app" here; "reserved:host" stays; labels of other sources are in no
 * manifest we read.
 */
static int read_key(struct schema_ctx *ctx, const struct value *v, const char **key)
{
	const char *colon;
	size_t len;

	if (read_string(ctx, v, key))
		return -EINVAL;
	colon = strchr(*key, ':');
	len = colon ? (size_t)(colon - *key) : 0;
	if (len == 3 && (strncmp(*key, "k8s", 3) == 0 || strncmp(*key, "any", 3) == 0))
		*key = colon + 1;
	else if (colon && !(len == 8 && strncmp(*key, "reserved", 8) == 0))
		return err_input(ctx->err, &v->loc,
				 "labels of the source '%.*s' are not supported: leaving it out "
				 "would change verdicts",
				 (int)len, *key);
	return 0;
}

static int add_value(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct selector_term *t = out;

	if (v->kind != VALUE_SCALAR && v->kind != VALUE_NULL)
		return err_input(ctx->err, &v->loc, "expected a label's value");
	t->values = arena_grow(ctx->arena, t->values, t->n_values, sizeof(*t->values));
	t->values[t->n_values++] = v->text ? v->text : "";
	return 0;
}

static int match_labels(struct schema_ctx *ctx, const struct value *v, void *out)
{
	if (v->kind == VALUE_NULL)
		return 0;
	if (v->kind != VALUE_MAP)
		return err_input(ctx->err, &v->loc, "matchLabels: expected a map of labels");
	for (size_t i = 0; i < v->n; i++) {
		struct selector_term *t = add_term(ctx, out);

		t->op = SELECT_IN;
		if (read_key(ctx, v->keys[i], &t->key) || add_value(ctx, v->items[i], t))
			return -EINVAL;
	}
	return 0;
}

static int term_key(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_key(ctx, v, &((struct selector_term *)out)->key);
}

static int term_operator(struct schema_ctx *ctx, const struct value *v, void *out)
{
	for (size_t i = 0; i < sizeof(op_list) / sizeof(op_list[0]); i++) {
		if (value_text(v) && strcmp(op_list[i].name, v->text) == 0) {
			((struct selector_term *)out)->op = (enum selector_op)op_list[i].number;
			return 0;
		}
	}
	return err_input(ctx->err, &v->loc,
			 "expected the operator In, NotIn, Exists or DoesNotExist");
}

static int term_values(struct schema_ctx *ctx, const struct value *v, void *out)
{
	if (v->kind == VALUE_NULL)
		return 0;
	if (v->kind != VALUE_LIST)
		return err_input(ctx->err, &v->loc, "values: expected a list");
	for (size_t i = 0; i < v->n; i++)
		if (add_value(ctx, v->items[i], out))
			return -EINVAL;
	return 0;
}

static const struct schema schema_term = {
	"matchExpressions", "",
	(const struct schema_key[]){ { "key", true, "", "", "the label", "", term_key },
				     { "operator", true, "", "",
				       "In, NotIn, Exists or DoesNotExist", "", term_operator },
				     { "values", false, "", "", "", "", term_values },
				     { 0 } }
};

static int match_expressions(struct schema_ctx *ctx, const struct value *v, void *out)
{
	if (v->kind == VALUE_NULL)
		return 0;
	if (v->kind != VALUE_LIST)
		return err_input(ctx->err, &v->loc, "matchExpressions: expected a list");
	for (size_t i = 0; i < v->n; i++) {
		struct selector_term *t = add_term(ctx, out);
		bool takes_values;

		if (schema_bind(ctx, &schema_term, v->items[i], t))
			return -EINVAL;
		takes_values = t->op == SELECT_IN || t->op == SELECT_NOT_IN;
		if (takes_values != (t->n_values > 0))
			return err_input(ctx->err, &v->items[i]->loc, "%s takes %s values",
					 op_list[t->op].name, takes_values ? "one or more" : "no");
	}
	return 0;
}

static const struct schema schema_selector = {
	"selector", "",
	(const struct schema_key[]){
		{ "matchLabels", false, "", "", "", "", match_labels },
		{ "matchExpressions", false, "", "", "", "", match_expressions },
		{ 0 } }
};

int read_selector(struct schema_ctx *ctx, const struct value *v, struct selector *out)
{
	memset(out, 0, sizeof(*out));
	out->loc = v->loc;
	return schema_bind(ctx, &schema_selector, v, out);
}

static bool one_of(const struct selector_term *t, const char *value)
{
	for (size_t i = 0; value && i < t->n_values; i++)
		if (strcmp(t->values[i], value) == 0)
			return true;
	return false;
}

bool selector_matches(const struct selector *s, const struct labels *l)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct selector_term *t = &s->terms[i];
		const char *value = labels_get(l, t->key);
		bool holds = t->op == SELECT_IN	      ? one_of(t, value)
			     : t->op == SELECT_NOT_IN ? !one_of(t, value)
			     : t->op == SELECT_EXISTS ? value != NULL
						      : value == NULL;

		if (!holds)
			return false;
	}
	return true;
}
