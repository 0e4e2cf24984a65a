/* launch.h - starting a command to profile it from its beginning. */
#ifndef PAM_LAUNCH_H
#define PAM_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

#include <pam/error.h>

struct pam_launch {
    pid_t pid;      /* the process that is to become the command; 0: none */
    int go, report; /* pipes to and from it; -1: none */
};

/* Makes the process that will run argv, found on PATH, and holds it before the command's first
 * instruction. `keep_stdout_free`: our standard output carries the capture, so the command gets our
 * standard error in its place. PAM_NOT_FOUND, PAM_NOT_EXECUTABLE, PAM_LAUNCH. */
int pam_launch(struct pam_launch *launch, char *const argv[], bool keep_stdout_free,
               struct pam_error *error);

/* Lets it go. Returns once the program is running, or with the same errors. */
int pam_launch_go(struct pam_launch *launch, const char *name, struct pam_error *error);

/* The shell's notion of a wait status: the exit status, or 128 + the signal. */
int pam_launch_status(int wait_status);

#endif
