/* bundle.h - ELF files put together from the pieces that a capture has of them. */
#ifndef PAM_BUNDLE_H
#define PAM_BUNDLE_H

#include <pam/error.h>
#include <pam/record.h>

#include "intern.h"

/* A zeroed one is empty. */
struct pam_bundles {
    struct pam_table names; /* build-id and path */
    int *fds;               /* as many: files in memory; -1: cannot be */
    size_t room;
};

void pam_bundles_done(struct pam_bundles *bundles);

/* Takes a piece. 0 or PAM_MEMORY; pieces over a bound are left out. */
int pam_bundles_add(struct pam_bundles *bundles, const struct pam_bundle *piece,
                    struct pam_error *error);

/* The file, borrowed; -1 when there is none. */
int pam_bundles_find(const struct pam_bundles *bundles, struct pam_bytes path,
                     struct pam_bytes build_id);

#endif
