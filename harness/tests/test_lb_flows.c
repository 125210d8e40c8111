// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which backend a flow gets, and when it gets another one: chance, Maglev, session affinity, states of
 * backends, closed and reused ports, fragments.
 */
#include "lb_lab.h"

static int seen[3];

static void count(int ports)
{
	memset(seen, 0, sizeof(seen));
	for (int i = 0; i < ports; i++)
		seen[chosen(41000 + i)]++;
}

Test(lb_flows, chance_spreads_flows_and_a_flow_stays, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		put_pair(2, "");
		count(64);
		cr_expect(seen[0] == 0 && seen[1] > 12 && seen[2] > 12, "%d, %d", seen[1], seen[2]);
		for (int i = 0; i < 64; i++) {
			int first;

			ask(41000 + i, ACK);
			first = backend_of_last();
			ask(41000 + i, ACK);
			cr_expect_eq(backend_of_last(), first);
			seen[first]--;
		}
		cr_expect(seen[1] == 0 && seen[2] == 0, "as at the first packet");
	}
	lab_close(lab);
}

/* States: terminating 1, quarantined 2, maintenance 3. */
Test(lb_flows, new_flows_go_to_active_backends, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		for (int state = 1; state < 4; state++) {
			put_pair(2, "");
			put_backend(1, ONE, 8080, state);
			count(16);
			cr_expect_eq(seen[2], 16, "state %d", state);
			forget_flows();
			/* the last resort */
			put_backend(2, TWO, 8080, 2);
			if (state == 1) {
				count(16);
				cr_expect_eq(seen[1], 16);
			} else {
				ask(40000, SYN);
				expect_reason(158);
			}
			forget_flows();
		}
	}
	lab_close(lab);
}

static int backend_with_flow(int sport)
{
	int at;

	put_pair(2, "");
	at = chosen(sport);
	ask(sport, ACK);
	cr_assert_eq(backend_of_last(), at);
	return at;
}

static const char *address_of(int id)
{
	return id == 1 ? ONE : TWO;
}

Test(lb_flows, one_that_goes_away_serves_the_flows_it_has, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		int at = backend_with_flow(40000);

		put_backend(at, address_of(at), 8080, 1);
		for (int i = 0; i < 8; i++) {
			ask(40000, ACK);
			cr_expect_eq(backend_of_last(), at);
		}
		/* the port is used again */
		cr_expect_eq(chosen(40000), 3 - at);
		ask(40000, ACK);
		cr_expect_eq(backend_of_last(), 3 - at);
	}
	lab_close(lab);
}

Test(lb_flows, flows_of_one_that_is_gone_get_another, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		int at = backend_with_flow(40000);

		remove_entry(lb_map("backends_v3"), text("%d", at));
		ask(40000, ACK);
		cr_expect_eq(backend_of_last(), 3 - at);
		put_pair(2, "");
		for (int i = 0; i < 8; i++) {
			ask(40000, ACK);
			cr_expect_eq(backend_of_last(), 3 - at, "and stay there");
		}
	}
	lab_close(lab);
}

/* A service that has got the address of another one: its index is not that of the flow's entry. */
Test(lb_flows, the_flow_of_another_service_is_none_of_this_ones, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		int at = backend_with_flow(40000);

		put_service((struct svc){ .index = 12, .first = 3 - at, .count = 1 });
		ask(40000, ACK);
		cr_expect_eq(backend_of_last(), 3 - at);
	}
	lab_close(lab);
}

/* A client that has closed its side may still be sent to: its acknowledgements find the backend. */
Test(lb_flows, a_closed_flow_lives_on_for_a_minute_after_the_last_packet, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		int at = backend_with_flow(40000), moved = 0;

		ask(40000, FIN | ACK);
		put_service((struct svc){ .first = 3 - at, .count = 1 });
		for (int i = 0; i < 3; i++) {
			replay_advance(lab->replay, 50000000000);
			ask(40000, ACK);
			cr_expect_eq(backend_of_last(), at);
		}
		replay_advance(lab->replay, 70000000000);
		ask(40000, ACK);
		cr_expect_eq(backend_of_last(), 3 - at, "late");
		/* a SYN on what is closing begins anew */
		put_pair(2, "");
		for (int i = 0; i < 32; i++) {
			ask(40000, FIN | ACK);
			moved += chosen(40000) == at;
		}
		cr_expect_gt(moved, 0);
	}
	lab_close(lab);
}

