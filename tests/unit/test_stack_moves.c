/* test_stack_moves.c - threads that run while they are read: the two copies differ, their common
 * root is kept, and nothing that never was is told. */
#include "python/walk.h"
#include "rig.h"

#include "unit.h"

/* What all tests but the last two run with, one after the other. */
static uint32_t version;

static struct rig rig;
static struct python_thread *const thread = &rig.threads[0];

/* What the thread does between the two copies; `moves_left` times. */
static void (*move)(unsigned number);
static unsigned moves_left, moves;

/* The second copy starts with the thread state. */
static void move_between_copies(struct target *target, uint64_t address, unsigned seen)
{
    (void)target;
    if (address != rig.py[0].tstate || seen != 1 || !moves_left)
        return;
    moves_left--;
    move(moves++);
}

static void begin(void (*act)(unsigned number), unsigned times)
{
    rig_init(&rig, version, RIG_CHUNK_BYTES);
    rig_call(&rig, "main", 1);
    rig_call(&rig, "serve", 2);
    move = act;
    moves_left = times;
    moves = 0;
}

/* From the second read on, when the reader knows the regions. */
static void start_moving(void)
{
    const unsigned times = moves_left;

    moves_left = 0;
    rig_expect(&rig, PAM_STACK_WHOLE, NULL);
    moves_left = times;
    rig.target.before_piece = move_between_copies;
    rig.health = (struct pam_health){0};
}

static uint64_t codes[2];

static void replace_leaf(unsigned number)
{
    python_pop(thread);
    python_push(thread, codes[number % 2], 1 + number % 9);
}

static void make_codes(void)
{
    codes[0] = rig_code(&rig, "even");
    codes[1] = rig_code(&rig, "odd");
}

static void a_leaf_that_changes_once_is_read_again(void **state)
{
    (void)state;
    begin(replace_leaf, 1);
    make_codes();
    rig_call(&rig, "leaf", 3);
    start_moving();
    rig_expect(&rig, PAM_STACK_WHOLE, "f.py:main@1;f.py:serve@2;f.py:even@1");
    /* a frame object that was not known is looked for: that is no other try */
    assert_int_equal(rig.health.retried, rig.python.layout->tstate_chunk ? 1 : 0);
    assert_int_equal(rig.health.whole, 1);
    rig_done(&rig);
}

static void a_leaf_that_always_changes_is_cut(void **state)
{
    (void)state;
    begin(replace_leaf, UINT32_MAX);
    make_codes();
    rig_call(&rig, "leaf", 3);
    start_moving();
    rig_expect(&rig, PAM_STACK_TRUNCATED, "f.py:main@1;f.py:serve@2");
    assert_int_equal(rig.health.truncated, 1);
    assert_int_equal(rig.health.frames_kept, 2);
    assert_int_equal(rig.health.frames_dropped, 1);
    assert_true(rig.health.retried > 0 && rig.health.failed == 0);
    rig_done(&rig);
}

/* Calls another leaf while it is copied, and has gone on to `then` when it is read again. */
static void (*then)(void);

static void go_on_between_reads(struct target *target, uint64_t address, unsigned seen)
{
    (void)target;
    (void)seen;
    if (address != rig.py[0].tstate)
        return;
    moves++;
    if (moves == 2)
        replace_leaf(0);
    if (moves == 3)
        then();
}

static void expect_of_first_look(void (*next)(void), enum pam_outcome outcome, const char *stack)
{
    begin(replace_leaf, 0);
    make_codes();
    rig_call(&rig, "leaf", 3);
    start_moving();
    then = next;
    rig.target.before_piece = go_on_between_reads;
    rig_expect(&rig, outcome, stack);
    /* read twice, and once more if it adds a frame object that was not known */
    assert_int_equal(moves, outcome == PAM_STACK_WHOLE && !rig.python.layout->tstate_chunk ? 6 : 4);
    rig_done(&rig);
}

static void return_from_serve(void)
{
    python_pop(thread);
    python_pop(thread);
    python_set_unit(thread, thread->current, 9);
    python_push(thread, codes[1], 4);
}

static void call_from_another_line(void)
{
    python_pop(thread);
    python_set_unit(thread, thread->current, 9);
    python_push(thread, codes[1], 4);
}

static void call_deeper(void)
{
    python_push(thread, codes[1], 4);
}

/* It holds still then, but that would be told too often, and what was there at first never. */
static void what_comes_later_is_not_told_instead(void **state)
{
    (void)state;
    expect_of_first_look(return_from_serve, PAM_STACK_TRUNCATED, "f.py:main@1;f.py:serve@2");
    expect_of_first_look(call_from_another_line, PAM_STACK_TRUNCATED, "f.py:main@1;f.py:serve@2");
    expect_of_first_look(call_deeper, PAM_STACK_WHOLE,
                         "f.py:main@1;f.py:serve@2;f.py:even@1;f.py:odd@4");
}

