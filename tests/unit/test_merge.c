/* test_merge.c - native frames and Python's in one stack: what the seams are, and what is done when they do not fit. */
#include <stdlib.h>
#include <string.h>

#include "native_rig.h"
#include "symbols/merge.h"
#include "unit.h"

enum { MAX_FRAMES = 64, TEXT_BYTES = 4096, PID = 7, CODE_BYTES = 16 };

static struct native_rig rig;
static struct pam_merger *merger;
static uint64_t functions; /* so far */

static void take(const struct pam_record *record)
{
    native_rig_take(&rig, record);
}

static void set_up(void)
{
    native_rig_init(&rig, NULL);
    assert_int_equal(pam_merger_new(&merger, rig.model, rig.labels, rig.natives, &rig.error), 0);
    functions = 0;
}

static void tear_down(void)
{
    pam_merger_free(merger);
    native_rig_done(&rig);
}

/* A function at an address of its own: of the process, or of the kernel. */
static uint64_t function(const char *name, bool kernel)
{
    const uint64_t start = 0x10000 + CODE_BYTES * functions++;

    if (kernel)
        take(&(struct pam_record){.type = PAM_kernel_symbol,
                                  .kernel_symbol = {.address = start, .size_bytes = CODE_BYTES,
                                                    .name = pam_text(name)}});
    else
        take(&(struct pam_record){.type = PAM_jit_symbol,
                                  .jit_symbol = {.pid = PID, .start = start, .size_bytes = CODE_BYTES,
                                                 .name = pam_text(name)}});
    return start + CODE_BYTES / 2;
}

/* A chain of the functions that are named, outermost first; E is the eval loop. Returns its bytes. */
static size_t chain(const char *names, bool kernel, unsigned char bytes[8 * MAX_FRAMES])
{
    char text[TEXT_BYTES];
    size_t count = 0;

    assert_true(strlen(names) < sizeof text);
    for (char *name = strtok(strcpy(text, names), " "); name; name = strtok(NULL, " ")) {
        const char *whole = strcmp(name, "E") != 0 ? name : "_PyEval_EvalFrameDefault";

        assert_true(count < MAX_FRAMES);
        memmove(bytes + 8, bytes, 8 * count++); /* innermost first */
        pam_put_le(bytes, function(whole, kernel), 8);
    }
    return 8 * count;
}

static void put_native(const char *user, const char *kernel, uint64_t flags)
{
    unsigned char user_bytes[8 * (MAX_FRAMES + 1)], kernel_bytes[8 * (MAX_FRAMES + 1)];
    const size_t user_size = chain(user, false, user_bytes);
    const size_t kernel_size = chain(kernel, true, kernel_bytes);

    take(&(struct pam_record){.type = PAM_native,
                              .native = {.id = 1, .thread = 1, .flags = flags,
                                         .user_chain = {user_bytes, user_size},
                                         .kernel_chain = {kernel_bytes, kernel_size}}});
}

/* "f ^g h": Python functions, outermost first; "^": C called it. Returns the stack of the model. */
static uint32_t put_python(const char *names, uint64_t version)
{
    char text[TEXT_BYTES];
    uint64_t stack = 0, id = 0;

    for (char *name = strtok(strcpy(text, names), " "); name; name = strtok(NULL, " ")) {
        const bool entered = *name == '^';

        id++;
        take(&(struct pam_record){.type = PAM_string, .string = {id, pam_text(name + entered)}});
        take(&(struct pam_record){.type = PAM_code, .code = {.id = id, .name = id, .qualname = id,
                                                             .python_version = version}});
        take(&(struct pam_record){.type = PAM_frame, .frame = {.id = id, .code = id}});
        take(&(struct pam_record){.type = PAM_stack, .stack = {.id = id, .parent = stack, .frame = id,
                                                               .entered = entered}});
        stack = id;
    }
    return pam_model_stack(rig.model, stack);
}