/* ---- session affinity ---- */

static void with_affinity(void)
{
	put_pair(2, ", flags: 16, affinity_timeout: 100");
	for (int i = 1; i < 3; i++)
		lab_set(lab, "cilium_lb_affinity_match",
			text("{backend_id: %d, rev_nat_id: 10}", i), "1");
}

static const char *affinity_key(void)
{
	return text("{client_id: {client_ip: '%s'}, rev_nat_id: 10}", POD);
}

Test(lb_flows, affinity_keeps_a_client_at_its_backend, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		int had;

		with_affinity();
		had = chosen(40000);
		for (int i = 1; i < 32; i++) {
			cr_expect_eq(chosen(40000 + i), had);
			replay_advance(lab->replay, 50000000000);
		}
		lab_expect_entry(lab, lb_map("affinity"), affinity_key(),
				 text("{backend_id: %d}", had));
		/* a service of its own */
		put_service((struct svc){ .address = OTHER,
					  .index = 11,
					  .first = 3 - had,
					  .count = 1,
					  .more = ", flags: 16, affinity_timeout: 100" });
		from_pod((struct flow){ TCP, POD, 40000, OTHER, 80, SYN });
		cr_expect_eq(backend_of_last(), 3 - had);
	}
	lab_close(lab);
}

/* 32 choices by chance that are all the same are none. A lab's clock begins a day after boot. */
static int times_at(int backend, uint64_t seconds_ago)
{
	int n = 0;

	for (int i = 0; i < 32; i++) {
		lab_set(lab, lb_map("affinity"), affinity_key(),
			text("{backend_id: %d, last_used: %lu}", backend, 86400 - seconds_ago));
		n += chosen(42000 + i) == backend;
	}
	forget_flows();
	return n;
}

Test(lb_flows, affinity_ends_with_its_time_and_with_its_backend, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		with_affinity();
		cr_expect_eq(times_at(1, 99), 32, "in time");
		cr_expect_lt(times_at(1, 100), 32, "late");
		put_backend(1, ONE, 8080, 1);
		cr_expect_eq(times_at(1, 0), 0, "it takes no new flows");
		put_backend(1, ONE, 8080, 0);
		remove_entry("cilium_lb_affinity_match", "{backend_id: 1, rev_nat_id: 10}");
		cr_expect_lt(times_at(1, 0), 32, "none of the service's");
	}
	lab_close(lab);
}

/* ---- Maglev ---- */

#define TABLE 16381

/* All entries name backend 2, but for `one`. */
static void maglev(int index, uint32_t one)
{
	static uint32_t ids[TABLE];
	uint16_t key = (uint16_t)index;
	uint32_t zero = 0;
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "maglev", 4, sizeof(ids), 1, NULL);

	cr_assert_geq(fd, 0);
	for (uint32_t i = 0; i < TABLE; i++)
		ids[i] = i == one ? 1 : 2;
	cr_assert_eq(bpf_map_update_elem(fd, &zero, ids, BPF_ANY), 0);
	cr_assert_eq(bpf_map_update_elem(lab_map(lab, lb_map("maglev"))->fd, &key, &fd, BPF_ANY),
		     0);
	close(fd);
}

/* Places computed by another implementation of Jenkins' hash, one that gives the results of his own test
 * program: (client, ports, 6), seeds 0xcafe and 0xeb9f, of port 40000 and of port 0.
 */
