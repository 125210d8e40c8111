/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A whole `verdict run`: its jobs done, here or by workers, what came of them reported in order. */
#ifndef VERDICT_CMD_RUN_ALL_H
#define VERDICT_CMD_RUN_ALL_H

#include "cmd/run_plan.h"
#include "cmd/run_report.h"

struct run_options {
	struct run_plan_opts plan;
	struct run_settings settings;
	struct run_report_opts report;
	bool bless; /* each scenario that holds */
	unsigned jobs; /* processes; 0: one a processor, 1: this one */
};

/* The exit code. err is scratch; all messages are printed. */
int run_all(const struct run_options *opts, const struct selection *sel, struct err *err);

#endif
