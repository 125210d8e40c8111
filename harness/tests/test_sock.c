// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Services at the socket, by real sockets: connections and datagrams reach backends, and the peer is called
 * what the socket called it.
 */
#include "sock_lab.h"

#define TCP 6
#define UDP 17

#define REVERSE4 "cilium_lb4_reverse_sk"
#define REVERSE6 "cilium_lb6_reverse_sk"

static void exchange(int from, int to)
{
	char got[8] = "";

	cr_assert_eq(write(from, "hello", 5), 5);
	cr_assert_eq(read(to, got, sizeof(got)), 5);
	cr_expect_str_eq(got, "hello");
}

/* listen: where the backend is; called: the service as the socket calls it. */
static void connects(const char *listen, const char *called, const char *reverse)
{
	int listener = server(SOCK_STREAM, listen, 8080);
	int fd = client(SOCK_STREAM, called, 80), at;

	cr_assert_geq(fd, 0, "%s: %s", called, strerror(-fd));
	at = accept(listener, NULL, NULL);
	cr_assert_geq(at, 0, "the backend was not reached");
	exchange(fd, at);
	exchange(at, fd);
	expect_peer(fd, called, 80);
	cr_expect_eq(entries(reverse), 1);
	close(fd);
	cr_expect_eq(entries(reverse), 0, "a closed socket is forgotten");
	close(at);
	close(listener);
}

Test(sock, a_connection_to_a_service_is_one_to_its_backend, .timeout = 60)
{
	lab_start(false, "");
	service("10.96.0.10", 80, TCP, 10, "", 1, 1);
	backend(1, "10.0.1.20", 8080, 0);
	service("fd00:96::10", 80, TCP, 11, "", 2, 1);
	backend(2, "fd00:1::20", 8080, 0);
	connects("10.0.1.20", "10.96.0.10", REVERSE4);
	connects("fd00:1::20", "fd00:96::10", REVERSE6);
	/* an IPv6 socket that calls an IPv4 address */
	connects("10.0.1.20", "::ffff:10.96.0.10", REVERSE4);
	cr_expect_eq(client(SOCK_STREAM, "10.96.0.10", 81), -ENETUNREACH, "no service");
	cr_expect_eq(client(SOCK_STREAM, "fd00:96::10", 81), -ENETUNREACH);
}

/* What is remembered of the peer names the service's index, too. */
Test(sock, the_service_is_remembered_by_the_sockets_cookie, .timeout = 60)
{
	uint64_t cookie;
	socklen_t len = sizeof(cookie);
	struct value *v = NULL;
	int fd;

	lab_start(false, "");
	service("10.96.0.10", 80, TCP, 10, "", 1, 1);
	backend(1, "10.0.1.20", 8080, 0);
	server(SOCK_STREAM, "10.0.1.20", 8080);
	fd = client(SOCK_STREAM, "10.96.0.10", 80);
	cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len), 0);
	cr_assert_eq(
		map_get(map(REVERSE4), lab.arena,
			yaml(arena_printf(lab.arena,
					  "{cookie: %lu, address: 10.0.1.20, port: 8080}", cookie)),
			&v, &lab.err),
		0, "%s", lab.err.text);
	cr_expect(value_matches(yaml("{address: 10.96.0.10, port: 80, rev_nat_index: 10}"), v));
}

static void talk(const char *backend_address, const char *called)
{
	int at = server(SOCK_DGRAM, backend_address, 5353);
	int fd = sock_new(family_digit(called) == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM);
	struct end from;

	say(fd, "question", called, 53);
	from = hear(at, "question");
	cr_assert_eq(sendto(at, "answer", 6, 0, (struct sockaddr *)&from.sa, from.len), 6);
	from = hear(fd, "answer");
	cr_expect_str_eq(end_text(&from), arena_printf(lab.arena, "%s 53", called));
	close(at);
	close(fd);
}

Test(sock, datagrams_of_unconnected_sockets_are_answered_by_the_service, .timeout = 60)
{
	lab_start(false, "");
	service("10.96.0.53", 53, UDP, 10, "", 1, 1);
	backend(1, "10.0.1.20", 5353, 0);
	service("fd00:96::53", 53, UDP, 11, "", 2, 1);
	backend(2, "fd00:1::20", 5353, 0);
	talk("10.0.1.20", "10.96.0.53");
	talk("fd00:1::20", "fd00:96::53");
	talk("10.0.1.20", "::ffff:10.96.0.53");
}

