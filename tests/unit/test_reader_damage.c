/* test_reader_damage.c - a capture with every byte flipped, cut at every length, blocks lost. */
#include "maker.h"
#include "spans.h"

#include "unit.h"

#define SECOND_NS UINT64_C(1000000000)

static const uint64_t START_NS = UINT64_C(5000000000000);

enum {
    STARTS = PAM_BLOCK_FRAME_STARTS,
    ENDS = PAM_BLOCK_FRAME_ENDS,
    EPOCH = PAM_BLOCK_EPOCH_STARTS | PAM_BLOCK_FRAME_STARTS,
    MAX_BLOCKS = 32,
    EPOCH_BLOCKS = 6,
};

static struct maker maker;
static size_t block_at[MAX_BLOCKS + 1], block_count;
static struct spans whole, found;

static void end_block(unsigned flags)
{
    maker_end_block(&maker, flags);
    block_at[block_count++] = maker.block_at;
    maker.clock_base_ns += SECOND_NS;
}

static void put_state(const char *file, const char *const *names, size_t count)
{
    maker_put(
        &maker, PAM_session,
        &(struct pam_session){.scenario = pam_text("damage"), .start_monotonic_ns = START_NS});
    maker_put_string(&maker, 1, file);
    for (size_t i = 0; i < count; i++) {
        maker_put_string(&maker, i + 2, names[i]);
        maker_put_code(&maker, i + 1, 1, i + 2);
    }
    maker_put_thread(&maker, 1, 100, 2);
    maker_put_thread(&maker, 2, 101, 3);
}

/* Stack `id` is the one before it plus a frame of code `code`. */
static void put_call(uint64_t id, uint64_t code, uint64_t unit)
{
    maker_put_frame(&maker, id, code, unit);
    maker_put_stack(&maker, id, id - 1, id);
}

static void put_samples(uint64_t first, uint64_t second)
{
    maker_put_tick(&maker, 100000);
    maker_put_sample(&maker, 1, first + 1, 10);
    maker_put_tick(&maker, 100000);
    maker_put_sample(&maker, 2, second + 1, 20);
    maker_put_tick(&maker, 100000);
    maker_put_sample(&maker, 1, 0, 30);
}

/* In each epoch ids mean other things: three codes in another order, stacks of other frames. Some
 * things are defined in blocks that later ones, in other zstd frames, need. */
static void put_epoch(const char *const *names, uint64_t shift)
{
    maker.epoch++;
    put_state("app.py", names, 4);
    put_call(1, 1, 3 + shift);
    put_call(2, 2, 5);
    put_samples(1, 2);
    end_block(EPOCH);
    put_call(3, 3, 7 + shift);
    put_samples(3, 2);
    end_block(0);
    put_samples(0, 3);
    end_block(ENDS);
    put_call(4, 4, 9);
    maker_put_code(&maker, 5, 1, 2);
    maker_put_frame(&maker, 6, 4, 13); /* at a root, of a code from the epoch's first block */
    maker_put_stack(&maker, 6, 0, 6);
    put_samples(2, 4);
    put_samples(2, 6);
    end_block(STARTS);
    put_call(5, 5, 11 + shift);
    put_samples(5, 4);
    end_block(ENDS);
    put_samples(5, 5);
    end_block(STARTS | ENDS);
}

static int make_capture(void **state)
{
    static const char *const names[][4] = {
        {"main", "serve", "read", "parse"},
        {"serve", "parse", "main", "read"},
        {"parse", "read", "serve", "main"},
    };

    (void)state;
    maker_init(&maker);
    maker.clock_base_ns = START_NS;
    for (size_t i = 0; i < COUNT(names); i++)
        put_epoch(names[i], 100 * i);
    maker_put(&maker, PAM_end, &(struct pam_end){pam_text("done")});
    end_block(STARTS | ENDS);
    block_at[block_count] = maker.size;
    assert_int_equal(spans_read(&whole, maker.bytes, maker.size), 0);
    return 0;
}

static int free_capture(void **state)
{
    (void)state;
    maker_done(&maker);
    return 0;
}

static bool is_damaged(const struct pam_damage *damage)
{
    return damage->damaged_blocks || damage->lost_blocks || damage->damaged_records ||
           damage->skipped_bytes || damage->cut_tail;
}

static bool equals_whole(const struct spans *spans)
{
    if (spans->count != whole.count || spans->events != whole.events)
        return false;
    for (size_t i = 0; i < spans->count; i++)
        if (memcmp(&spans->list[i].span, &whole.list[i].span, sizeof whole.list[i].span) != 0)
            return false;
    return true;
}

/* Is `stack` the stack `known`, but for parts that are "?"? */
static bool may_be(const char *stack, const char *known)
{
    while (*stack && *known)
        if (*stack == '?') {
            stack++;
            known += strcspn(known, ":@;");
        } else if (*stack++ != *known++) {
            return false;
        }
    return !*stack && !*known;
}

/* No span tells a stack that its thread never had. */
static bool nothing_made_up(const struct spans *spans, size_t place)
{
    for (size_t i = 0; i < spans->count; i++) {
        const struct text_span *span = &spans->list[i];
        bool known = !strcmp(span->stack, "?");

        for (size_t k = 0; k < whole.count && !known; k++)
            known = whole.list[k].tid == span->tid && may_be(span->stack, whole.list[k].stack);
        if (!known) {
            print_error("at %zu: thread %u never had %s\n", place, (unsigned)span->tid,
                        span->stack);
            return false;
        }
    }
    return true;
}