static void step_leaf(unsigned number)
{
    python_set_unit(thread, thread->current, 1 + number % 20);
}

/* Only the leaf's instruction moved: the frames are the same, and the second copy's place is told.
 */
static void a_leaf_that_only_goes_on_is_whole(void **state)
{
    (void)state;
    begin(step_leaf, UINT32_MAX);
    rig_call(&rig, "leaf", 20);
    start_moving();
    rig_expect(&rig, PAM_STACK_WHOLE, "f.py:main@1;f.py:serve@2;f.py:leaf@1");
    assert_int_equal(rig.health.retried, 0);
    rig_done(&rig);
}

/* Returns from `leaf` and calls it again from the next line: same frames, another call. */
static void call_again_from_elsewhere(unsigned number)
{
    const uint64_t code =
        pam_frame_code(rig.python.layout, target_at(&rig.target, thread->current, 64));

    python_pop(thread);
    python_set_unit(thread, thread->current, 3 + number % 10);
    python_push(thread, code, 1 + number % 9);
}

static void a_caller_that_went_on_ends_what_is_known(void **state)
{
    (void)state;
    begin(call_again_from_elsewhere, UINT32_MAX);
    rig_call(&rig, "leaf", 3);
    start_moving();
    rig_expect(&rig, PAM_STACK_TRUNCATED, NULL);
    assert_int_equal(rig.py[0].depth, 2);
    rig_done(&rig);
}

static void call_or_return(unsigned number)
{
    if (number % 2)
        python_pop(thread);
    else
        python_push(thread, codes[0], 1);
}

static void a_stack_that_gets_deeper_and_flatter(void **state)
{
    (void)state;
    begin(call_or_return, UINT32_MAX);
    make_codes();
    start_moving();
    rig_expect(&rig, PAM_STACK_TRUNCATED, "f.py:main@1;f.py:serve@2");
    rig_done(&rig);
}

static void leave_python(unsigned number)
{
    static uint64_t main_code, serve_code;

    if (number % 2) {
        python_push(thread, main_code, 1);
        python_push(thread, serve_code, 2);
        return;
    }
    serve_code = pam_frame_code(rig.python.layout, target_at(&rig.target, thread->current, 64));
    python_pop(thread);
    main_code = pam_frame_code(rig.python.layout, target_at(&rig.target, thread->current, 64));
    python_pop(thread);
}

static void nothing_in_common_is_a_failure(void **state)
{
    (void)state;
    begin(leave_python, UINT32_MAX);
    start_moving();
    rig_expect(&rig, PAM_STACK_FAILED, NULL);
    assert_int_equal(rig.health.failed, 1);
    assert_int_equal(rig.health.fail_unstable, 1);
    assert_false(rig.results[0].gone);
    rig_done(&rig);
}

/* A C frame on the C stack comes and goes with each call of Python from C. */
static void move_cframe(unsigned number)
{
    const uint64_t cframe = target_alloc(&rig.target, 64);

    (void)number;
    thread->cframe = cframe;
    target_put(&rig.target, cframe + rig.python.layout->cframe_current, thread->current, 8);
    target_put(&rig.target, thread->tstate + rig.python.layout->tstate_cframe, cframe, 8);
}

static void a_c_frame_that_moves(void **state)
{
    (void)state;
    begin(move_cframe, 1);
    if (!rig.python.layout->tstate_cframe) {
        rig_done(&rig);
        return;
    }
    start_moving();
    rig_expect(&rig, PAM_STACK_WHOLE, "f.py:main@1;f.py:serve@2");
    moves_left = UINT32_MAX;
    assert_int_equal(rig_read(&rig), 0); /* gives up after a bounded number of reads */
    assert_true(moves < 30);
    rig_done(&rig);
}

/* --- much motion: no stack that never was --------------------------------------------------------
 */

enum {
    FLAVOURS = 4,
    MOST_DEPTH = 12,
    READS = 5000,
    COINCIDENCES =
        1, /* both copies of several parts may show the same that never was: 1 in 50,000 */
};

/* Functions, all alike in size; codes[caller][callee], as if each were defined in its caller, so
 * that frames that never were together show. The last caller is nobody. */
static uint64_t nested_codes[FLAVOURS + 1][FLAVOURS];
static unsigned flavours[MOST_DEPTH]; /* of the frames at hand, root first */
static size_t depth_now;
static uint64_t random_state;

