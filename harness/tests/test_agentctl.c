/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Messages between engine and agent, and what a hop's events say of it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/agentctl.h"
#include "engine/hop_events.h"

Test(agentctl, a_message_arrives_with_type_and_bytes)
{
	__cleanup_buf struct buf into = BUF_INIT;
	struct agentctl_msg m;
	struct err err = { 0 };
	int fds[2];

	cr_assert_eq(agentctl_pair(fds, &err), 0);
	cr_expect_eq(agentctl_recv(fds[0], 0, &into, &m, &err), 0, "a message out of nothing");
	cr_assert_eq(agentctl_send(fds[1], AGENTCTL_LOG, "level=info", 10, &err), 0);
	cr_assert_eq(agentctl_recv(fds[0], 1000, &into, &m, &err), 1);
	cr_expect_eq(m.type, AGENTCTL_LOG);
	cr_expect_eq(m.len, 10);
	cr_expect_str_eq((const char *)m.data, "level=info");
	cr_assert_eq(agentctl_send(fds[1], AGENTCTL_READY, NULL, 0, &err), 0);
	cr_assert_eq(agentctl_recv(fds[0], 1000, &into, &m, &err), 1);
	cr_expect_eq(m.len, 0);
	close(fds[0]);
	close(fds[1]);
}

Test(agentctl, a_closed_socket_is_told_from_an_error)
{
	__cleanup_buf struct buf into = BUF_INIT;
	struct agentctl_msg m;
	struct err err = { 0 };
	int fds[2];

	cr_assert_eq(agentctl_pair(fds, &err), 0);
	close(fds[1]);
	cr_expect_eq(agentctl_recv(fds[0], 1000, &into, &m, &err), -EPIPE);
	cr_expect_eq(agentctl_send(fds[0], AGENTCTL_DRAIN, NULL, 0, &err), -EPIPE);
	close(fds[0]);
}

Test(agentctl, a_failure_keeps_its_kind_and_text)
{
	__cleanup_buf struct buf into = BUF_INIT;
	struct err why = { 0 }, got = { 0 }, err = { 0 };
	struct agentctl_msg m;
	int fds[2];

	cr_assert_eq(agentctl_pair(fds, &err), 0);
	err_input(&why, NULL, "values.yaml:3: no such key 'x'");
	cr_assert_eq(agentctl_send_failed(fds[1], &why, &err), 0);
	cr_assert_eq(agentctl_recv(fds[0], 1000, &into, &m, &err), 1);
	cr_assert_eq(m.type, AGENTCTL_FAILED);
	agentctl_read_failed(&m, &got);
	cr_expect_eq(got.kind, ERR_INPUT);
	cr_expect_str_eq(got.text, why.text);
	cr_expect_eq(got.no, why.no);
	close(fds[0]);
	close(fds[1]);
}

struct collected {
	unsigned n;
	uint32_t bytes;
	bool in_order;
};

static void collect(void *arg, const void *record, uint32_t size)
{
	struct collected *c = arg;
	uint32_t number;

	memcpy(&number, record, sizeof(number));
	c->in_order &= number == c->n;
	c->n++;
	c->bytes += size;
}

Test(agentctl, more_events_than_fit_one_message_all_arrive_in_order_with_the_lost)
{
	__cleanup_buf struct buf into = BUF_INIT;
	struct collected c = { .in_order = true };
	struct agentctl_events out = { .records = BUF_INIT };
	uint8_t record[200] = { 0 };
	struct err err = { 0 };
	unsigned messages = 0;
	uint64_t lost = 0;
	bool last = false;
	int fds[2];

	cr_assert_eq(agentctl_pair(fds, &err), 0);
	out.fd = fds[1];
	for (uint32_t i = 0; i < 500; i++) { /* 100 KB */
		memcpy(record, &i, sizeof(i));
		agentctl_events_add(&out, record, sizeof(record));
	}
	cr_assert_eq(agentctl_events_end(&out, 7, &err), 0, "%s", err.text);
	while (!last) {
		struct agentctl_msg m;

		cr_assert_eq(agentctl_recv(fds[0], 1000, &into, &m, &err), 1);
		cr_assert_eq(agentctl_read_events(&m, collect, &c, &lost, &last, &err), 0);
		messages++;
	}
	cr_expect_gt(messages, 1);
	cr_expect_eq(c.n, 500);
	cr_expect_eq(c.bytes, 500 * sizeof(record));
	cr_expect(c.in_order);
	cr_expect_eq(lost, 7);
	buf_free(&out.records);
	close(fds[0]);
	close(fds[1]);
}

