/* text.h - names and numbers as the text formats write them. */
#ifndef PAM_TEXT_H
#define PAM_TEXT_H

#include <stdio.h>

#include "model.h"

enum { PAM_THREAD_LABEL_BYTES = PAM_MAX_TEXT + 32 };

/* "name (tid)"; the text lives in `room`. */
struct pam_bytes pam_thread_label(const struct pam_model *model, size_t thread,
                                  char room[PAM_THREAD_LABEL_BYTES]);

/* The same, with the scenario of its capture before it when there are several captures. */
struct pam_bytes pam_thread_title(const struct pam_model *model, size_t thread,
                                  char room[PAM_THREAD_LABEL_BYTES]);

/* The number in decimal digits; much faster than printf, for the millions of numbers of a profile. */
void pam_put_uint(FILE *out, uint64_t value);

/* A JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD. */
void pam_put_json(FILE *out, struct pam_bytes text);

#endif
