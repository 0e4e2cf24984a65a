/* server.h - debuginfod: how long libdw may ask the servers of DEBUGINFOD_URLS for files, and what became of it.
 *
 * libdw asks by itself, for each file, and by its own measure for 90 s: with a server that hangs a capture of some
 * libraries would take a quarter of an hour. A question that took its time in vain is the last. */
#ifndef PAM_SERVER_H
#define PAM_SERVER_H

#include <stdbool.h>
#include <stdint.h>

/* Where the user has not said how long, we do. Before the first question. */
void pam_server_set_up(void);

/* Around whatever may ask; `found`: it was not in vain. */
uint64_t pam_server_begin(void);
void pam_server_end(uint64_t began_ns, bool found);

/* Were questions given up? */
bool pam_server_gave_up(void);

#endif
