/* test_task_tree.c - walks of pending tasks as text: trees, circles, and what a damaged capture lacks. */
#include <unistd.h>

#include "convert.h"
#include "maker.h"

#include "unit.h"

static struct maker maker;

static void begin(void)
{
    maker_init(&maker);
    maker.clock_base_ns = UINT64_C(5000000000);
    maker_put(&maker, PAM_session, &(struct pam_session){.start_monotonic_ns = UINT64_C(5000000000)});
    maker_put_string(&maker, 1, "app.py");
    maker_put_string(&maker, 2, "main");
    maker_put_string(&maker, 3, "Future");
    maker_put_code(&maker, 1, 1, 2);
    maker_put_frame(&maker, 1, 1, 0);
    maker_put_stack(&maker, 1, 0, 1);
    maker_put_tick(&maker, 500000);
}

static void put_task(uint64_t id, const char *name)
{
    maker_put(&maker, PAM_task, &(struct pam_task){.id = id, .name = pam_text(name), .code = 1});
}

static void put_pending(uint64_t walk, uint64_t task, uint64_t since_us, struct pam_bytes awaited)
{
    maker_put(&maker, PAM_pending,
              &(struct pam_pending){.walk = walk, .task = task, .state = PAM_TASK_WAITS, .stack = 1,
                                    .awaitable = 3, .awaited = awaited, .since_us = since_us});
}

static void end_walk(uint64_t walk, uint64_t tasks)
{
    maker_put(&maker, PAM_task_walk, &(struct pam_task_walk){.walk = walk, .pid = 9, .tasks = tasks});
}

static char *convert(void)
{
    const int out = memory_file("", 0);
    struct pam_filter filter = {0};
    const struct pam_conversion options = {.filter = &filter};
    struct pam_output output = {.format = pam_format_by_name("tasks")};
    struct pam_source source = {.name = "x"};
    struct pam_outcome outcome;
    struct pam_error error;
    char path[64], *text;
    size_t size;

    maker_end_block(&maker, PAM_BLOCK_EPOCH_STARTS | PAM_BLOCK_FRAME_STARTS);
    source.fd = memory_file(maker.bytes, maker.size);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", out);
    output.path = path;
    assert_int_equal(pam_convert(&source, 1, &options, &output, 1, &outcome, &error), 0);
    text = file_text(out, &size);
    (void)close(source.fd);
    (void)close(out);
    maker_done(&maker);
    return text;
}

static void check(const char *expected)
{
    char *text = convert();

    assert_string_equal(text, expected);
    free(text);
}

static void no_walk(void **state)
{
    (void)state;
    begin();
    put_task(1, "a");
    put_pending(1, 1, 0, pam_text(""));
    check("no walk of pending tasks here: pamcollect --tasks SECONDS makes them\n"); /* it never ended */
    begin();
    end_walk(1, 0);
    check("process 9: 0 pending tasks at 0.500 s\n");
}

static void a_task_under_the_one_that_waits_for_it(void **state)
{
    (void)state;
    begin();
    put_task(1, "a;\nb");
    put_task(2, "Task-2");
    put_pending(1, 2, 2000000, pam_text(""));
    put_pending(1, 1, 100000, pam_text("\2\7"));
    end_walk(1, 2);
    check("process 9: 2 pending tasks at 0.500 s\n"
          "\n"
          "a; b: waits, for 0.1 s or longer\n"
          "    main (app.py:10)\n"
          "    awaits Future:\n"
          "    main (Task-2): waits, for 2.0 s or longer\n"
          "        main (app.py:10)\n"
          "        awaits Future\n"
          "    a task that is not pending any more\n");
}

static void put_member(uint64_t task, uint64_t owner, struct pam_bytes awaited)
{
    maker_put(&maker, PAM_pending,
              &(struct pam_pending){.walk = 1, .task = task, .state = PAM_TASK_READY, .group_owner = owner,
                                    .awaited = awaited});
}