static uint64_t next_random(uint64_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (random_state >> 33) % below;
}

static void call_some(void)
{
    const unsigned callee = (unsigned)next_random(FLAVOURS);
    const unsigned caller = depth_now ? flavours[depth_now - 1] : FLAVOURS;

    python_push(thread, nested_codes[caller][callee], 1 + next_random(20));
    flavours[depth_now++] = callee;
}

static void dance(struct target *target)
{
    (void)target;
    for (uint64_t steps = next_random(9); steps > 0; steps--) {
        if (depth_now > 1 && next_random(2)) {
            python_pop(thread);
            depth_now--;
        } else if (depth_now < MOST_DEPTH) {
            call_some();
        }
    }
}

/* Caller and callee of a code of the recording: its ids were given in the order of the table. */
static bool is_possible(const struct pam_py_thread *py)
{
    unsigned caller = FLAVOURS;

    for (uint32_t i = 0; i < py->depth; i++) {
        const unsigned number = (unsigned)py->nodes[i].code_id - 1;

        if (number / FLAVOURS != caller)
            return false;
        caller = number % FLAVOURS;
    }
    return true;
}

static void make_nested_codes(void)
{
    for (size_t caller = 0; caller <= FLAVOURS; caller++)
        for (size_t callee = 0; callee < FLAVOURS; callee++) {
            char name[32];

            (void)snprintf(name, sizeof name, "f_%zu_%zu", caller, callee);
            nested_codes[caller][callee] = rig_code(&rig, name);
            assert_int_equal(pam_code_get(&rig.codes, &rig.recording.recorder,
                                          nested_codes[caller][callee])
                                 ->id,
                             1 + caller * FLAVOURS + callee);
        }
}

/* The target goes on between the pieces of a read, and every `part_bytes` within them. */
static unsigned count_impossible(uint32_t python, uint64_t chunk_bytes, size_t part_bytes, unsigned *told)
{
    unsigned impossible = 0;

    rig_init(&rig, python, chunk_bytes);
    make_nested_codes();
    random_state = chunk_bytes;
    depth_now = 0;
    call_some();
    rig.target.before_part = dance;
    rig.target.part_bytes = part_bytes;
    for (unsigned i = 0; i < READS; i++) {
        assert_int_equal(rig_read(&rig), 0);
        assert_false(rig.results[0].gone);
        if (rig.results[0].outcome != PAM_STACK_WHOLE &&
            rig.results[0].outcome != PAM_STACK_TRUNCATED)
            continue;
        ++*told;
        impossible += !is_possible(&rig.py[0]);
    }
    rig_done(&rig);
    return impossible;
}

static void no_stack_is_made_up(void **state)
{
    unsigned told = 0;

    (void)state;
    assert_int_equal(count_impossible(version, RIG_CHUNK_BYTES, 0, &told), 0);
    assert_true(told > READS / 4);
}

/* The copy of a chunk is no instant either. */
static void no_stack_is_made_up_of_torn_copies(void **state)
{
    unsigned told = 0;

    (void)state;
    assert_true(count_impossible(0x030b, RIG_CHUNK_BYTES, 512, &told) <= COINCIDENCES);
    assert_true(told > READS / 10);
}

/* Frames of one stack lie in chunks that are copied one after the other. */
static void no_stack_is_made_up_of_several_chunks(void **state)
{
    unsigned told = 0;

    (void)state;
    assert_true(count_impossible(0x030b, 512, 0, &told) <= COINCIDENCES);
    assert_true(told > READS / 20); /* chunks that come and go cost reads */
}

int main(void)
{
    static const uint32_t versions[] = PYTHON_VERSIONS;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leaf_that_changes_once_is_read_again),
        cmocka_unit_test(a_leaf_that_always_changes_is_cut),
        cmocka_unit_test(what_comes_later_is_not_told_instead),
        cmocka_unit_test(a_leaf_that_only_goes_on_is_whole),
        cmocka_unit_test(a_caller_that_went_on_ends_what_is_known),
        cmocka_unit_test(a_stack_that_gets_deeper_and_flatter),
        cmocka_unit_test(nothing_in_common_is_a_failure),
        cmocka_unit_test(a_c_frame_that_moves),
        cmocka_unit_test(no_stack_is_made_up),
    };
    const struct CMUnitTest tests_of_chunks[] = {
        cmocka_unit_test(no_stack_is_made_up_of_torn_copies),
        cmocka_unit_test(no_stack_is_made_up_of_several_chunks),
    };
    int failed = cmocka_run_group_tests(tests_of_chunks, NULL, NULL);

    for (size_t i = 0; i < COUNT(versions); i++) {
        version = versions[i];
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed;
}
