/* merge.c - the stack of a span as labels: Python's frames, and the native and kernel ones. */
#include "symbols/merge.h"

#include <stdlib.h>
#include <string.h>

/* Before, every Python frame has an eval frame of its own. */
static const uint32_t FIRST_WITH_RUNS = 0x030b0000;

/* How a native stack fits Python's. */
enum fit {
    FIT_WHOLE, /* each eval frame has its run of Python frames */
    FIT_CUT,   /* of Python's stack only the root side is known */
    FIT_ROOT,  /* taken at another moment, say: only the root side of both is the same */
    FIT_LEAF,  /* its root is missing */
    FIT_NONE,
    FITS,
};

struct pam_merger {
    const struct pam_model *model;
    struct pam_labels *labels;
    struct pam_natives *natives;
    struct pam_table known; /* struct known_key */
    uint64_t fits[FITS];    /* how many of the known */
};

/* What makes a stack, as a key: each is counted once. */
struct known_key {
    uint32_t stack, native_plus1, leaf_cut, between, on;
};

/* Python's part, root first. */
struct python_part {
    uint32_t labels[PAM_MAX_LABELS_A_STACK];
    bool starts_run[PAM_MAX_LABELS_A_STACK];
    size_t count, runs;
};

struct list {
    uint32_t *labels;
    size_t count;
};

int pam_merger_new(struct pam_merger **ret, const struct pam_model *model, struct pam_labels *labels,
                   struct pam_natives *natives, struct pam_error *error)
{
    *ret = calloc(1, sizeof **ret);
    if (!*ret)
        return pam_fail(error, PAM_MEMORY, "not enough memory to merge stacks");
    (*ret)->model = model;
    (*ret)->labels = labels;
    (*ret)->natives = natives;
    return 0;
}

void pam_merger_free(struct pam_merger *merger)
{
    if (!merger)
        return;
    pam_table_done(&merger->known);
    free(merger);
}

static void put(struct list *list, uint32_t label)
{
    if (list->count < PAM_MAX_LABELS_A_STACK)
        list->labels[list->count++] = label;
}

/* --- Python's part --------------------------------------------------------------------------------- */

/* A task is shown as a frame, but nothing runs it: it stands behind the frames of its loop. */
static bool has_own_eval_frame(const struct pam_model *model, const struct pam_stack_model *node)
{
    const struct pam_frame_model frame = pam_model_frame(model, node->frame);

    if (frame.task_plus1 && frame.task_plus1 != PAM_UNKNOWN)
        return false;
    return node->entered || pam_model_code(model, frame.code).python_version < FIRST_WITH_RUNS;
}

static int read_python(struct pam_merger *merger, uint32_t stack, struct python_part *python,
                       struct pam_error *error)
{
    const struct pam_span cut = {.stack = stack, .leaf_cut = true};
    const int64_t count = pam_labels_stack(merger->labels, &cut, python->labels, error);

    python->count = python->runs = 0;
    if (count < 0 || stack >= PAM_NO_STACK)
        return count < 0 ? (int)count : 0;
    python->count = (size_t)count;
    for (size_t i = python->count; i-- > 0;) {
        const struct pam_stack_model node = pam_model_get_stack(merger->model, stack);

        python->starts_run[i] = i == 0 || has_own_eval_frame(merger->model, &node);
        python->runs += python->starts_run[i];
        stack = node.parent;
    }
    return 0;
}

/* Puts the run that starts at `*at`, and moves on to the next. */
static void put_run(struct list *list, const struct python_part *python, size_t *at)
{
    do
        put(list, python->labels[(*at)++]);
    while (*at < python->count && !python->starts_run[*at]);
}

/* --- the native part ---------------------------------------------------------------------------------- */

/* A frame's function and those inlined in it, outermost first. */
static int put_native(struct pam_merger *merger, struct list *list, uint32_t frame,
                      struct pam_error *error)
{
    struct pam_native_names names;
    const int r = pam_natives_names(merger->natives, frame, &names, error);

    for (size_t i = r < 0 ? 0 : names.count; i-- > 0;)
        put(list, names.labels[i]);
    return r;
}

/* How many eval frames the thread's own part has; `whole`: its root is there. */
static int count_seams(struct pam_merger *merger, const struct pam_native_stack *native,
                       size_t *seams, bool *whole, struct pam_error *error)
{
    *seams = 0;
    *whole = native->whole;
    for (size_t i = 0; i < native->user_count; i++) {
        struct pam_native_names names;
        const int r = pam_natives_names(merger->natives, native->user[i], &names, error);

        if (r < 0)
            return r;
        *seams += names.role == PAM_ROLE_EVAL;
        *whole |= names.role == PAM_ROLE_ROOT;
    }
    return 0;
}

/* What Python's frames stand for, besides the eval frames themselves. */
static bool is_of_loop(enum pam_native_role role)
{
    return role == PAM_ROLE_TRAMPOLINE || role == PAM_ROLE_HANDLER;
}

/* The thread's own frames from the root on, with runs of Python frames for up to `seams` eval frames; then
 * `leaf` tells whether what the last of them calls is put, too. */