static void the_whole_capture(void **state)
{
    (void)state;
    assert_false(is_damaged(&whole.damage));
    assert_true(whole.damage.complete && whole.gaps == 0);
    assert_true(spans_have(&whole, 100, "app.py:main@3;app.py:serve@5;app.py:read@7"));
    assert_true(spans_have(&whole, 101, "app.py:serve@103;app.py:parse@5"));
    assert_false(spans_have(&whole, 100, "?"));
}

static void flip(unsigned char mask)
{
    unsigned char *copy = malloc(maker.size);
    size_t made_up = 0;

    assert_non_null(copy);
    for (size_t at = 0; at < maker.size; at++) {
        memcpy(copy, maker.bytes, maker.size);
        copy[at] ^= mask;
        if (spans_read(&found, copy, maker.size) < 0) {
            assert_true(at <= PAM_MAGIC_BYTES);
            continue;
        }
        if (at >= PAM_FILE_HEADER_BYTES)
            assert_true(is_damaged(&found.damage) && found.damage.first_offset > 0);
        else
            assert_true(equals_whole(&found));
        made_up += !nothing_made_up(&found, at);
    }
    free(copy);
    assert_int_equal(made_up, 0);
}

static void every_byte_flipped(void **state)
{
    (void)state;
    flip(0xff);
}

static void every_byte_with_one_bit_flipped(void **state)
{
    (void)state;
    flip(0x01);
    flip(0x80);
}

static void cut_at_every_length(void **state)
{
    size_t at_block = 0, before = 0;

    (void)state;
    for (size_t size = 0; size < maker.size; size++) {
        const int r = spans_read(&found, maker.bytes, size);

        if (size < PAM_FILE_HEADER_BYTES) {
            assert_int_equal(r, PAM_DAMAGED);
            continue;
        }
        while (block_at[at_block] < size)
            at_block++;
        assert_int_equal(r, 0);
        assert_false(found.damage.complete);
        assert_int_equal(found.damage.cut_tail, block_at[at_block] != size);
        assert_int_equal(
            found.damage.damaged_blocks + found.damage.lost_blocks + found.damage.skipped_bytes, 0);
        assert_true(nothing_made_up(&found, size));
        assert_true(found.count >= before); /* what there is grows with the file */
        before = found.count;
    }
}

static bool try_without(size_t from, size_t to)
{
    unsigned char *copy = malloc(maker.size);

    assert_non_null(copy);
    memcpy(copy, maker.bytes, from);
    memcpy(copy + from, maker.bytes + to, maker.size - to);
    assert_int_equal(spans_read(&found, copy, maker.size - (to - from)), 0);
    free(copy);
    return nothing_made_up(&found, from);
}

static void every_run_of_blocks_lost(void **state)
{
    size_t made_up = 0;

    (void)state;
    for (size_t first = 0; first < block_count; first++)
        for (size_t last = first; last + 1 < block_count; last++) {
            made_up += !try_without(block_at[first], block_at[last + 1]);
            assert_true(found.damage.lost_blocks >= last + 1 - first);
            assert_true(found.gaps > 0 && found.damage.complete);
        }
    assert_int_equal(made_up, 0);
}

/* Bytes lost within a block; the last block is a zstd frame by itself and always comes through. */
static void some_bytes_lost_at_every_place(void **state)
{
    static const size_t sizes[] = {1, 7, 40, 100};
    size_t made_up = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (size_t at = PAM_FILE_HEADER_BYTES; at + sizes[i] < block_at[block_count - 1]; at++) {
            made_up += !try_without(at, at + sizes[i]);
            assert_true(is_damaged(&found.damage));
            if (!found.damage.complete)
                fail_msg("%zu bytes lost at %zu, and with them the last block", sizes[i], at);
        }
    assert_int_equal(made_up, 0);
}

/* The first block of the second epoch is lost, and with it the code of a frame that comes later. */
static void a_stack_with_a_frame_of_a_lost_code_is_unknown(void **state)
{
    (void)state;
    assert_true(try_without(block_at[EPOCH_BLOCKS], block_at[EPOCH_BLOCKS + 1]));
    assert_true(spans_have(&found, 101, "?"));
    assert_false(spans_have(&found, 101, "?:?@13"));
}

static void garbage_between_blocks(void **state)
{
    static const char *const garbage[] = {
        "x",
        PAM_SYNC,
        PAM_SYNC PAM_SYNC "\xf1" PAM_SYNC "\xf1PB",
        PAM_MAGIC "\x01",
        "more bytes than there are in the header of a block: 0123456789",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(garbage); i++)
        for (size_t block = 0; block < block_count; block++) {
            const size_t at = block_at[block], size = strlen(garbage[i]);
            unsigned char *copy = malloc(maker.size + size);

            assert_non_null(copy);
            memcpy(copy, maker.bytes, at);
            memcpy(copy + at, garbage[i], size);
            memcpy(copy + at + size, maker.bytes + at, maker.size - at);
            assert_int_equal(spans_read(&found, copy, maker.size + size), 0);
            free(copy);
            assert_int_equal(found.damage.skipped_bytes, size);
            assert_int_equal(found.damage.first_offset, at);
            assert_int_equal(found.damage.damaged_blocks + found.damage.lost_blocks, 0);
            assert_true(equals_whole(&found));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_capture),
        cmocka_unit_test(every_byte_flipped),
        cmocka_unit_test(every_byte_with_one_bit_flipped),
        cmocka_unit_test(cut_at_every_length),
        cmocka_unit_test(every_run_of_blocks_lost),
        cmocka_unit_test(some_bytes_lost_at_every_place),
        cmocka_unit_test(a_stack_with_a_frame_of_a_lost_code_is_unknown),
        cmocka_unit_test(garbage_between_blocks),
    };

    return cmocka_run_group_tests(tests, make_capture, free_capture);
}
