/* listen.h - does a process listen on a TCP port? */
#ifndef PAM_LISTEN_H
#define PAM_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>

/* Looks in the process's own network namespace. False also when that cannot be read. */
bool pam_listens(pid_t pid, unsigned port);

#endif
