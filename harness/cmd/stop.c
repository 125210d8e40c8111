// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Noting a signal. */
#include "cmd/stop.h"

#include <signal.h>

/* Set by the handler only; a handler has no other way to speak. */
static volatile sig_atomic_t noted;

static void note(int signo)
{
	noted = signo;
}

static void catch (int flags)
{
	struct sigaction sa = { .sa_handler = note, .sa_flags = SA_RESTART | flags };

	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

void stop_catch_signals(void)
{
	catch ((int)SA_RESETHAND);
}

void stop_note_signals(void)
{
	catch (0);
}

void stop_unread(void)
{
	if (!noted)
		noted = SIGPIPE;
}

int stop_signal(void)
{
	return noted;
}