/* Members of a TaskGroup stand under who has to wait for them, and once where it does; also when they have
 * each other, or are nobody's that is pending. */
static void members_of_a_group(void **state)
{
    (void)state;
    begin();
    for (uint64_t id = 1; id <= 6; id++)
        put_task(id, (const char *[]){"", "owner", "waited for", "member", "a", "b", "alone"}[id]);
    put_member(1, 0, pam_text("\2"));
    put_member(2, 1, pam_text(""));
    put_member(3, 1, pam_text(""));
    put_member(4, 5, pam_text(""));
    put_member(5, 4, pam_text(""));
    put_member(6, 77, pam_text(""));
    end_walk(1, 6);
    check("process 9: 6 pending tasks at 0.500 s\n\n"
          "alone: is ready to go on\n\n"
          "owner: is ready to go on\n"
          "    waited for: is ready to go on\n"
          "    in its TaskGroup:\n"
          "    member: is ready to go on\n\n"
          "b: is ready to go on\n"
          "    in its TaskGroup:\n"
          "    a: is ready to go on\n"
          "        in its TaskGroup:\n"
          "        b: see above\n");
}

/* The last walk counts; one that found another task before does not. */
static void the_last_walk(void **state)
{
    (void)state;
    begin();
    put_task(1, "a");
    put_task(2, "b");
    put_pending(1, 1, 0, pam_text(""));
    end_walk(1, 1);
    put_pending(2, 1, 0, pam_text("")); /* of a walk that was begun anew */
    put_pending(3, 2, 0, pam_text(""));
    end_walk(3, 1);
    check("process 9: 1 pending tasks at 0.500 s\n\nb: waits\n    main (app.py:10)\n    awaits Future\n");
}

static void tasks_in_a_circle(void **state)
{
    (void)state;
    begin();
    put_task(1, "a");
    put_task(2, "b");
    put_pending(1, 1, 0, pam_text("\2"));
    put_pending(1, 2, 0, pam_text("\1"));
    end_walk(1, 2);
    check("process 9: 2 pending tasks at 0.500 s\n\n"
          "b: waits\n    main (app.py:10)\n    awaits Future:\n"
          "    a: waits\n        main (app.py:10)\n        awaits Future:\n"
          "        b: see above\n");
}

/* Ids, texts and stacks that were never told, states that do not exist, half a number. */
static void what_is_not_known(void **state)
{
    (void)state;
    begin();
    put_pending(1, 77, 0, pam_text("\x80"));
    maker_put(&maker, PAM_pending, &(struct pam_pending){.walk = 1, .task = UINT64_MAX, .state = 99,
                                                         .stack = 99, .awaitable = 99});
    end_walk(1, 2);
    check("process 9: 2 pending tasks at 0.500 s\n\n"
          "?: is in an unknown state\n\n"
          "?: waits\n    main (app.py:10)\n    awaits Future\n");
}

/* Each waits for the next: deeper than anybody reads, and than a stack goes. */
static void a_very_long_chain_of_tasks(void **state)
{
    enum { TASKS = 20000 };
    unsigned lines = 0;
    char *text;

    (void)state;
    begin();
    for (uint64_t id = 1; id <= TASKS; id++) {
        unsigned char next[PAM_VARINT_BYTES];

        put_pending(1, id, 0, (struct pam_bytes){next, pam_put_varint(next, id + 1)});
    }
    end_walk(1, TASKS);
    text = convert();
    for (const char *at = text; (at = strstr(at, "?: waits")); at++)
        lines++;
    assert_int_equal(lines, TASKS);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_walk),
        cmocka_unit_test(a_task_under_the_one_that_waits_for_it),
        cmocka_unit_test(members_of_a_group),
        cmocka_unit_test(the_last_walk),
        cmocka_unit_test(tasks_in_a_circle),
        cmocka_unit_test(what_is_not_known),
        cmocka_unit_test(a_very_long_chain_of_tasks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
