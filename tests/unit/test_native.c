/* test_native.c - what is taken of a native stack: samples of the kernel parsed, and copies reduced. */
#include "native/copy.h"
#include "native/taken.h"

#include "unit.h"

enum { MAX_RECORD = 1024 };

static const uint64_t MASK = UINT64_C(0x1c2); /* four registers */

/* --- samples ------------------------------------------------------------------------------------------------- */

struct maker {
    _Alignas(8) unsigned char bytes[MAX_RECORD];
    size_t size;
};

static void put(struct maker *maker, uint64_t word)
{
    memcpy(maker->bytes + maker->size, &word, sizeof word);
    maker->size += sizeof word;
}

static const struct perf_event_header *finish(struct maker *maker, uint16_t misc)
{
    const struct perf_event_header header = {
        .type = PERF_RECORD_SAMPLE, .misc = misc, .size = (uint16_t)maker->size};

    memcpy(maker->bytes, &header, sizeof header);
    return (const struct perf_event_header *)(const void *)maker->bytes;
}

static const struct pam_taken_format everything = {
    .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_REGS_USER |
                   PERF_SAMPLE_STACK_USER,
    .register_mask = 0x1c2,
};

/* TID, TIME, a chain of two in the kernel and one in the thread, four registers, 24 bytes of stack. */
static void make_whole(struct maker *maker)
{
    *maker = (struct maker){.size = sizeof(struct perf_event_header)};
    put(maker, UINT64_C(77) << 32 | 70);
    put(maker, 1000);
    put(maker, 5);
    put(maker, (uint64_t)PERF_CONTEXT_KERNEL);
    put(maker, UINT64_C(0xffffffff81000010));
    put(maker, UINT64_C(0xffffffff81000020));
    put(maker, (uint64_t)PERF_CONTEXT_USER);
    put(maker, 0x401000);
    put(maker, PERF_SAMPLE_REGS_ABI_64);
    for (uint64_t i = 1; i <= 4; i++)
        put(maker, i);
    put(maker, 24);
    for (uint64_t i = 5; i <= 7; i++)
        put(maker, i);
    put(maker, 16); /* of which so much could be read */
}

static void a_sample_says_all(void **state)
{
    struct maker maker;
    struct pam_taken taken;

    (void)state;
    make_whole(&maker);
    assert_true(pam_taken_parse(finish(&maker, PERF_RECORD_MISC_KERNEL), &everything, &taken));
    assert_int_equal(taken.tid, 77);
    assert_int_equal(taken.time_ns, 1000);
    assert_true(taken.in_kernel);
    assert_int_equal(taken.kernel_chain_bytes, 16);
    assert_int_equal(taken.kernel_chain[0], 0x10);
    assert_int_equal(taken.user_chain_bytes, 8);
    assert_int_equal(taken.registers[24], 4);
    assert_int_equal(taken.stack_bytes, 16);
    assert_int_equal(taken.stack[0], 5);
    assert_true(pam_taken_parse(finish(&maker, PERF_RECORD_MISC_USER), &everything, &taken));
    assert_false(taken.in_kernel);
}

static void a_sample_that_is_cut_is_none(void **state)
{
    (void)state;
    for (size_t size = sizeof(struct perf_event_header);; size += 8) {
        struct maker maker;
        struct pam_taken taken;
        size_t whole;

        make_whole(&maker);
        whole = maker.size;
        if (size >= whole)
            break;
        maker.size = size;
        assert_false(pam_taken_parse(finish(&maker, 0), &everything, &taken));
    }
}

static void counts_over_the_record_are_none(void **state)
{
    static const uint64_t counts[] = {1000, UINT64_MAX, UINT64_MAX / 8, UINT64_C(1) << 61};

    (void)state;
    for (size_t i = 0; i < COUNT(counts); i++)
        for (size_t place = 24; place <= 112; place += 88) { /* of the chain, of the stack */
            struct maker maker;
            struct pam_taken taken;

            make_whole(&maker);
            memcpy(maker.bytes + place, &counts[i], sizeof counts[i]);
            assert_false(pam_taken_parse(finish(&maker, 0), &everything, &taken));
        }
}

