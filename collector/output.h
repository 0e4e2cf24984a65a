/* output.h - where the capture goes: the rules of --output and its default. */
#ifndef PAM_OUTPUT_H
#define PAM_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include <pam/error.h>

enum { PAM_OUTPUT_PATH_BYTES = 4096 };

struct pam_output {
    int fd;
    bool is_stdout;
    bool created;                     /* by us: to be removed again if nothing comes of it */
    char path[PAM_OUTPUT_PATH_BYTES]; /* "-" for standard output */
};

/* Decides and checks, but creates nothing, so that a mistake costs nobody a file: PAM_USAGE for a
 * terminal or a file opened for appending. `has_command`: standard output is the command's. */
int pam_output_choose(struct pam_output *output, const char *option, bool has_command,
                      const char *scenario, struct pam_error *error);

/* Opens it, making its folders; under sudo they belong to the invoking user. What a file held before
 * is still there. */
int pam_output_open(struct pam_output *output, struct pam_error *error);

/* From here on it is the capture: empties a file. */
void pam_output_begin(const struct pam_output *output);

/* Nothing came of it: removes a file that was not there before. */
void pam_output_abandon(const struct pam_output *output);

#endif
