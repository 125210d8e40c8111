/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A command that is stopped from outside. */
#ifndef VERDICT_CMD_STOP_H
#define VERDICT_CMD_STOP_H

/* From now on the first SIGINT or SIGTERM is only noted: the command ends at its next good place. The
 * second one kills, and the sandbox goes with the process.
 */
void stop_catch_signals(void);
/* Every one of them is only noted: for a process whose parent decides. */
void stop_note_signals(void);
/* As if SIGPIPE had come: nobody reads any more. */
void stop_unread(void);
int stop_signal(void); /* 0: none came */

#endif