Test(lb_flows, maglev_takes_the_flows_place_in_the_table, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		put_pair(2, ", affinity_timeout: 0x02000000");
		maglev(10, v6 ? 14759 : 2958);
		cr_expect_eq(chosen(40000), 1);
		cr_expect_eq(chosen(40001), 2);
		/* the address that is called doesn't matter */
		put_service((struct svc){ .address = OTHER,
					  .index = 11,
					  .first = 1,
					  .count = 2,
					  .more = ", affinity_timeout: 0x02000000" });
		maglev(11, v6 ? 14759 : 2958);
		from_pod((struct flow){ TCP, POD, 40000, OTHER, 80, SYN });
		cr_expect_eq(backend_of_last(), 1);
		/* with affinity, the client's port neither; bit 24 up is the algorithm, below it the time */
		forget_flows();
		put_pair(2, ", flags: 16, affinity_timeout: 0x02000001");
		maglev(10, v6 ? 1627 : 15256);
		cr_expect_eq(chosen(40000), 1);
		replay_advance(lab->replay, 2000000000);
		cr_expect_eq(chosen(40002), 1);
	}
	lab_close(lab);
}

Test(lb_flows, the_algorithm_is_a_setting_where_the_service_names_none, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("lb_algorithm: 2, hash_init4_seed: 0xcafe,");
	EACH_FAMILY
	{
		put_pair(2, "");
		maglev(10, v6 ? 14759 : 2958);
		cr_expect_eq(chosen(40000), 1);
		count(16);
		cr_expect_eq(seen[2], 16);
		/* who goes away is passed by, to the next place */
		forget_flows();
		put_backend(2, TWO, 8080, 1);
		maglev(10, v6 ? 14760 : 2959);
		cr_expect_eq(chosen(40000), 1);
		/* 1: by chance, whatever the setting */
		forget_flows();
		put_pair(2, ", affinity_timeout: 0x01000000");
		count(64);
		cr_expect(seen[1] > 12 && seen[2] > 12, "%d, %d", seen[1], seen[2]);
		/* no table yet */
		forget_flows();
		put_service((struct svc){ .index = 13, .first = 1, .count = 1 });
		cr_expect_eq(chosen(40000), 1);
	}
	lab_close(lab);
}

/* ---- fragments ---- */

/* IPv4 without the flag "don't fragment"; data lies at the offset, in units of eight. */
static struct pkt fragment(bool first, const char *dst, int dport)
{
	struct pkt p;
	uint32_t l3, l4;

	put_eth(&p, v6 ? 0x86dd : 0x0800);
	if (v6) {
		l3 = put_ip6(&p, POD, dst, 44);
		put8(&p, UDP);
		put8(&p, 0);
		put16(&p, first ? 1 : 32);
		put32(&p, 0x1234);
	} else {
		l3 = put_ip4(&p, POD, dst, UDP);
		set16(&p, l3 + 6, first ? 0x2000 : 4);
	}
	l4 = p.len;
	if (first) {
		put_udp(&p, 40000, (uint16_t)dport, 40);
		put_data(&p, 24);
		end_l4(&p, (int)l3, l4, 6, UDP);
	} else {
		put_data(&p, 16);
	}
	end_ip(&p, l3);
	return p;
}

/* The sum of the whole datagram is in the first one: here that of its part, which changes as the whole
 * one's would.
 */
Test(lb_flows, later_fragments_follow_the_first, .timeout = 60)
{
	NEEDS_ROOT();
	lb_open("");
	EACH_FAMILY
	{
		int at;

		put_pair(2, "");
		put_service((struct svc){
			.port = 53, .proto = UDP, .index = 11, .first = 1, .count = 2 });
		send_packet("pod", "ingress", fragment(true, SERVICE, 53));
		at = backend_of_last();
		{
			struct pkt want = fragment(true, address_of(at), 8080);

			expect_bytes(&want);
			for (int i = 0; i < 8; i++) {
				send_packet("pod", "ingress", fragment(false, SERVICE, 53));
				want = fragment(false, address_of(at), 8080);
				expect_bytes(&want);
			}
		}
	}
	lab_close(lab);
}
