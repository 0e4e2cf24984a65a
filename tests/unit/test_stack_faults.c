/* test_stack_faults.c - targets that are broken, hostile or gone: bounded work, counted failures.
 */
#include <errno.h>
#include <unistd.h>

#include "python/regions.h"
#include "rig.h"

#include "unit.h"

enum {
    CALL_LIMIT = 20000, /* system calls for one read of one thread, however broken it is */
    SOON = 100,         /* reads after which what was learnt of a broken target is forgotten */
};

static struct rig rig;
static struct python_thread *const thread = &rig.threads[0];

static uint64_t frames[4];

/* main, serve, read, leaf: frames[] is where each is. */
static void begin(uint64_t chunk_bytes)
{
    static const char *const names[] = {"main", "serve", "read", "leaf"};

    rig_init(&rig, 0x030b, chunk_bytes);
    for (uint64_t i = 0; i < COUNT(frames); i++) {
        rig_call(&rig, names[i], i + 1);
        frames[i] = thread->current;
    }
}

/* The root side of the stack that begin() builds. */
static const char *const root_side[] = {
    "-",
    "f.py:main@1",
    "f.py:main@1;f.py:serve@2",
    "f.py:main@1;f.py:serve@2;f.py:read@3",
    "f.py:main@1;f.py:serve@2;f.py:read@3;f.py:leaf@4",
};

/* Reads what cannot be read whole: at most `most` frames of the root side are told, or none, and
 * then why is counted, in `reason` if that is given. */
static void expect_fault(uint64_t most, const uint64_t *reason)
{
    const uint64_t calls = rig.remote.calls;
    const struct pam_health before = rig.health;
    uint64_t kept;

    assert_int_equal(rig_read(&rig), 0);
    kept = rig.health.frames_kept - before.frames_kept;
    assert_true(rig.remote.calls - calls < CALL_LIMIT);
    assert_int_equal(rig.health.whole, before.whole);
    assert_int_equal(rig.results[0].outcome, kept ? PAM_STACK_TRUNCATED : PAM_STACK_FAILED);
    assert_int_equal(rig.health.failed - before.failed, !kept);
    assert_true(kept <= most);
    if (kept && kept < COUNT(root_side))
        rig_expect_stack(&rig, rig.results[0].stack_id, root_side[kept]);
    if (!kept && reason)
        assert_int_equal(*reason, 1);
    assert_int_equal(rig.health.fail_read + rig.health.fail_pointer + rig.health.fail_code +
                         rig.health.fail_geometry + rig.health.fail_unstable +
                         rig.health.fail_depth,
                     rig.health.failed);
}

/* What was broken is mended: soon reads are whole again. */
static void expect_recovery(void)
{
    for (int i = 0; i < SOON; i++) {
        assert_int_equal(rig_read(&rig), 0);
        if (rig.results[0].outcome == PAM_STACK_WHOLE)
            break;
    }
    rig_expect(&rig, PAM_STACK_WHOLE, "f.py:main@1;f.py:serve@2;f.py:read@3;f.py:leaf@4");
    rig_done(&rig);
}

static void break_field(uint64_t address, uint64_t value, uint64_t most, const uint64_t *reason)
{
    const uint64_t good = target_get(&rig.target, address, 8);

    target_put(&rig.target, address, value, 8);
    expect_fault(most, reason);
    target_put(&rig.target, address, good, 8);
    expect_recovery();
}

static void frames_that_are_not_end_to_end(void **state)
{
    uint64_t moved;

    (void)state;
    for (unsigned words = 1; words < 5; words++) {
        begin(RIG_CHUNK_BYTES);
        moved = frames[3] + 8 * words;
        memmove(target_at(&rig.target, moved, 72), target_at(&rig.target, frames[3], 72), 72);
        target_put(&rig.target, thread->cframe + rig.python.layout->cframe_current, moved, 8);
        expect_fault(3, NULL);
        rig_done(&rig);
    }
    begin(RIG_CHUNK_BYTES); /* the root is not where the first frame of a thread is */
    target_put(&rig.target, frames[1] + rig.python.layout->frame_previous, 0, 8);
    expect_fault(1, &rig.health.fail_geometry);
    rig_done(&rig);
}

static void a_frame_skipped_in_the_chain(void **state)
{
    (void)state;
    begin(RIG_CHUNK_BYTES);
    break_field(frames[2] + rig.python.layout->frame_previous, frames[0], 1, NULL);
}

