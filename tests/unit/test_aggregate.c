/* test_aggregate.c - sums per thread and stack. */
#include "formats/aggregate.h"

#include "unit.h"

enum { FAR_THREAD = 1000 }; /* beyond any room made for the others */

struct rig {
    struct pam_model *model;
    struct pam_labels *labels;
    struct pam_merger *merger;
    struct pam_aggregate aggregate;
    struct pam_error error;
};

static void take(struct rig *rig, const struct pam_record *record)
{
    const struct pam_event event = {.kind = PAM_EVENT_RECORD, .record = *record};

    assert_int_equal(pam_model_add(rig->model, &event, &rig->error), 0);
}

/* Stacks 0 and 1 of the model are of different functions, 2 reads as 0 does. */
static void set_up(struct rig *rig)
{
    static const char *const texts[] = {"f.py", "f", "g"};

    *rig = (struct rig){0};
    assert_int_equal(pam_model_new(&rig->model, &rig->error), 0);
    assert_int_equal(pam_labels_new(&rig->labels, rig->model, false, &rig->error), 0);
    assert_int_equal(pam_merger_new(&rig->merger, rig->model, rig->labels, NULL, &rig->error), 0);
    for (uint64_t i = 0; i < COUNT(texts); i++)
        take(rig, &(struct pam_record){.type = PAM_string, .string = {i + 1, pam_text(texts[i])}});
    for (uint64_t i = 1; i <= 3; i++) {
        const uint64_t name = i == 2 ? 3 : 2;

        take(rig, &(struct pam_record){.type = PAM_code, .code = {.id = i, .file = 1, .name = name,
                                                                   .qualname = name,
                                                                   .python_version = i}});
        take(rig, &(struct pam_record){.type = PAM_frame, .frame = {.id = i, .code = i}});
        take(rig, &(struct pam_record){.type = PAM_stack, .stack = {.id = i, .frame = i}});
    }
}

static void tear_down(struct rig *rig)
{
    pam_aggregate_done(&rig->aggregate);
    pam_merger_free(rig->merger);
    pam_labels_free(rig->labels);
    pam_model_free(rig->model);
}

static uint32_t number_of(struct rig *rig, uint32_t stack, bool leaf_cut)
{
    const struct pam_span span = {.stack = stack, .leaf_cut = leaf_cut};
    const int64_t number = pam_aggregate_stack(&rig->aggregate, rig->merger, &span, &rig->error);

    assert_true(number >= 0);
    return (uint32_t)number;
}

static void stacks_that_read_the_same_are_one(void **state)
{
    struct rig rig;

    (void)state;
    set_up(&rig);
    for (int again = 0; again < 2; again++) { /* known stacks are what they were */
        assert_int_equal(number_of(&rig, 0, false), 0);
        assert_int_equal(number_of(&rig, 1, false), 1);
        assert_int_equal(number_of(&rig, 2, false), 0);
        assert_int_equal(number_of(&rig, 2, true), 2); /* and [unknown] */
        assert_int_equal(number_of(&rig, 0, true), 2);
        assert_int_equal(number_of(&rig, PAM_UNKNOWN, true), 3);
        assert_int_equal(number_of(&rig, PAM_NO_STACK, true), 4);
    }
    tear_down(&rig);
}

static void sums_are_those_of_the_thread_and_stack(void **state)
{
    static const struct {
        size_t thread;
        uint32_t stack, entry;
    } rows[] = {{0, 0, 0}, {0, 0, 0}, {0, 1, 1}, {0, 0, 0}, {FAR_THREAD, 0, 2},
                {1, 0, 3}, {0, 1, 1}, {FAR_THREAD, 1, 4}, {FAR_THREAD, 0, 2}};
    uint64_t wall_ns[5] = {0};
    struct rig rig;

    (void)state;
    set_up(&rig);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const uint64_t length_ns = UINT64_C(1) << i;
        const struct pam_span span = {.thread = rows[i].thread, .start_ns = 5,
                                      .end_ns = 5 + length_ns, .cpu_us = 2, .ticks = 1};

        assert_int_equal(pam_aggregate_add(&rig.aggregate, &span, rows[i].stack, &rig.error), 0);
        wall_ns[rows[i].entry] += length_ns;
        assert_int_equal(rig.aggregate.entries[rows[i].entry].thread, rows[i].thread);
        assert_int_equal(rig.aggregate.entries[rows[i].entry].stack, rows[i].stack);
    }
    assert_int_equal(rig.aggregate.keys.count, COUNT(wall_ns));
    for (size_t i = 0; i < COUNT(wall_ns); i++) {
        const struct pam_aggregate_entry *entry = &rig.aggregate.entries[i];

        assert_int_equal(entry->wall_ns, wall_ns[i]);
        assert_int_equal(entry->cpu_us, 2 * entry->ticks);
    }
    tear_down(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stacks_that_read_the_same_are_one),
        cmocka_unit_test(sums_are_those_of_the_thread_and_stack),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