static void text_of(const struct pam_span *span, char text[TEXT_BYTES])
{
    static uint32_t list[PAM_MAX_LABELS_A_STACK];
    const int64_t count = pam_merger_stack(merger, span, list, &rig.error);
    size_t size = 0;

    assert_true(count > 0);
    for (int64_t i = 0; i < count; i++) {
        const struct pam_label label = pam_labels_get(rig.labels, list[i]);

        size += (size_t)snprintf(text + size, TEXT_BYTES - size, "%s%.*s%s%s", i ? " " : "",
                                 (int)label.name.size, (const char *)label.name.data,
                                 label.kind == PAM_LABEL_NATIVE ? "!" : "", pam_label_mark(label.kind));
    }
}

static void expect(const char *user, const char *kernel, uint64_t flags, const char *python,
                   uint64_t version, struct pam_span span, const char *expected)
{
    char text[TEXT_BYTES];

    set_up();
    put_native(user, kernel, flags);
    span.stack = python ? put_python(python, version) : span.stack;
    span.native_plus1 = pam_model_native_plus1(rig.model, 1);
    assert_int_not_equal(span.native_plus1, 0);
    text_of(&span, text);
    assert_string_equal(text, expected);
    tear_down();
}

static const struct pam_span plain;

static void each_eval_frame_is_a_run(void **state)
{
    (void)state;
    expect("_start main E sort E", "", 0, "a b ^c", 0x030b07f0, plain, "_start! main! a b sort! c");
    expect("_start main E sort E neg", "", 0, "a ^b c d", 0x030c01f0, plain,
           "_start! main! a sort! b c d neg!");
    expect("_start E", "", 0, "^a b c", 0x030d00f0, plain, "_start! a b c");
    expect("_start E x _PyEval_EvalFrameDefault y", "", 0, "a ^b", 0x030b07f0, plain,
           "_start! a x! b y!");
    /* before 3.11 every frame has its own */
    expect("_start E x E x E", "", 0, "a b c", 0x030a0df0, plain, "_start! a x! b x! c");
}

static void frames_that_tell_of_python_only_are_left_out(void **state)
{
    (void)state;
    expect("_start py::a:f.py E x py::b:f.py E", "", 0, "a ^b", 0x030c01f0, plain, "_start! a x! b");
    expect("_start E _TAIL_CALL_CALL x E _TAIL_CALL_ENTER_EXECUTOR y", "", 0, "a ^b", 0x030e00f0, plain,
           "_start! a x! b y!");
    expect("_start E _TAIL_CALL_CALL", "", 0, NULL, 0, (struct pam_span){.stack = PAM_UNKNOWN},
           "_start! _PyEval_EvalFrameDefault! _TAIL_CALL_CALL!");
}

static void the_kernel_comes_last(void **state)
{
    const struct pam_span preempted = {.on = true};

    (void)state;
    expect("_start E read", "entry sys_read", 1, "a", 0x030b07f0, plain,
           "_start! a read! entry [kernel] sys_read [kernel]");
    expect("_start E read", "entry schedule", 1, "a", 0x030b07f0, preempted, "_start! a read!");
    expect("_start E read", "entry sys_read", 0, "a", 0x030b07f0, preempted,
           "_start! a read! entry [kernel] sys_read [kernel]");
    expect("", "entry sys_read", 1, "a", 0x030b07f0, plain, "a entry [kernel] sys_read [kernel]");
}

/* Native frames taken a moment before or after Python's: what they call from the last common run on is theirs. */
static void other_moments_share_the_root(void **state)
{
    (void)state;
    expect("_start E x E y E z", "k", 0, "a ^b", 0x030b07f0, plain,
           "_start! a x! b [unknown] y! _PyEval_EvalFrameDefault! z! k [kernel]");
    expect("_start E z", "k", 0, "a ^b c", 0x030b07f0, plain, "_start! a [unknown] z! k [kernel]");
    expect("_start E z E", "", 0, "a ^b c ^d ^e f", 0x030b07f0, plain, "_start! a z! b c");
    expect("_start E z 0x12", "k", 0, "a ^b c", 0x030b07f0, plain, "_start! a b c"); /* 0x12 may be b's */
    expect("_start main", "k", 0, "a", 0x030b07f0, plain, "a");
}