static void a_kernel_thread_has_neither_registers_nor_stack(void **state)
{
    struct maker maker = {.size = sizeof(struct perf_event_header)};
    struct pam_taken taken;

    (void)state;
    put(&maker, UINT64_C(9) << 32);
    put(&maker, 1);
    put(&maker, 0); /* no chain */
    put(&maker, PERF_SAMPLE_REGS_ABI_NONE);
    put(&maker, 0); /* no stack */
    assert_true(pam_taken_parse(finish(&maker, 0), &everything, &taken));
    assert_null(taken.registers);
    assert_int_equal(taken.stack_bytes, 0);
}

/* --- where there is code --------------------------------------------------------------------------------------- */

static void ranges_that_overlap_are_one(void **state)
{
    struct pam_code_ranges ranges = {0};

    (void)state;
    pam_ranges_add(&ranges, 0x5000, 0x1000, "/c");
    pam_ranges_add(&ranges, 0x1000, 0x1000, "/a");
    pam_ranges_add(&ranges, 0x3000, 0x1000, "/b");
    assert_int_equal(ranges.count, 3);
    pam_ranges_add(&ranges, 0x2000, 0x1000, "/between"); /* touches both, overlaps none */
    assert_int_equal(ranges.count, 4);
    pam_ranges_add(&ranges, 0x1800, 0x2000, "/over");
    assert_int_equal(ranges.count, 2);
    assert_int_equal(ranges.entries[0].start, 0x1000);
    assert_int_equal(ranges.entries[0].end, 0x4000);
    pam_ranges_add(&ranges, 0x3000, 0, "/nothing");
    pam_ranges_add(&ranges, UINT64_MAX - 10, 100, "/around");
    assert_int_equal(ranges.count, 2);
    pam_ranges_done(&ranges);
}

static void ranges_know_what_was_asked_for(void **state)
{
    struct pam_code_ranges ranges = {0};

    (void)state;
    pam_ranges_add(&ranges, 0x1000, 0x1000, "/a");
    pam_ranges_add(&ranges, 0x4000, 0x1000, "");
    assert_false(pam_ranges_has(&ranges, 0xfff));
    assert_false(pam_ranges_has(&ranges, 0x2000));
    assert_false(pam_ranges_used(&ranges, 0, UINT32_MAX));
    assert_true(pam_ranges_has(&ranges, 0x1000));
    assert_true(pam_ranges_used(&ranges, 0x1800, 0x10));
    assert_false(pam_ranges_used(&ranges, 0x3000, 0x2000));
    assert_int_equal(ranges.made.count, 0);
    assert_true(pam_ranges_has(&ranges, 0x4fff)); /* code of no file */
    assert_int_equal(ranges.made.count, 1);
    pam_ranges_done(&ranges);
}

static void of_more_ranges_than_there_is_room_for_any_address_is_code(void **state)
{
    struct pam_code_ranges ranges = {0};

    (void)state;
    for (uint64_t i = 1; i <= PAM_MAX_CODE_RANGES; i++)
        pam_ranges_add(&ranges, i << 20, 16, "/x");
    assert_false(ranges.incomplete);
    assert_false(pam_ranges_has(&ranges, 0x123456789));
    pam_ranges_add(&ranges, UINT64_C(1) << 40, 16, "/x");
    assert_true(ranges.incomplete);
    assert_int_equal(ranges.count, PAM_MAX_CODE_RANGES);
    assert_true(pam_ranges_has(&ranges, 0x123456789));
    assert_false(pam_ranges_has(&ranges, 7));
    pam_ranges_done(&ranges);
}

static void addresses_are_found_within(void **state)
{
    struct pam_addresses addresses = {0};

    (void)state;
    assert_false(pam_addresses_within(&addresses, 0, UINT64_MAX));
    for (uint64_t i = 1; i <= 2 * PAM_MAX_ADDRESSES; i++) {
        pam_addresses_add(&addresses, i * 64);
        pam_addresses_add(&addresses, i * 64);
    }
    assert_int_equal(addresses.count, PAM_MAX_ADDRESSES);
    pam_addresses_sort(&addresses);
    assert_true(pam_addresses_within(&addresses, 64, 1));
    assert_true(pam_addresses_within(&addresses, 65, 64));
    assert_false(pam_addresses_within(&addresses, 65, 63));
    assert_false(pam_addresses_within(&addresses, UINT64_C(64) * PAM_MAX_ADDRESSES + 1, UINT32_MAX));
    pam_addresses_done(&addresses);
}

