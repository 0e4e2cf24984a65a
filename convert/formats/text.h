/* text.h - names and numbers as the text formats write them. */
#ifndef PAM_TEXT_H
#define PAM_TEXT_H

#include <stdio.h>

#include "model.h"
#include "symbols/lines.h"

enum { PAM_THREAD_LABEL_BYTES = PAM_MAX_TEXT + 32 };

/* "name (tid)"; the text lives in `room`. */
struct pam_bytes pam_thread_label(const struct pam_model *model, size_t thread,
                                  char room[PAM_THREAD_LABEL_BYTES]);

/* "process PID" of a thread, with the command line behind it when it is a child of the target. */
struct pam_bytes pam_process_label(const struct pam_model *model, size_t thread,
                                   char room[PAM_THREAD_LABEL_BYTES]);

/* The thread's label, with the scenario of its capture before it when there are several captures. */
struct pam_bytes pam_thread_title(const struct pam_model *model, size_t thread,
                                  char room[PAM_THREAD_LABEL_BYTES]);

/* That title, with the process behind it when it is a child of the target. */
struct pam_bytes pam_profile_title(const struct pam_model *model, size_t thread,
                                   char room[PAM_THREAD_LABEL_BYTES]);

/* ":LINE", or ":LINE:COLUMN-LINE:COLUMN" as far as that is known. Columns are bytes of UTF-8, counted from 1 as
 * editors do; the last one belongs to the range. */
void pam_put_place(FILE *out, const struct pam_position *place);

/* The number in decimal digits; much faster than printf, for the millions of numbers of a profile. */
void pam_put_uint(FILE *out, uint64_t value);

/* A JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD. */
void pam_put_json(FILE *out, struct pam_bytes text);

#endif
