// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* ICMP errors about flows through services: who gets one finds in it the packet that he has sent. Whole
 * packets are compared: all checksums, those of the quote included, are as if computed anew.
 */
#include "lb_lab.h"

enum { ALL = 1500, LEAST = 28 /* of IPv4: a header and eight bytes */, LEAST6 = 48 };

/* "Port unreachable", or a router's "too big" with an MTU. */
static struct pkt error_from(const char *src, const char *dst, const struct pkt *about,
			     bool too_big, uint32_t quoted)
{
	struct pkt p;

	put_eth(&p, v6 ? 0x86dd : 0x0800);
	if (v6)
		put_error(&p, src, dst, too_big ? 2 : 1, too_big ? 0 : 4, too_big ? 1300 : 0, about,
			  quoted);
	else
		put_error(&p, src, dst, 3, too_big ? 4 : 3, too_big ? 1300 : 0, about, quoted);
	return p;
}

struct case_ {
	int proto;
	uint32_t quoted;
	bool too_big;
};

static const struct case_ cases[] = {
	{ TCP, ALL, true },  { TCP, LEAST, true }, { UDP, ALL, true },	  { UDP, LEAST, true },
	{ TCP, ALL, false }, { UDP, ALL, false },  { UDP, LEAST, false }, { TCP, LEAST, false },
};

#define N_CASES (sizeof(cases) / sizeof(cases[0]))

static uint32_t quote_of(const struct case_ *c)
{
	return c->quoted == LEAST && v6 ? (uint32_t)LEAST6 : c->quoted;
}

static void services(void)
{
	put_backend(1, ONE, 8080, 0);
	put_backend(2, POD, 8080, 0);
	put_service((struct svc){ .proto = TCP, .first = 1, .count = 1 });
	put_service((struct svc){ .proto = UDP, .first = 1, .count = 1 });
	put_service((struct svc){ .address = OTHER, .index = 11, .first = 2, .count = 1 });
}

static struct flow flow(int proto, const char *src, int sport, const char *dst, int dport)
{
	return (struct flow){ proto, src, sport, dst, dport, ACK };
}

/* The pod sent to the service, the backend or a router before it complains. */
static void about_a_request(const struct case_ *c, const char *from, const char *from_then)
{
	struct pkt sent = packet(flow(c->proto, POD, 40000, SERVICE, 80));
	struct pkt quoted = packet(flow(c->proto, POD, 40000, ONE, 8080));
	struct pkt want = error_from(from_then, POD, &sent, c->too_big, quote_of(c));

	send_packet("pod", "ingress", sent);
	expect_bytes(&quoted);
	send_packet("pod", "egress", error_from(from, POD, &quoted, c->too_big, quote_of(c)));
	expect_bytes(&want);
	lab_expect_complete(lab);
}

Test(lb_errors, about_what_a_client_sent_quote_what_he_sent, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		services();
		for (size_t i = 0; i < N_CASES; i++) {
			about_a_request(&cases[i], ROUTER, ROUTER);
			about_a_request(&cases[i], ONE, SERVICE);
		}
	}
	lab_close(lab);
}

/* The backend answered, and a router towards the client or the client itself complains: to the service. */
static void about_an_answer(const struct case_ *c, const char *from)
{
	struct pkt answer = packet(flow(c->proto, ONE, 8080, POD, 40000));
	struct pkt quoted = packet(flow(c->proto, SERVICE, 80, POD, 40000));
	struct pkt want = error_from(from, ONE, &answer, c->too_big, quote_of(c));

	send_packet("pod", "ingress", packet(flow(c->proto, POD, 40000, SERVICE, 80)));
	send_packet("pod", "ingress", error_from(from, SERVICE, &quoted, c->too_big, quote_of(c)));
	expect_bytes(&want);
	lab_expect_complete(lab);
}

Test(lb_errors, about_answers_reach_the_backend_that_answered, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		services();
		for (size_t i = 0; i < N_CASES; i++) {
			about_an_answer(&cases[i], POD);
			about_an_answer(&cases[i], ROUTER);
		}
	}
	lab_close(lab);
}

Test(lb_errors, of_the_world_about_answers_do_so_too, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		struct pkt quoted, answer, want;

		put_pair(1, ", flags: 64");
		send_packet("wire", "ingress", packet(flow(TCP, CLIENT, 50000, SERVICE, 80)));
		quoted = packet(flow(TCP, SERVICE, 80, CLIENT, 50000));
		answer = packet(flow(TCP, ONE, 8080, CLIENT, 50000));
		want = error_from(ROUTER, ONE, &answer, true, ALL);
		send_packet("wire", "ingress", error_from(ROUTER, SERVICE, &quoted, true, ALL));
		expect_bytes(&want);
		lab_expect_complete(lab);
	}
	lab_close(lab);
}

/* The backend's side of it: what goes to the backend is left alone on its way back. */
Test(lb_errors, about_answers_are_not_turned_round, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		struct pkt answer, error;

		services();
		send_packet("pod", "ingress", packet(flow(TCP, POD, 40000, SERVICE, 80)));
		answer = packet(flow(TCP, ONE, 8080, POD, 40000));
		error = error_from(ROUTER, ONE, &answer, true, ALL);
		send_packet("pod", "egress", error);
		expect_untouched();
	}
	lab_close(lab);
}

/* The pod is its own backend: to it, it is the loopback address that complains. */
Test(lb_errors, of_a_pod_to_itself_come_from_the_service, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		struct pkt sent, quoted, want;

		services();
		sent = packet(flow(TCP, POD, 40000, OTHER, 80));
		quoted = packet(flow(TCP, LOOPBACK, 40000, POD, 8080));
		send_packet("pod", "ingress", sent);
		expect_bytes(&quoted);
		want = error_from(OTHER, POD, &sent, false, ALL);
		send_packet("pod", "egress", error_from(POD, LOOPBACK, &quoted, false, ALL));
		expect_bytes(&want);
		lab_expect_complete(lab);
	}
	lab_close(lab);
}

Test(lb_errors, about_no_services_flow_are_left_alone, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		struct pkt never, answer;

		services();
		never = packet(flow(TCP, SERVICE, 80, POD, 41000));
		send_packet("pod", "ingress", error_from(POD, SERVICE, &never, true, ALL));
		expect_untouched();
		/* the quote is of a flow, but of another one's: forged */
		send_packet("pod", "ingress", packet(flow(TCP, POD, 40000, SERVICE, 80)));
		answer = packet(flow(TCP, SERVICE, 80, POD, 40000));
		send_packet("pod", "ingress", error_from(POD, OTHER, &answer, true, ALL));
		expect_untouched();
	}
	lab_close(lab);
}

Test(lb_errors, an_absent_checksum_stays_absent, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	services();
	{
		struct pkt sent = packet(flow(UDP, POD, 40000, SERVICE, 80));
		struct pkt quoted = packet(flow(UDP, POD, 40000, ONE, 8080)), want;

		set16(&sent, 14 + 20 + 6, 0);
		set16(&quoted, 14 + 20 + 6, 0);
		send_packet("pod", "ingress", sent);
		expect_bytes(&quoted);
		want = error_from(ROUTER, POD, &sent, true, ALL);
		send_packet("pod", "egress", error_from(ROUTER, POD, &quoted, true, ALL));
		expect_bytes(&want);
	}
	lab_close(lab);
}