static void pointers_that_cannot_be(void **state)
{
    static const uint64_t bad[] = {1, 7, 8, 4088, TARGET_BASE + 4, UINT64_C(1) << 57, UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        for (int field = 0; field < 4; field++) {
            const struct pam_layout *layout = pam_layout_for(0x030b0000, false);

            begin(RIG_CHUNK_BYTES);
            break_field(field == 0   ? thread->cframe + layout->cframe_current
                        : field == 1 ? thread->tstate + layout->tstate_cframe
                        : field == 2 ? thread->tstate + layout->tstate_chunk
                                     : frames[2] + layout->frame_previous,
                        bad[i], field == 3 ? 2 : 4,
                        field == 0 || field == 3 ? &rig.health.fail_pointer : NULL);
        }
}

static void frames_without_a_code(void **state)
{
    static const uint64_t bad[] = {0, 9, TARGET_BASE + RIG_TARGET_BYTES};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        for (uint64_t at = 0; at < COUNT(frames); at++) {
            begin(RIG_CHUNK_BYTES);
            break_field(frames[at] + rig.python.layout->frame_code, bad[i], at,
                        &rig.health.fail_code);
        }
    begin(RIG_CHUNK_BYTES); /* an object, but no code */
    break_field(frames[1] + rig.python.layout->frame_code, python_str(&rig.python, "x"), 1, NULL);
}

static void instructions_out_of_their_code(void **state)
{
    uint64_t code;

    (void)state;
    begin(RIG_CHUNK_BYTES);
    code = target_get(&rig.target, frames[2] + rig.python.layout->frame_code, 8);
    for (int i = 0; i < 4; i++) {
        const uint64_t first = code + rig.python.layout->code_first_unit;
        const uint64_t bad[] = {0, first - 4, first + 1, first + 2 * 20};

        if (i > 0)
            begin(RIG_CHUNK_BYTES);
        break_field(frames[2] + rig.python.layout->frame_instruction, bad[i], 2, NULL);
    }
}

static void parts_that_cannot_be_read(void **state)
{
    (void)state;
    for (int part = 0; part < 4; part++) {
        begin(RIG_CHUNK_BYTES);
        if (part == 0)
            target_hide(&rig.target, thread->tstate, 8);
        else if (part == 1)
            target_hide(&rig.target, thread->cframe, 8);
        else if (part == 2)
            target_hide(&rig.target, thread->chunk, RIG_CHUNK_BYTES);
        else
            target_hide(&rig.target, rig.python.interpreter, 4096); /* the list of threads */
        if (part < 3)
            expect_fault(4, part == 2 ? NULL : &rig.health.fail_read);
        else
            rig_expect(&rig, PAM_STACK_WHOLE, NULL);
        target_show_all(&rig.target);
        expect_recovery();
    }
}

/* The list of chunks is read while the target changes it. */
static void an_older_chunk_unreadable_for_a_moment(void **state)
{
    (void)state;
    for (int known = 0; known <= 1; known++) {
        uint64_t older;

        begin(512);
        older = target_get(&rig.target, thread->chunk + rig.python.layout->chunk_previous, 8);
        assert_true(older != 0);
        if (known)
            rig_expect(&rig, PAM_STACK_WHOLE, NULL);
        target_hide(&rig.target, older, 512);
        expect_fault(3, NULL);
        target_show_all(&rig.target);
        expect_recovery();
    }
}

static void coroutines_that_cannot_be_read(void **state)
{
    (void)state;
    begin(RIG_CHUNK_BYTES);
    python_push_heap(thread, rig_code(&rig, "task"), 5);
    target_hide(&rig.target, thread->current, 8);
    expect_fault(4, NULL);
    target_show_all(&rig.target);
    rig_expect(&rig, PAM_STACK_WHOLE, NULL);
    target_hide(&rig.target, thread->current, 8); /* now that it is known */
    expect_fault(4, NULL);
    rig_done(&rig);
}

/* What a frame has left in its memory is another's locals soon: a walk that follows it comes to any object. */
static void objects_that_are_no_frames(void **state)
{
    static const uint64_t bytes[] = {0, 5, 127, 255}; /* of the object, where a frame has its owner */
    const struct pam_layout *const layout = pam_layout_for(0x030b0000, false);

    (void)state;
    begin(RIG_CHUNK_BYTES);
    for (size_t i = 0; i < COUNT(bytes); i++) {
        const uint64_t object = target_alloc(&rig.target, 512);

        target_put(&rig.target, object + layout->frame_owner, bytes[i], 1);
        target_put(&rig.target, object + layout->frame_previous, object + 256, 8);
        target_put(&rig.target, frames[2] + layout->frame_previous, object, 8);
        expect_fault(4, NULL);
    }
    assert_int_equal(rig.py[0].heap_count, 0);
    assert_int_equal(rig.py[0].heap_room, 0);
    target_put(&rig.target, frames[2] + layout->frame_previous, frames[1], 8);
    expect_recovery();
}

static void a_thread_that_is_gone(void **state)
{
    (void)state;
    begin(RIG_CHUNK_BYTES);
    target_put(&rig.target, thread->tstate + rig.python.layout->tstate_unique_id, 4242, 8);
    rig_expect(&rig, PAM_STACK_NO_FRAME, NULL); /* whoever has its state now, it runs no Python any more */
    assert_true(rig.results[0].gone);
    assert_int_equal(rig.health.failed, 0);
    target_put(&rig.target, thread->tstate + rig.python.layout->tstate_unique_id, 1000, 8);
    rig_expect(&rig, PAM_STACK_WHOLE, NULL);
    assert_false(rig.results[0].gone);
    rig_done(&rig);
}

static void a_process_that_is_gone(void **state)
{
    (void)state;
    begin(RIG_CHUNK_BYTES);
    rig.target.gone = ESRCH;
    assert_int_equal(rig_read(&rig), -ESRCH);
    rig.target.gone = EPERM;
    assert_int_equal(rig_read(&rig), -EPERM);
    rig.target.gone = 0;
    expect_recovery();
}

static void frames_in_a_circle(void **state)
{
    (void)state;
    for (uint64_t to = 0; to < COUNT(frames); to++) {
        begin(RIG_CHUNK_BYTES);
        break_field(frames[0] + rig.python.layout->frame_previous, frames[to], 3,
                    &rig.health.fail_depth);
    }
    begin(RIG_CHUNK_BYTES); /* two coroutines that wait for each other */
    python_push_heap(thread, rig_code(&rig, "one"), 5);
    target_put(&rig.target, frames[0] + rig.python.layout->frame_previous, thread->current, 8);
    expect_fault(4, &rig.health.fail_depth);
    rig_done(&rig);
}

/* 3.12 and later: frames that run no code do not count as depth, but they are no way out either. */
static void frames_without_code_in_a_circle(void **state)
{
    uint64_t entry;

    (void)state;
    rig_init(&rig, 0x030c, RIG_CHUNK_BYTES);
    rig_call(&rig, "main", 1);
    entry = python_push_heap(thread, rig_code(&rig, "none"), 0);
    target_put(&rig.target, entry + rig.python.layout->frame_owner,
               rig.python.layout->frame_idle_owner, 1);
    target_put(&rig.target, entry + rig.python.layout->frame_previous, entry, 8);
    expect_fault(1, &rig.health.fail_depth);
    rig_done(&rig);
}

static void too_deep_for_a_while(uint64_t (*push)(struct python_thread *, uint64_t, uint64_t),
                                 size_t depth, const uint64_t *reason)
{
    const uint64_t code = (rig_init(&rig, 0x030b, RIG_CHUNK_BYTES), rig_code(&rig, "r"));

    for (size_t i = 0; i <= depth; i++)
        (void)push(thread, code, 2);
    expect_fault(depth, reason);
    python_pop(thread);
    for (int i = 0; i < SOON && rig.results[0].outcome != PAM_STACK_WHOLE; i++)
        assert_int_equal(rig_read(&rig), 0);
    assert_int_equal(rig.results[0].outcome, PAM_STACK_WHOLE);
    rig_done(&rig);
}

static void deeper_than_the_bound(void **state)
{
    (void)state;
    too_deep_for_a_while(python_push, PAM_MAX_DEPTH, &rig.health.fail_depth);
    too_deep_for_a_while(python_push_heap, PAM_MAX_HEAP_FRAMES, NULL);
}

static void chunks_in_a_circle(void **state)
{
    (void)state;
    begin(512);
    assert_true(target_get(&rig.target, thread->chunk + rig.python.layout->chunk_previous, 8) != 0);
    break_field(thread->chunk + rig.python.layout->chunk_previous, thread->chunk, 3, NULL);
}

static void chunks_of_sizes_that_cannot_be(void **state)
{
    static const uint64_t bad[] = {0, 23, (4 << 20) + 1, UINT64_C(1) << 40, UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        begin(RIG_CHUNK_BYTES);
        break_field(thread->chunk + rig.python.layout->chunk_size, bad[i], 3, NULL);
    }
}

/* Misread once, as when the chunk's memory was somebody else's for a moment; the newest stays the same. */
static void chunks_that_were_misread(void **state)
{
    uint64_t older, size;

    (void)state;
    begin(512);
    older = target_get(&rig.target, thread->chunk + rig.python.layout->chunk_previous, 8);
    assert_true(older != 0);
    size = older + rig.python.layout->chunk_size;
    target_put(&rig.target, size, 40, 8);
    expect_fault(3, NULL);
    target_put(&rig.target, size, 512, 8);
    expect_recovery();
}

/* regions.h bounds what is copied of one thread; more would not fit the room the reader has. */
static void demand_bound(void *context)
{
    (void)context;
    rig.target.byte_limit = 2 * PAM_MAX_REGION_BYTES + (64 << 10);
    (void)rig_read(&rig);
    if (rig.target.most_bytes > rig.target.byte_limit) {
        print_error("%zu bytes asked for at once, %zu are the bound\n", rig.target.most_bytes,
                    rig.target.byte_limit);
        _exit(1);
    }
}

/* A recursion of functions with 200 KB of locals each: chunks of 256 KiB. */
static void many_large_chunks_stay_within_the_bound(void **state)
{
    uint64_t code;

    (void)state;
    rig_init(&rig, 0x030b, RIG_CHUNK_BYTES);
    code = python_code(&rig.python, "large", 20, 25000);
    for (unsigned i = 0; i < 150; i++)
        python_push(thread, code, 1);
    assert_true(survives(demand_bound, NULL));
    rig_done(&rig);
}

/* A target that lies: frames at the far ends of chunks of 4 MiB of which little is said to be used.
 */
static void chunks_learnt_piece_by_piece_stay_within_the_bound(void **state)
{
    enum { CHUNKS = 12, BYTES = 4 << 20 };
    const struct pam_layout *layout = pam_layout_for(0x030b0000, false);
    uint64_t code, previous_chunk = 0, previous_frame = 0;

    (void)state;
    rig_init(&rig, 0x030b, RIG_CHUNK_BYTES);
    code = rig_code(&rig, "far");
    for (unsigned i = 0; i < CHUNKS; i++) {
        const uint64_t chunk = target_alloc(&rig.target, BYTES);
        const uint64_t frame = chunk + BYTES - 80;

        target_put(&rig.target, chunk + layout->chunk_previous, previous_chunk, 8);
        target_put(&rig.target, chunk + layout->chunk_size, BYTES, 8);
        target_put(&rig.target, frame + layout->frame_code, code, 8);
        target_put(&rig.target, frame + layout->frame_previous, previous_frame, 8);
        previous_chunk = chunk;
        previous_frame = frame;
    }
    target_put(&rig.target, thread->tstate + layout->tstate_chunk, previous_chunk, 8);
    target_put(&rig.target, thread->tstate + layout->tstate_chunk_top, previous_chunk, 8);
    target_put(&rig.target, thread->cframe + layout->cframe_current, previous_frame, 8);
    assert_true(survives(demand_bound, NULL));
    rig_done(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_that_are_not_end_to_end),
        cmocka_unit_test(a_frame_skipped_in_the_chain),
        cmocka_unit_test(pointers_that_cannot_be),
        cmocka_unit_test(frames_without_a_code),
        cmocka_unit_test(instructions_out_of_their_code),
        cmocka_unit_test(parts_that_cannot_be_read),
        cmocka_unit_test(an_older_chunk_unreadable_for_a_moment),
        cmocka_unit_test(coroutines_that_cannot_be_read),
        cmocka_unit_test(objects_that_are_no_frames),
        cmocka_unit_test(a_thread_that_is_gone),
        cmocka_unit_test(a_process_that_is_gone),
        cmocka_unit_test(frames_in_a_circle),
        cmocka_unit_test(frames_without_code_in_a_circle),
        cmocka_unit_test(deeper_than_the_bound),
        cmocka_unit_test(chunks_in_a_circle),
        cmocka_unit_test(chunks_of_sizes_that_cannot_be),
        cmocka_unit_test(chunks_that_were_misread),
        cmocka_unit_test(many_large_chunks_stay_within_the_bound),
        cmocka_unit_test(chunks_learnt_piece_by_piece_stay_within_the_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
