/* merge.h - the stack of a span as labels: Python's frames, and the native and kernel ones in their places.
 *
 * The interpreter runs Python in its eval loop. A Python frame that C calls starts a run: it and what it
 * calls without C in between are run by one native eval frame (before 3.11 each frame has its own). So the
 * n-th eval frame from the root stands for the n-th run, and is replaced by it. */
#ifndef PAM_MERGE_H
#define PAM_MERGE_H

#include "symbols/natives.h"
#include "timeline.h"

struct pam_merger;

/* `natives` may be NULL: then there are Python's frames only. All of them live longer. */
int pam_merger_new(struct pam_merger **ret, const struct pam_model *model, struct pam_labels *labels,
                   struct pam_natives *natives, struct pam_error *error);
void pam_merger_free(struct pam_merger *merger);

/* The labels of a span's stack, root first, into `out` (PAM_MAX_LABELS_A_STACK of them); never none.
 * Returns how many, or PAM_MEMORY. */
int64_t pam_merger_stack(struct pam_merger *merger, const struct pam_span *span, uint32_t *out,
                         struct pam_error *error);

/* Appends what the user should know of stacks that could not be merged whole, a line each. */
void pam_merger_remarks(const struct pam_merger *merger, FILE *out);

#endif
