/* merge.c - the stack of a span as labels: Python's frames, and the native and kernel ones. */
#include "symbols/merge.h"

#include <stdlib.h>
#include <string.h>

/* Before, every Python frame has an eval frame of its own. */
static const uint32_t FIRST_WITH_RUNS = 0x030b0000;

/* How a native stack fits Python's. */
enum fit {
    FIT_WHOLE, /* each eval frame has its run of Python frames */
    FIT_CUT,   /* of Python's stack only the root side is known: the leaf is the native one's */
    FIT_OTHER, /* taken at another moment: the same */
    FIT_ROOT,  /* or with an eval frame that is not seen to be one: the leaf is Python's */
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

/* What the thread's own frames tell. */
struct native_part {
    size_t seams; /* eval frames */
    bool whole;   /* its root is there */
    bool named;   /* each frame has a name: there are no further seams */
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
    const int64_t count = pam_labels_frames(merger->labels, stack, python->labels, error);

    python->count = python->runs = 0;
    if (count < 0)
        return (int)count;
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

static int read_native(struct pam_merger *merger, const struct pam_native_stack *native,
                       struct native_part *part, struct pam_error *error)
{
    *part = (struct native_part){.whole = native->whole, .named = true};
    for (size_t i = 0; i < native->user_count; i++) {
        struct pam_native_names names;
        const int r = pam_natives_names(merger->natives, native->user[i], &names, error);

        if (r < 0)
            return r;
        part->seams += names.role == PAM_ROLE_EVAL;
        part->whole |= names.role == PAM_ROLE_ROOT;
        part->named &= names.role != PAM_ROLE_NAMELESS;
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

static enum fit fit_of(const struct pam_native_stack *native, const struct native_part *part,
                       const struct python_part *python, bool leaf_cut)
{
    if (!part->whole)
        return !leaf_cut && native->exact && part->seams <= python->runs ? FIT_LEAF : FIT_NONE;
    if (part->seams < python->runs)
        return part->named && part->seams ? FIT_OTHER : FIT_ROOT;
    return leaf_cut ? FIT_CUT : part->seams > python->runs ? FIT_OTHER : FIT_WHOLE;
}

/* What is missing of Python's frames, of the last run that is there or not, stands behind that as "[unknown]". */
static int put_missing(struct pam_merger *merger, struct python_part *python, size_t runs, struct pam_error *error)
{
    const struct pam_label missing = {.kind = PAM_LABEL_STATE, .name = pam_text("[unknown]")};
    const int64_t label = pam_labels_add(merger->labels, &missing);

    if (label < 0)
        return pam_fail(error, PAM_MEMORY, "not enough memory for names");
    for (; python->runs > runs; python->runs--)
        while (!python->starts_run[--python->count])
            ;
    if (python->count == PAM_MAX_LABELS_A_STACK)
        python->count--;
    python->starts_run[python->count] = false;
    python->labels[python->count++] = (uint32_t)label;
    return 0;
}

/* There is nothing to merge. */
static int put_either(struct pam_merger *merger, const struct pam_span *span, struct list *list,
                      const struct pam_native_stack *native, const struct python_part *python, struct pam_error *error)
{
    const struct pam_span plain = {.stack = span->stack, .leaf_cut = span->leaf_cut, .between = span->between};
    const int64_t count = pam_labels_stack(merger->labels, &plain, list->labels, error);
    size_t at = 0;

    list->count = count > 0 && (python->count || !native->user_count) ? (size_t)count : 0;
    return count < 0 ? (int)count : put_merged(merger, list, native, python, &at, 0, true, error);
}

static int put_both(struct pam_merger *merger, struct list *list, const struct pam_native_stack *native,
                    size_t seams, struct python_part *python, enum fit fit, bool leaf_cut, struct pam_error *error)
{
    size_t at = 0;
    int r = leaf_cut || fit == FIT_OTHER
                ? put_missing(merger, python, fit == FIT_OTHER ? seams : python->runs, error) : 0;

    if (fit == FIT_NONE || fit == FIT_LEAF) /* the native part begins with the last runs */
        for (size_t runs = python->runs; at < python->count && (fit == FIT_NONE || runs > seams); runs--)
            put_run(list, python, &at);
    if (r == 0 && fit != FIT_NONE)
        r = put_merged(merger, list, native, python, &at, seams, fit != FIT_ROOT, error);
    while (at < python->count)
        put_run(list, python, &at);
    if (fit == FIT_OTHER && !leaf_cut && list->labels[list->count - 1] == python->labels[python->count - 1])
        list->count--; /* nothing is behind what is missing */
    return r;
}

static int merge(struct pam_merger *merger, const struct pam_span *span, struct list *list,
                 enum fit *fit, struct pam_error *error)
{
    const struct pam_native_stack native =
        pam_natives_stack(merger->natives, span->native_plus1 - 1);
    struct python_part python;
    struct native_part part;
    int r = read_python(merger, span->stack, &python, error);

    *fit = FIT_WHOLE;
    if (r == 0)
        r = read_native(merger, &native, &part, error);
    if (r == 0 && (!native.user_count || !python.count)) {
        r = put_either(merger, span, list, &native, &python, error);
    } else if (r == 0) {
        *fit = fit_of(&native, &part, &python, span->leaf_cut);
        r = put_both(merger, list, &native, part.seams, &python, *fit, span->leaf_cut, error);
    }
    return r == 0 && *fit != FIT_ROOT && *fit != FIT_NONE ? put_kernel(merger, list, span, &native, error) : r;
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
    if (merger->fits[FIT_OTHER])
        fprintf(out, "%" PRIu64 " of %" PRIu32 " native stacks are not as deep as Python's, taken a moment before: their leaves "
                "are shown, behind [unknown]\n", merger->fits[FIT_OTHER], merger->known.count);
    if (merger->fits[FIT_ROOT])
        fprintf(out, "%" PRIu64 " of %" PRIu32 " native stacks do not fit Python's, taken a moment before or without "
                "names for the interpreter's loop: of these only the root side is merged\n", merger->fits[FIT_ROOT], merger->known.count);
    if (merger->fits[FIT_NONE])
        fprintf(out, "%" PRIu64 " of %" PRIu32 " native stacks could not be unwound to their root: Python's "
                "alone are shown\n", merger->fits[FIT_NONE], merger->known.count);
}