static void ignore(void *arg, const void *record, uint32_t size)
{
	volatile uint8_t sum = 0;

	(void)arg;
	for (uint32_t i = 0; i < size; i++)
		sum += ((const uint8_t *)record)[i];
}

Test(agentctl, bytes_that_are_no_message_are_refused_and_never_read_past_their_end)
{
	__cleanup_buf struct buf into = BUF_INIT;
	struct agentctl_msg m;
	struct err err = { 0 };
	int fds[2];

	srand(1);
	cr_assert_eq(agentctl_pair(fds, &err), 0);
	for (int i = 0; i < 20000; i++) {
		uint32_t words[24];
		size_t len = (size_t)rand() % sizeof(words) + 1;
		uint64_t lost = 0;
		bool last;
		int ret;

		for (size_t j = 0; j < 24; j++)
			words[j] = rand() % 3 ? (uint32_t)rand() % 40 : (uint32_t)rand();
		words[0] = (uint32_t)rand() % 9; /* 0, 7, 8: no type */
		cr_assert_eq(send(fds[1], words, len, 0), (ssize_t)len);
		ret = agentctl_recv(fds[0], 1000, &into, &m, &err);
		cr_assert(ret == 1 || ret == -EPROTO, "%d", ret);
		if (ret == 1 && m.type == AGENTCTL_EVENTS)
			agentctl_read_events(&m, ignore, NULL, &lost, &last, &err);
		if (ret == 1 && m.type == AGENTCTL_FAILED)
			agentctl_read_failed(&m, &err);
		if (len < 4)
			cr_assert_eq(ret, -EPROTO);
	}
	close(fds[0]);
	close(fds[1]);
}

static struct hop hop_of(const struct event *events, size_t n)
{
	struct hop hop = { .ct = CT_STATE_REPLY, .drop_reason = 1, .src_identity = 99 };

	hop_take_events(&hop, events, n);
	return hop;
}

Test(hop_events, without_events_nothing_is_known)
{
	struct hop hop = hop_of(NULL, 0);

	cr_expect_eq(hop.ct, CT_STATE_UNKNOWN);
	cr_expect_not(hop.has_identities);
	cr_expect_eq(hop.drop_reason, 0);
}

Test(hop_events, the_last_trace_that_knows_the_state_tells_it)
{
	/* from-network does not know yet (reason 5), to-host does */
	struct event e[] = {
		{ .type = EVENT_TRACE, .subtype = 10, .reason = 5, .src_identity = 7 },
		{ .type = EVENT_TRACE,
		  .subtype = 2,
		  .reason = 2,
		  .src_identity = 7,
		  .dst_identity = 1 },
	};
	struct hop hop = hop_of(e, 2);

	cr_expect_eq(hop.ct, CT_STATE_REPLY);
	cr_expect(hop.has_identities);
	cr_expect_eq(hop.src_identity, 7);
	cr_expect_eq(hop.dst_identity, 1);
	cr_expect_eq(hop_of(e, 1).ct, CT_STATE_UNKNOWN);
}

Test(hop_events, a_policy_drop_means_that_the_packet_was_new)
{
	static const int policy[] = { 133, 181, 189 };
	struct event e = { .type = EVENT_DROP, .line = 48, .file = 2 };

	for (size_t i = 0; i < 3; i++) {
		e.subtype = (uint8_t)policy[i];
		cr_expect_eq(hop_of(&e, 1).ct, CT_STATE_NEW, "reason %d", policy[i]);
	}
	e.subtype = 134; /* invalid packet: conntrack was not even asked */
	cr_expect_eq(hop_of(&e, 1).ct, CT_STATE_UNKNOWN);
	cr_expect_eq(hop_of(&e, 1).drop_reason, 134);
	cr_expect_eq(hop_of(&e, 1).drop_line, 48);
	cr_expect_eq(hop_of(&e, 1).drop_file, 2);
}

Test(hop_events, a_policy_verdict_means_new_and_an_identity_is_never_unlearnt)
{
	struct event e[] = {
		{ .type = EVENT_TRACE, .reason = 5, .src_identity = 7, .dst_identity = 1 },
		{ .type = EVENT_POLICY_VERDICT, .direction = 1, .src_identity = 6 },
		{ .type = EVENT_DEBUG, .src_identity = 12345, .reason = 1 },
	};
	struct hop hop = hop_of(e, 3);

	cr_expect_eq(hop.ct, CT_STATE_NEW);
	cr_expect_eq(hop.src_identity, 6);
	cr_expect_eq(hop.dst_identity, 1);
}
