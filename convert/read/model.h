/* model.h - what the interned ids of a capture mean, over all its epochs.
 *
 * A capture numbers strings, codes, frames and stacks afresh in each epoch. The model gives equal
 * things one number for the whole capture, so memory grows with what is distinct, not with time.
 * Ids that a damaged capture never defined become PAM_UNKNOWN. */
#ifndef PAM_MODEL_H
#define PAM_MODEL_H

#include "intern.h"
#include "id_map.h"
#include "reader.h"
#include "wait_table.h"

/* Not enumerators: those are ints in C17. */
#define PAM_UNKNOWN  UINT32_MAX       /* a stack, frame or text that is not known */
#define PAM_NO_STACK (UINT32_MAX - 1) /* a thread without a Python frame; the parent of a root */

struct pam_code_model {
    uint32_t python_version; /* PY_VERSION_HEX */
    uint32_t file, name, qualname; /* texts, or PAM_UNKNOWN */
    uint32_t first_line;
    struct pam_bytes line_table, bytecode, names, local_names;
    uint32_t first_cell; /* index in local_names from which instructions count cells */
};

struct pam_frame_model {
    uint32_t code;
    uint32_t unit_plus1;
    uint32_t reused; /* 1: the code's address was found to hold another, perhaps this early */
    uint32_t task_plus1; /* 1 + text: no function, but the asyncio task that runs those after it */
};

struct pam_stack_model {
    uint32_t parent; /* PAM_NO_STACK at the root */
    uint32_t frame;
    uint32_t entered; /* 1: called from C, so an eval frame of its own runs it */
};

struct pam_thread_model {
    uint64_t id;   /* in the capture */
    uint64_t pid, tid;
    uint32_t capture; /* which one, of several, from 0 */
    uint32_t name; /* text: Python's name, else the kernel's; PAM_UNKNOWN */
    uint32_t command; /* text: of a child of the target its command line, short; else PAM_UNKNOWN */
    bool has_python;
};

struct pam_model;

int pam_model_new(struct pam_model **ret, struct pam_error *error);
void pam_model_free(struct pam_model *model);

/* Takes every event in order. 0 or PAM_MEMORY. */
int pam_model_add(struct pam_model *model, const struct pam_event *event, struct pam_error *error);

/* The capture-wide number of a stack id of the current epoch. */
uint32_t pam_model_stack(const struct pam_model *model, uint64_t stack_id);

/* The same stack with the task of the current epoch as a frame behind the first `depth`; the stack itself
 * when it has no more than these, or the task is not known. -1: memory. */
int64_t pam_model_with_task(struct pam_model *model, uint32_t stack, uint64_t task_id, uint64_t depth);

/* What the task of the current epoch is called: its name if it was given one, else its coroutine's; a
 * text, or PAM_UNKNOWN. */
uint32_t pam_model_task(const struct pam_model *model, uint64_t task_id);

/* The text of a string id of the current epoch, or PAM_UNKNOWN. */
uint32_t pam_model_string(const struct pam_model *model, uint64_t string_id);

/* The capture-wide number of a code id of the current epoch, or PAM_UNKNOWN. */
uint32_t pam_model_code_id(const struct pam_model *model, uint64_t code_id);

/* The same stack with the frames of a code marked as reused; itself when there are none. -1: memory. */
int64_t pam_model_mark(struct pam_model *model, uint32_t stack, uint32_t code);

/* Native stacks are numbered by who unwinds them: 1 + the number of a native id of the current epoch, 0
 * when it has none. Setting it: negative when memory is short. */
uint32_t pam_model_native_plus1(const struct pam_model *model, uint64_t native_id);
int pam_model_set_native(struct pam_model *model, uint64_t native_id, uint32_t number);

/* Borrowed until the model is freed (texts) or changed (the others). */
struct pam_bytes pam_model_text(const struct pam_model *model, uint32_t text);
struct pam_code_model pam_model_code(const struct pam_model *model, uint32_t code);
struct pam_frame_model pam_model_frame(const struct pam_model *model, uint32_t frame);
struct pam_stack_model pam_model_get_stack(const struct pam_model *model, uint32_t stack);

/* Has a function of that name been seen as called from this frame (PAM_UNKNOWN: from any)? Then what
 * stands there is a call into Python, not into C. */
bool pam_model_calls(const struct pam_model *model, uint32_t frame, struct pam_bytes name);

/* 1 + the number of what the thread waits in with this stack when it is off its CPU, 0: not known; and
 * what that is. */
uint32_t pam_model_wait_plus1(const struct pam_model *model, size_t thread, uint32_t stack);
struct pam_wait_model pam_model_wait(const struct pam_model *model, uint32_t wait);

/* Threads in the order in which the capture introduced them. The index of a thread id, or -1. */
size_t pam_model_threads(const struct pam_model *model);
const struct pam_thread_model *pam_model_thread(const struct pam_model *model, size_t index);
int64_t pam_model_thread_index(const struct pam_model *model, uint64_t thread_id);

/* How many captures there have been, and the scenario of one of them. */
uint32_t pam_model_captures(const struct pam_model *model);
struct pam_bytes pam_model_scenario(const struct pam_model *model, uint32_t capture);

/* Capture by capture, the target before its children: a process's main thread comes first, then Python's
 * threads, then the others, each by age; `order` gets pam_model_threads() indices. */
void pam_model_order_threads(const struct pam_model *model, size_t *order);

#endif
