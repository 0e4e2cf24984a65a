/* find.h - which process is meant: PAM's own rule, a pattern, a port or a unit. */
#ifndef PAM_FIND_H
#define PAM_FIND_H

#include <stdbool.h>

#include <pam/error.h>

#include "target/process.h"

enum { PAM_REASON_BYTES = 256 };

/* The running Petal App Manager; `reason` gets why this one. PAM_NO_TARGET when there is none. */
int pam_find_pam(pid_t *pid, char reason[PAM_REASON_BYTES], struct pam_error *error);

/* The only Python process whose command line matches the POSIX extended regular expression.
 * PAM_AMBIGUOUS lists the candidates, PAM_USAGE says what is wrong with the pattern. */
int pam_find_match(const char *pattern, pid_t *pid, char reason[PAM_REASON_BYTES],
                   struct pam_error *error);

/* The only Python process that listens on a TCP port, or that runs in a systemd unit ("NAME" or
 * "NAME.service"); of several in a unit its oldest, which started the others. */
int pam_find_listening(unsigned port, pid_t *pid, char reason[PAM_REASON_BYTES],
                       struct pam_error *error);
int pam_find_unit(const char *unit, pid_t *pid, char reason[PAM_REASON_BYTES],
                  struct pam_error *error);

/* Does a text of /proc/PID/cgroup say that the process is in that unit? Pure, for tests. */
bool pam_cgroup_is_unit(const char *cgroup, const char *unit);

/* --- the rule itself, for tests ---------------------------------------------------------------- */

struct pam_candidate {
    pid_t pid;
    pid_t parent;
    bool listens; /* on PAM's port */
    char command_line[PAM_COMMAND_LINE_BYTES];
};

/* Index of the candidate PAM's rule takes, and why: one run under `debugpy --connect`, else the one
 * that listens, else the longest command line without `debugpy/launcher`, else the last. */
size_t pam_prefer(const struct pam_candidate *candidates, size_t count,
                  char reason[PAM_REASON_BYTES]);

#endif
