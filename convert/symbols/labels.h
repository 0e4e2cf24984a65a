/* labels.h - frames and stacks of the model as names a person can read. */
#ifndef PAM_LABELS_H
#define PAM_LABELS_H

#include "symbols/lines.h"
#include "timeline.h"

enum pam_label_kind {
    PAM_LABEL_PYTHON, /* a Python function */
    PAM_LABEL_C,      /* something in C that a Python function calls, named from the call */
    PAM_LABEL_NATIVE, /* a function of an ELF file, which `file` names, or one made at run time */
    PAM_LABEL_KERNEL, /* a function of the kernel, or of the module that `file` names */
    PAM_LABEL_WAIT,   /* what the kernel makes the thread wait in */
    PAM_LABEL_STATE,  /* no function: "[no Python frame]", "[unknown]" */
    PAM_LABEL_TASK,   /* no function, but the asyncio task that runs those after it: "task: NAME" */
    PAM_LABEL_KINDS,
};

struct pam_label {
    enum pam_label_kind kind;
    struct pam_bytes name; /* qualified name */
    struct pam_bytes file; /* empty when there is none */
    struct pam_position at; /* in the file; line 0: unknown. Columns only where labels have positions */
};

enum { PAM_MAX_LABELS_A_STACK = 8192 }; /* the collector's depth bound, and then some */

struct pam_labels;

/* `positions`: frames at two places of one line are two labels. */
int pam_labels_new(struct pam_labels **ret, const struct pam_model *model, bool positions,
                   struct pam_error *error);
void pam_labels_free(struct pam_labels *labels);

/* The labels of a span's stack, root first, into `out` (PAM_MAX_LABELS_A_STACK of them); never none.
 * Where the stack is whole, the leaf's call into C, garbage collection and what it waits in are added; where its
 * leaf is cut, "[unknown]". Returns how many, or PAM_MEMORY. */
int64_t pam_labels_stack(struct pam_labels *labels, const struct pam_span *span, uint32_t *out,
                         struct pam_error *error);

/* Those of a stack's frames alone: none where it has none. */
int64_t pam_labels_frames(struct pam_labels *labels, uint32_t stack, uint32_t *out, struct pam_error *error);

/* The label of what the thread of a span waits in; UINT32_MAX when it is not known or does not wait.
 * Negative when memory is short. */
int64_t pam_labels_wait(struct pam_labels *labels, const struct pam_span *span);

/* The number of a label; names are cut at PAM_MAX_TEXT. Negative when memory is short. */
int64_t pam_labels_add(struct pam_labels *labels, const struct pam_label *label);

/* What stands behind the name to tell the kind: " [C]", " [kernel]" or "". */
const char *pam_label_mark(enum pam_label_kind kind);

/* Labels are numbered from 0; equal ones are one. Borrowed until pam_labels_free(). */
struct pam_label pam_labels_get(const struct pam_labels *labels, uint32_t label);
uint32_t pam_labels_count(const struct pam_labels *labels);

#endif
