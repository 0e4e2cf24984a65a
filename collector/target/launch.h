/* launch.h - starting a command to profile it from its beginning. */
#ifndef PAM_LAUNCH_H
#define PAM_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

#include <pam/error.h>

/* Starts argv, found on PATH. `keep_stdout_free`: our standard output carries the capture, so the
 * command gets our standard error in its place. Returns once the program is running:
 * PAM_NOT_FOUND, PAM_NOT_EXECUTABLE, PAM_LAUNCH. */
int pam_launch(char *const argv[], bool keep_stdout_free, pid_t *pid, struct pam_error *error);

/* The shell's notion of a wait status: the exit status, or 128 + the signal. */
int pam_launch_status(int wait_status);

#endif