/* What is missing of Python's may be of the last run that is known, or of those that the native stack goes on with. */
static void a_cut_stack_goes_on_natively(void **state)
{
    const struct pam_span cut = {.leaf_cut = true};

    (void)state;
    expect("_start E x E y", "k", 1, "a ^b", 0x030b07f0, cut, "_start! a x! b [unknown] y! k [kernel]");
    expect("_start E x E y", "", 0, "a", 0x030b07f0, cut,
           "_start! a [unknown] x! _PyEval_EvalFrameDefault! y!");
    expect("_start E x E", "", 0, "a ^b", 0x030b07f0, cut, "_start! a x! b [unknown]");
    expect("_start E y", "", 0, "a ^b c", 0x030b07f0, cut, "_start! a [unknown] y!");
    expect("_start E x E", "", 0, "a ^b ^c", 0x030b07f0, cut, "_start! a x! b [unknown]");
    expect("E y", "", 1, "a ^b", 0x030b07f0, cut, "a b [unknown]");
    expect("", "", 1, "a ^b", 0x030b07f0, cut, "a b [unknown]");
    expect("_start E x", "", 0, "a ^b ^c", 0x030b07f0, cut, "_start! a [unknown] x!");
    expect("_start E y", "", 0, "a b", 0x030a0df0, cut, "_start! a [unknown] y!");
    expect("_start E x E y", "", 0, "a b", 0x030a0df0, cut, "_start! a x! b [unknown] y!");
}

/* Without the root only the leaf can be told apart, and only of the same moment. */
static void without_a_root_the_leaf_is_merged(void **state)
{
    (void)state;
    expect("x E y", "k", 1, "a b ^c", 0x030b07f0, plain, "a b x! c y! k [kernel]");
    expect("E y", "", 1, "a", 0x030b07f0, plain, "a y!");
    expect("y", "", 1, "a ^b", 0x030b07f0, plain, "a b y!");
    expect("x E y", "k", 0, "a b ^c", 0x030b07f0, plain, "a b c");
    expect("E E E", "", 1, "a ^b", 0x030b07f0, plain, "a b");
}

static void stacks_of_one_kind_only(void **state)
{
    const struct pam_span none = {.stack = PAM_NO_STACK}, unknown = {.stack = PAM_UNKNOWN};

    (void)state;
    expect("clone3 work", "k", 1, NULL, 0, none, "clone3! work! k [kernel]");
    expect("_start E py::a:f.py", "", 0, NULL, 0, unknown,
           "_start! _PyEval_EvalFrameDefault! py::a:f.py!");
    expect("", "k", 1, NULL, 0, none, "[no Python frame] k [kernel]");
    expect("", "k", 1, NULL, 0, unknown, "[unknown] k [kernel]");
}

static void expect_remark(const char *native, const char *python, const char *expected)
{
    char text[TEXT_BYTES], *remarks;
    struct pam_span span = plain;
    size_t size;
    FILE *out;

    set_up();
    put_native(native, "", 0);
    span.stack = put_python(python, 0x030b07f0);
    span.native_plus1 = pam_model_native_plus1(rig.model, 1);
    for (int again = 0; again < 3; again++)
        text_of(&span, text);
    out = open_memstream(&remarks, &size);
    pam_merger_remarks(merger, out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(remarks, expected);
    free(remarks);
    tear_down();
}

static void what_was_not_merged_is_told_once(void **state)
{
    (void)state;
    expect_remark("_start E 0x12", "a ^b", "1 of 1 native stacks do not fit Python's, taken a moment before or without names "
                                        "for the interpreter's loop: of these only the root side is merged\n");
    expect_remark("_start E x E", "a", "1 of 1 native stacks are not as deep as Python's, taken a moment before: their leaves "
                                       "are shown, behind [unknown]\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_eval_frame_is_a_run),
        cmocka_unit_test(frames_that_tell_of_python_only_are_left_out),
        cmocka_unit_test(the_kernel_comes_last),
        cmocka_unit_test(other_moments_share_the_root),
        cmocka_unit_test(a_cut_stack_goes_on_natively),
        cmocka_unit_test(without_a_root_the_leaf_is_merged),
        cmocka_unit_test(stacks_of_one_kind_only),
        cmocka_unit_test(what_was_not_merged_is_told_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
