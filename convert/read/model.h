/* model.h - what the interned ids of a capture mean, over all its epochs.
 *
 * A capture numbers strings, codes, frames and stacks afresh in each epoch. The model gives equal
 * things one number for the whole capture, so memory grows with what is distinct, not with time.
 * Ids that a damaged capture never defined become PAM_UNKNOWN. */
#ifndef PAM_MODEL_H
#define PAM_MODEL_H

#include "intern.h"
#include "reader.h"

/* Not enumerators: those are ints in C17. */
#define PAM_UNKNOWN  UINT32_MAX       /* a stack, frame or text that is not known */
#define PAM_NO_STACK (UINT32_MAX - 1) /* a thread without a Python frame; the parent of a root */

enum { PAM_MAX_ID = 1 << 24 }; /* ids of one epoch; the collector's tables are smaller */

struct pam_code_model {
    uint32_t python_version; /* PY_VERSION_HEX */
    uint32_t file, name, qualname; /* texts, or PAM_UNKNOWN */
    uint32_t first_line;
    struct pam_bytes line_table, bytecode, names, local_names;
};

struct pam_frame_model {
    uint32_t code;
    uint32_t unit_plus1;
    uint32_t reused; /* 1: the code's address was found to hold another, perhaps this early */
};

struct pam_stack_model {
    uint32_t parent; /* PAM_NO_STACK at the root */
    uint32_t frame;
};

struct pam_thread_model {
    uint64_t id;   /* in the capture */
    uint64_t pid, tid;
    uint32_t capture; /* which one, of several, from 0 */
    uint32_t name; /* text: Python's name, else the kernel's; PAM_UNKNOWN */
    bool has_python;
};

struct pam_model;

int pam_model_new(struct pam_model **ret, struct pam_error *error);
void pam_model_free(struct pam_model *model);

/* Takes every event in order. 0 or PAM_MEMORY. */
int pam_model_add(struct pam_model *model, const struct pam_event *event, struct pam_error *error);

/* The capture-wide number of a stack id of the current epoch. */
uint32_t pam_model_stack(const struct pam_model *model, uint64_t stack_id);

/* The capture-wide number of a code id of the current epoch, or PAM_UNKNOWN. */
uint32_t pam_model_code_id(const struct pam_model *model, uint64_t code_id);

/* The same stack with the frames of a code marked as reused; itself when there are none. -1: memory. */
int64_t pam_model_mark(struct pam_model *model, uint32_t stack, uint32_t code);

/* Borrowed until the model is freed (texts) or changed (the others). */
struct pam_bytes pam_model_text(const struct pam_model *model, uint32_t text);
struct pam_code_model pam_model_code(const struct pam_model *model, uint32_t code);
struct pam_frame_model pam_model_frame(const struct pam_model *model, uint32_t frame);
struct pam_stack_model pam_model_get_stack(const struct pam_model *model, uint32_t stack);

/* Has a function of that name been seen as called from this frame? Then what stands there is a call
 * into Python, not into C. */
bool pam_model_calls(const struct pam_model *model, uint32_t frame, struct pam_bytes name);

/* Threads in the order in which the capture introduced them. The index of a thread id, or -1. */
size_t pam_model_threads(const struct pam_model *model);
const struct pam_thread_model *pam_model_thread(const struct pam_model *model, size_t index);
int64_t pam_model_thread_index(const struct pam_model *model, uint64_t thread_id);

/* How many captures there have been, and the scenario of one of them. */
uint32_t pam_model_captures(const struct pam_model *model);
struct pam_bytes pam_model_scenario(const struct pam_model *model, uint32_t capture);

/* Capture by capture: the target's main thread comes first, then Python's threads, then the others, each
 * by age; `order` gets pam_model_threads() indices. */
void pam_model_order_threads(const struct pam_model *model, size_t *order);

#endif
