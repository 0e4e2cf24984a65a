/* natives.h - the native and kernel stacks of captures: unwound as they come, named when they are asked for.
 *
 * A `native` record is unwound at once and its copy of the stack forgotten: what is kept are lists of
 * frames, equal ones once. Without libdw, and where a file is missing, frames are addresses. */
#ifndef PAM_NATIVES_H
#define PAM_NATIVES_H

#include "symbols/labels.h"

enum pam_native_role {
    PAM_ROLE_PLAIN,
    PAM_ROLE_EVAL,       /* the interpreter's loop: stands for Python's frames */
    PAM_ROLE_TRAMPOLINE, /* of -X perf: names the Python function that the eval frame in it runs */
    PAM_ROLE_HANDLER,    /* of an instruction, in a loop that is a function an instruction: the loop has called it */
    PAM_ROLE_NAMELESS,   /* an address: it may be any of them */
    PAM_ROLE_ROOT,       /* where the C library starts a thread or the program */
};

/* A frame with its names: its function, innermost first those inlined in it. */
struct pam_native_names {
    enum pam_native_role role;
    const uint32_t *labels; /* until the next frame is named */
    size_t count;
};

struct pam_native_stack {
    bool whole; /* up to the thread's root */
    bool exact; /* of the same moment as Python's stack */
    const uint32_t *user; /* frames, innermost first */
    size_t user_count;
    const uint32_t *kernel;
    size_t kernel_count;
};

struct pam_natives;

/* `labels` and `sysroot` (NULL: none) live longer. `model` learns the number of each native stack. */
int pam_natives_new(struct pam_natives **ret, struct pam_model *model, struct pam_labels *labels,
                    const char *sysroot, struct pam_error *error);
void pam_natives_free(struct pam_natives *natives);

/* Takes every event, after the model has; that another capture begins after all spans of the one before
 * have been named. 0 or PAM_MEMORY. */
int pam_natives_add(struct pam_natives *natives, const struct pam_event *event,
                    struct pam_error *error);

/* By its number, one less than pam_model_native_plus1(); borrowed until pam_natives_free(). */
struct pam_native_stack pam_natives_stack(const struct pam_natives *natives, uint32_t number);

/* 0 or PAM_MEMORY. */
int pam_natives_names(struct pam_natives *natives, uint32_t frame, struct pam_native_names *names,
                      struct pam_error *error);

/* Appends what the user should know of names that are missing, a line each. */
void pam_natives_remarks(const struct pam_natives *natives, FILE *out);

#endif
