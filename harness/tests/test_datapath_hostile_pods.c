/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Malformed packets of pods and to pods: no policy allows anything, so nothing may pass, whatever it is. */
#include "datapath_hostile.h"
#include "lab_pods.h"

static void none_passes(const char *role, const char *hook, const char *const src[],
			const char *const dst[])
{
	struct hostile_at at = { .lab = lab,
				 .keeps_sum = true,
				 .place = { .role = role, .hook = hook } };

	for (int v6 = 0; v6 < 2; v6++) {
		struct hostile_ends e = { src[v6], dst[v6], 40000, 80 };

		hostile_expect_policy(&at, &e);
		hostile_all(&at, &e);
	}
	cr_expect_gt(at.ran, 10000, "only %u packets ran", at.ran);
	printf("%s/%s: %u packets ran, %u refused by the kernel\n", role, hook, at.ran, at.refused);
}

Test(hostile_pods, none_leaves_a_pod_that_may_send_nothing, .timeout = 120)
{
	NEEDS_ROOT();
	pods("enable_icmp_rule: false", NULL, ALL_IN, NULL);
	none_passes("client", "ingress", client, server);
	lab_close(lab);
}

Test(hostile_pods, none_reaches_a_pod_that_takes_nothing_from_another, .timeout = 120)
{
	NEEDS_ROOT();
	pods("enable_icmp_rule: false", ALL_OUT, NULL, NULL);
	none_passes("client", "ingress", client, server);
	lab_close(lab);
}

Test(hostile_pods, none_reaches_a_pod_that_takes_nothing_from_the_stack, .timeout = 120)
{
	NEEDS_ROOT();
	pods("enable_endpoint_routes: true", ALL_OUT, NULL, NULL);
	none_passes("server", "egress", remote, server);
	lab_close(lab);
}

static bool any(const struct pkt *p, const struct hostile_result *r)
{
	(void)p;
	(void)r;
	return true;
}

Test(hostile_pods, what_is_let_through_has_right_sums, .timeout = 120)
{
	struct hostile_at at = { .keeps_sum = true,
				 .may_pass = any,
				 .place = { .role = "client", .hook = "ingress" } };

	NEEDS_ROOT();
	pods("enable_icmp_rule: false", ALL_OUT, ALL_IN, NULL);
	at.lab = lab;
	for (int v6 = 0; v6 < 2; v6++) {
		struct hostile_ends e = { client[v6], server[v6], 40000, 80 };

		hostile_all(&at, &e);
	}
	cr_expect_gt(at.passed, 1000, "only %u packets passed", at.passed);
	lab_close(lab);
}