static int put_merged(struct pam_merger *merger, struct list *list,
                      const struct pam_native_stack *native, const struct python_part *python,
                      size_t *at, size_t seams, bool leaf, struct pam_error *error)
{
    size_t done = 0;

    for (size_t i = native->user_count; i-- > 0;) {
        struct pam_native_names names;
        int r;

        if (done == seams && !leaf)
            return 0;
        r = pam_natives_names(merger->natives, native->user[i], &names, error);
        if (r == 0 && names.role == PAM_ROLE_EVAL && *at < python->count) {
            put_run(list, python, at);
            done++;
        } else if (r == 0 && (!is_of_loop(names.role) || !python->count)) {
            r = put_native(merger, list, native->user[i], error);
        }
        if (r < 0)
            return r;
    }
    return 0;
}

/* What the thread waits in, where its own code has called it; then how the kernel does it. Of a thread that
 * stood still although it does not wait, the kernel's part tells only how another one got its CPU. */
static int put_kernel(struct pam_merger *merger, struct list *list, const struct pam_span *span,
                      const struct pam_native_stack *native, struct pam_error *error)
{
    const int64_t wait = pam_labels_wait(merger->labels, span);
    const bool preempted = native->exact && span->on;
    int r = wait < 0 ? pam_fail(error, PAM_MEMORY, "not enough memory for names") : 0;

    if (wait >= 0 && wait != UINT32_MAX)
        put(list, (uint32_t)wait);
    for (size_t i = preempted ? 0 : native->kernel_count; i-- > 0 && r == 0;)
        r = put_native(merger, list, native->kernel[i], error);
    return r;
}

/* --- both ----------------------------------------------------------------------------------------------- */

static enum fit fit_of(const struct pam_native_stack *native, const struct python_part *python,
                       size_t seams, bool whole, bool leaf_cut)
{
    if (leaf_cut)
        return whole ? FIT_CUT : FIT_NONE;
    if (whole)
        return seams == python->runs ? FIT_WHOLE : FIT_ROOT;
    return native->exact && seams <= python->runs ? FIT_LEAF : FIT_NONE;
}

static int merge(struct pam_merger *merger, const struct pam_span *span, struct list *list,
                 enum fit *fit, struct pam_error *error)
{
    const struct pam_native_stack native =
        pam_natives_stack(merger->natives, span->native_plus1 - 1);
    struct python_part python;
    size_t seams = 0, at = 0;
    bool whole = false;
    int r = read_python(merger, span->stack, &python, error);

    if (r == 0)
        r = count_seams(merger, &native, &seams, &whole, error);
    if (r < 0)
        return r;
    if (!native.user_count || !python.count) { /* there is nothing to merge */
        const struct pam_span plain = {
            .stack = span->stack, .leaf_cut = span->leaf_cut, .between = span->between};
        const int64_t count = pam_labels_stack(merger->labels, &plain, list->labels, error);

        *fit = FIT_WHOLE;
        list->count = count > 0 && (python.count || !native.user_count) ? (size_t)count : 0;
        r = count < 0 ? (int)count
                      : put_merged(merger, list, &native, &python, &at, 0, true, error);
        return r == 0 ? put_kernel(merger, list, span, &native, error) : r;
    }
    *fit = fit_of(&native, &python, seams, whole, span->leaf_cut);
    if (*fit == FIT_NONE || *fit == FIT_LEAF) /* the native part begins with the last runs */
        for (size_t runs = python.runs; at < python.count && (*fit == FIT_NONE || runs > seams); runs--)
            put_run(list, &python, &at);
    if (*fit == FIT_WHOLE || *fit == FIT_LEAF)
        r = put_merged(merger, list, &native, &python, &at, seams, true, error);
    else if (*fit == FIT_ROOT || *fit == FIT_CUT)
        r = put_merged(merger, list, &native, &python, &at,
                       seams < python.runs ? seams : python.runs, false, error);
    while (at < python.count)
        put_run(list, &python, &at);
    return r == 0 && (*fit == FIT_WHOLE || *fit == FIT_LEAF)
               ? put_kernel(merger, list, span, &native, error) : r;
}

int64_t pam_merger_stack(struct pam_merger *merger, const struct pam_span *span, uint32_t *out,
                         struct pam_error *error)
{
    const struct known_key key = {span->stack, span->native_plus1, span->leaf_cut, span->between,
                                  span->on};
    const uint32_t known = merger->known.count;
    struct list list = {out, 0};
    enum fit fit;
    int r;

    if (!span->native_plus1 || !merger->natives)
        return pam_labels_stack(merger->labels, span, out, error);
    if (pam_table_id(&merger->known, &key, sizeof key) < 0)
        return pam_fail(error, PAM_MEMORY, "not enough memory to merge stacks");
    r = merge(merger, span, &list, &fit, error);
    if (r < 0)
        return r;
    merger->fits[fit] += merger->known.count > known;
    return (int64_t)list.count;
}

void pam_merger_remarks(const struct pam_merger *merger, FILE *out)
{
    if (merger->fits[FIT_ROOT])
        fprintf(out, "%" PRIu64 " of %" PRIu32 " native stacks do not fit Python's, taken a moment before or without "
                "names for the interpreter's loop: of these only the root side is merged\n", merger->fits[FIT_ROOT], merger->known.count);
    if (merger->fits[FIT_NONE])
        fprintf(out, "%" PRIu64 " of %" PRIu32 " native stacks could not be unwound to their root: Python's "
                "alone are shown\n", merger->fits[FIT_NONE], merger->known.count);
}