/* The answer comes, but from whom it is: the service is gone. */
Test(sock, an_answer_of_a_service_that_is_gone_is_its_backends, .timeout = 60)
{
	struct end from;
	int at, fd;

	lab_start(false, "");
	service("10.96.0.53", 53, UDP, 10, "", 1, 1);
	backend(1, "10.0.1.20", 5353, 0);
	at = server(SOCK_DGRAM, "10.0.1.20", 5353);
	fd = sock_new(AF_INET, SOCK_DGRAM);
	say(fd, "question", "10.96.0.53", 53);
	from = hear(at, "question");
	/* another service has the address now */
	service("10.96.0.53", 53, UDP, 12, "", 1, 1);
	cr_assert_eq(sendto(at, "answer", 6, 0, (struct sockaddr *)&from.sa, from.len), 6);
	from = hear(fd, "answer");
	cr_expect_str_eq(end_text(&from), "10.0.1.20 5353");
	cr_expect_eq(entries(REVERSE4), 0, "what is stale is forgotten");
}

/* Also where both have one backend and, as a node port at every node's address, one index. */
static void calls_another(const char *first, const char *second)
{
	struct end e;
	int fd = client(SOCK_DGRAM, first, 53);

	cr_assert_geq(fd, 0);
	expect_peer(fd, first, 53);
	e = end_of(second, 53);
	cr_assert_eq(connect(fd, (struct sockaddr *)&e.sa, e.len), 0);
	expect_peer(fd, second, 53);
	e = end_of(second, 54);
	cr_assert_eq(connect(fd, (struct sockaddr *)&e.sa, e.len), 0);
	expect_peer(fd, second, 54);
	close(fd);
}

Test(sock, who_calls_another_service_is_told_of_that_one, .timeout = 60)
{
	lab_start(false, "");
	backend(1, "10.0.1.20", 5353, 0);
	service("10.96.0.53", 53, UDP, 10, "", 1, 1);
	service("10.96.1.53", 53, UDP, 10, "", 1, 1);
	service("10.96.1.53", 54, UDP, 10, "", 1, 1);
	backend(2, "fd00:1::20", 5353, 0);
	service("fd00:96::53", 53, UDP, 13, "", 2, 1);
	service("fd00:96::153", 53, UDP, 13, "", 2, 1);
	service("fd00:96::153", 54, UDP, 13, "", 2, 1);
	calls_another("10.96.0.53", "10.96.1.53");
	calls_another("fd00:96::53", "fd00:96::153");
}

/* A socket that is a datagram service's client asks one backend, not each time another. */
Test(sock, backends_are_chosen_at_random_and_kept_by_datagram_sockets, .timeout = 60)
{
	int at[2], seen[2] = { 0 }, fd;

	lab_start(false, "");
	service("10.96.0.10", 80, TCP, 10, "", 1, 2);
	backend(1, "10.0.1.20", 8080, 0);
	backend(2, "10.0.1.21", 8080, 0);
	at[0] = server(SOCK_STREAM, "10.0.1.20", 8080);
	at[1] = server(SOCK_STREAM, "10.0.1.21", 8080);
	for (int i = 0; i < 64; i++) {
		int which = reached("10.96.0.10", 80, at, 2);

		cr_assert_geq(which, 0);
		seen[which]++;
	}
	cr_expect(seen[0] > 8 && seen[1] > 8, "%d and %d of 64", seen[0], seen[1]);
	service("10.96.0.53", 53, UDP, 11, "", 3, 2);
	backend(3, "10.0.1.20", 5353, 0);
	backend(4, "10.0.1.21", 5353, 0);
	fd = sock_new(AF_INET, SOCK_DGRAM);
	server(SOCK_DGRAM, "10.0.1.20", 5353);
	server(SOCK_DGRAM, "10.0.1.21", 5353);
	for (int i = 0; i < 8; i++)
		say(fd, "question", "10.96.0.53", 53);
	cr_expect_eq(entries(REVERSE4), 1, "eight questions, one backend");
}