/* --- copies ---------------------------------------------------------------------------------------------------- */

enum { STACK = 0x7f0000, CODE = 0x400000, WORDS = 8 };

static void make_copy(struct pam_stack_copy *copy, uint64_t *words, const uint64_t from[WORDS])
{
    memcpy(words, from, WORDS * sizeof *words);
    *copy = (struct pam_stack_copy){
        .registers = {STACK + 16, STACK, CODE + 4, 0xdeadbeef},
        .register_mask = MASK,
        .address = STACK,
        .bytes = (unsigned char *)words,
        .size = WORDS * sizeof *words,
    };
}

static void only_addresses_of_code_and_stack_are_kept(void **state)
{
    static const uint64_t from[WORDS] = {CODE + 8, 0x1122334455667788, STACK + 40, 0x401001,
                                         1,        STACK + 8 * WORDS,  STACK - 1,  CODE + 0x1000};
    static const uint64_t kept[WORDS] = {CODE + 8, 0, STACK + 40, 0, 0, STACK + 8 * WORDS, 0, 0};
    struct pam_code_ranges ranges = {0};
    struct pam_stack_copy copy;
    uint64_t words[WORDS];

    (void)state;
    pam_ranges_add(&ranges, CODE, 0x1000, "/x");
    make_copy(&copy, words, from);
    pam_copy_reduce(&copy, STACK + 8 * WORDS, &ranges);
    assert_memory_equal(words, kept, sizeof kept);
    assert_int_equal(copy.registers[0], STACK + 16);
    assert_int_equal(copy.registers[2], CODE + 4);
    assert_int_equal(copy.registers[3], 0);
    pam_ranges_done(&ranges);
}

static struct pam_copy_key key_of(const uint64_t from[WORDS], const char *more, uint64_t flags)
{
    struct pam_code_ranges ranges = {0};
    struct pam_stack_copy copy;
    struct pam_copy_key key;
    uint64_t words[WORDS];

    pam_ranges_add(&ranges, CODE, 0x1000, "/x");
    make_copy(&copy, words, from);
    pam_copy_reduce(&copy, STACK + 8 * WORDS, &ranges);
    key = pam_copy_key(&copy, more, strlen(more), flags);
    pam_ranges_done(&ranges);
    return key;
}

static bool same(struct pam_copy_key a, struct pam_copy_key b)
{
    return !memcmp(&a, &b, sizeof a);
}

static void what_unwinds_alike_has_one_key(void **state)
{
    static const uint64_t one[WORDS] = {CODE + 8, 5, STACK + 40, 6, CODE + 9};
    static const uint64_t data[WORDS] = {CODE + 8, 7, STACK + 40, 123456, CODE + 9, 99};
    static const uint64_t moved[WORDS] = {CODE + 8, 5, STACK + 40, CODE + 9};
    static const uint64_t swapped[WORDS] = {CODE + 9, 5, STACK + 40, 6, CODE + 8};
    const struct pam_copy_key key = key_of(one, "", 1);

    (void)state;
    assert_true(same(key, key_of(data, "", 1)));
    assert_false(same(key, key_of(moved, "", 1)));
    assert_false(same(key, key_of(swapped, "", 1)));
    assert_false(same(key, key_of(one, "", 2)));
    assert_false(same(key, key_of(one, "12345678", 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_says_all),
        cmocka_unit_test(a_sample_that_is_cut_is_none),
        cmocka_unit_test(counts_over_the_record_are_none),
        cmocka_unit_test(a_kernel_thread_has_neither_registers_nor_stack),
        cmocka_unit_test(ranges_that_overlap_are_one),
        cmocka_unit_test(ranges_know_what_was_asked_for),
        cmocka_unit_test(of_more_ranges_than_there_is_room_for_any_address_is_code),
        cmocka_unit_test(addresses_are_found_within),
        cmocka_unit_test(only_addresses_of_code_and_stack_are_kept),
        cmocka_unit_test(what_unwinds_alike_has_one_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
