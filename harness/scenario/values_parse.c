/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Helm values that have a form of their own. */
#include <stdlib.h>
#include <string.h>

#include "scenario/values.h"

static bool parse_port(const char **text, uint16_t *out)
{
	unsigned long n;
	char *end;

	*text += strspn(*text, " ");
	if (**text < '0' || **text > '9')
		return false;
	n = strtoul(*text, &end, 10);
	*text = end + strspn(end, " ");
	*out = (uint16_t)n;
	return n > 0 && n <= 65535;
}

bool values_parse_range(const char *text, struct value_range *out)
{
	if (!parse_port(&text, &out->first) || *text++ != ',' || !parse_port(&text, &out->last))
		return false;
	return !*text && out->first < out->last;
}

static bool flag_bit(const char *name, size_t len, unsigned *out)
{
	static const char *const names[] = {
		"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"
	};

	for (unsigned i = 0; i < 8; i++) {
		if (strlen(names[i]) == len && strncmp(names[i], name, len) == 0) {
			*out |= 1u << i;
			return true;
		}
	}
	return false;
}

bool values_parse_flags(const char *text, unsigned *out)
{
	*out = 0;
	if (strcmp(text, "all") == 0) {
		*out = 0xff;
		return true;
	}
	for (text += strspn(text, ", "); *text; text += strspn(text, ", ")) {
		size_t len = strcspn(text, ", ");

		if (!flag_bit(text, len, out))
			return false;
		text += len;
	}
	return *out;
}

/* 12 bytes are 16 characters, without padding. */
bool values_parse_seed(const char *text, uint8_t out[12])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	if (strlen(text) != 16)
		return false;
	for (int i = 0; i < 4; i++) {
		uint32_t three = 0;

		for (int j = 0; j < 4; j++) {
			const char *at = strchr(digits, text[4 * i + j]);

			if (!at)
				return false;
			three = three << 6 | (uint32_t)(at - digits);
		}
		out[3 * i] = (uint8_t)(three >> 16);
		out[3 * i + 1] = (uint8_t)(three >> 8);
		out[3 * i + 2] = (uint8_t)three;
	}
	return true;
}