Test(sock, without_a_backend_the_call_fails, .timeout = 60)
{
	struct end e;
	int fd;

	lab_start(false, "");
	service("10.96.0.10", 80, TCP, 10, "", 1, 0);
	cr_expect_eq(client(SOCK_STREAM, "10.96.0.10", 80), -EHOSTUNREACH);
	cr_expect_eq(client(SOCK_STREAM, "::ffff:10.96.0.10", 80), -EHOSTUNREACH);
	service("fd00:96::10", 53, UDP, 11, "", 1, 0);
	e = end_of("fd00:96::10", 53);
	fd = sock_new(AF_INET6, SOCK_DGRAM);
	cr_expect_eq(sendto(fd, "x", 1, 0, (struct sockaddr *)&e.sa, e.len), -1);
	cr_expect_eq(errno, EHOSTUNREACH);
	/* listed, but gone */
	service("10.96.0.11", 80, TCP, 12, "", 9, 2);
	cr_expect_eq(client(SOCK_STREAM, "10.96.0.11", 80), -EHOSTUNREACH);
}

Test(sock, unless_such_services_may_be_routed, .timeout = 60)
{
	lab_start(false, "enable_no_service_endpoints_routable: false,");
	service("10.96.0.10", 80, TCP, 10, "", 1, 0);
	cr_expect_eq(client(SOCK_STREAM, "10.96.0.10", 80), -ENETUNREACH, "as it is");
	/* internalTrafficPolicy: Local forbids it */
	service("10.96.0.10", 80, TCP, 10, ", flags2: 16", 1, 0);
	cr_expect_eq(client(SOCK_STREAM, "10.96.0.10", 80), -EHOSTUNREACH);
}

/* States: terminating 1, quarantined 2, maintenance 3. */
Test(sock, only_active_backends_get_new_connections, .timeout = 60)
{
	int at[2];

	lab_start(false, "");
	service("10.96.0.10", 80, TCP, 10, "", 1, 3);
	backend(1, "10.0.1.21", 8080, 1);
	backend(2, "10.0.1.21", 8080, 2);
	backend(3, "10.0.1.20", 8080, 0);
	at[0] = server(SOCK_STREAM, "10.0.1.20", 8080);
	at[1] = server(SOCK_STREAM, "10.0.1.21", 8080);
	for (int i = 0; i < 16; i++)
		cr_expect(reaches("10.96.0.10", 80, at[0]));
	/* none active: the terminating one, not the others */
	backend(2, "10.0.1.20", 8080, 2);
	backend(3, "10.0.1.20", 8080, 3);
	for (int i = 0; i < 16; i++)
		cr_expect(reaches("10.96.0.10", 80, at[1]));
	backend(1, "10.0.1.21", 8080, 3);
	cr_expect_eq(client(SOCK_STREAM, "10.96.0.10", 80), -EHOSTUNREACH);
}

/* Two scopes: those inside have backends of their own. */
Test(sock, sockets_are_inside, .timeout = 60)
{
	int at;

	lab_start(false, "");
	service("10.96.0.10", 80, TCP, 10, ", flags2: 32", 1, 1);
	backend(1, "10.0.1.21", 8080, 0);
	set("cilium_lb4_services_v2", "{address: 10.96.0.10, dport: 80, proto: 6, scope: 1}",
	    "{count: 1, rev_nat_index: 10}");
	set("cilium_lb4_services_v2",
	    "{address: 10.96.0.10, dport: 80, proto: 6, scope: 1, backend_slot: 1}",
	    "{backend_id: 2}");
	backend(2, "10.0.1.20", 8080, 0);
	at = server(SOCK_STREAM, "10.0.1.20", 8080);
	server(SOCK_STREAM, "10.0.1.21", 8080);
	for (int i = 0; i < 8; i++)
		cr_expect(reaches("10.96.0.10", 80, at));
	unset("cilium_lb4_services_v2", "{address: 10.96.0.10, dport: 80, proto: 6, scope: 1}");
	cr_expect_eq(client(SOCK_STREAM, "10.96.0.10", 80), -ENETUNREACH, "none inside");
}
