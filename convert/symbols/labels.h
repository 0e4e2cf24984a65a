/* labels.h - frames and stacks of the model as names a person can read. */
#ifndef PAM_LABELS_H
#define PAM_LABELS_H

#include "model.h"

enum pam_label_kind {
    PAM_LABEL_PYTHON, /* a Python function */
    PAM_LABEL_C,      /* something in C that a Python function calls, named from the call */
    PAM_LABEL_STATE,  /* no function: "[no Python frame]", "[unknown]" */
};

struct pam_label {
    enum pam_label_kind kind;
    struct pam_bytes name; /* qualified name */
    struct pam_bytes file; /* empty when there is none */
    int64_t line;          /* 0 when unknown */
};

enum { PAM_MAX_LABELS_A_STACK = 8192 }; /* the collector's depth bound, and then some */

struct pam_labels;

int pam_labels_new(struct pam_labels **ret, const struct pam_model *model, struct pam_error *error);
void pam_labels_free(struct pam_labels *labels);

/* The labels of a stack, root first, into `out` (PAM_MAX_LABELS_A_STACK of them); never none. The
 * leaf's call into C is added unless `leaf_cut`. Returns how many, or PAM_MEMORY. */
int64_t pam_labels_stack(struct pam_labels *labels, uint32_t stack, bool leaf_cut, uint32_t *out,
                         struct pam_error *error);

/* Labels are numbered from 0; equal ones are one. Borrowed until pam_labels_free(). */
struct pam_label pam_labels_get(const struct pam_labels *labels, uint32_t label);
uint32_t pam_labels_count(const struct pam_labels *labels);

#endif
