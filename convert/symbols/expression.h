/* expression.h - private to the naming of calls: the source of a callable as it grows, name by name. */
#ifndef PAM_EXPRESSION_H
#define PAM_EXPRESSION_H

#include <pam/record.h>

#include "symbols/callee.h"

struct pam_expression {
    char *text; /* PAM_CALLEE_BYTES of it */
    size_t size;
};

/* Adds what still fits as a whole. */
void pam_expression_append(struct pam_expression *expression, const char *separator, const char *text);

/* The index-th of names that are closed by a zero byte each, or NULL. */
const char *pam_name_at(struct pam_bytes names, uint64_t index);

/* pam_callee_name() for versions whose line tables tell no columns: by the value stack. callee_stack.c */
bool pam_callee_name_by_stack(const struct pam_code_model *code, size_t unit,
                              char name[PAM_CALLEE_BYTES]);

#endif
