/* test_find.c - PAM's rule for which of several processes is meant. */
#include "target/find.h"

#include "unit.h"

enum { MOST = 4 };

#define UVICORN "python3 -m uvicorn petal_app_manager.main:app"
#define LAUNCHER "python3 /x/debugpy/launcher 5678 -- -m uvicorn petal_app_manager.main:app"
#define CONNECT "python3 /x/debugpy --connect 127.0.0.1:5678 -m uvicorn petal_app_manager.main:app"

static const struct {
    const char *name;
    struct {
        const char *command_line;
        bool listens;
    } candidates[MOST];
    size_t count, chosen;
    const char *reason; /* a part of it */
} cases[] = {
    {"the only one", {{UVICORN, false}}, 1, 0, "the only process that matches"},
    {"the only one is a launcher", {{LAUNCHER, false}}, 1, 0, "the only process that matches"},
    {"the one that listens", {{UVICORN " --reload", false}, {UVICORN, true}}, 2, 1, "port 9000"},
    {"the first that listens", {{UVICORN, true}, {UVICORN " --reload", true}}, 2, 0, "port 9000"},
    {"debugpy --connect before listening", {{UVICORN, true}, {CONNECT, false}}, 2, 1, "--connect"},
    {"debugpy --connect before length",
     {{CONNECT, false}, {UVICORN " --port 9000 --host 0.0.0.0 --log-level info --reload", false}},
     2,
     0,
     "--connect"},
    {"debugpy without --connect is none", {{LAUNCHER, false}, {UVICORN, false}}, 2, 1, "longest"},
    {"--connect without debugpy is none",
     {{UVICORN " --connect", false}, {UVICORN, true}},
     2,
     1,
     "port 9000"},
    {"a launcher that listens", {{LAUNCHER, true}, {UVICORN, false}}, 2, 0, "port 9000"},
    {"the longest",
     {{UVICORN, false}, {UVICORN " --reload", false}, {UVICORN " -x", false}},
     3,
     1,
     "longest"},
    {"the longest that is no launcher",
     {{UVICORN, false}, {LAUNCHER, false}, {"", false}},
     3,
     0,
     "longest"},
    {"equally long", {{UVICORN "1", false}, {UVICORN "2", false}}, 2, 0, "longest"},
    {"launchers only: the last", {{LAUNCHER " -v", false}, {LAUNCHER, false}}, 2, 1, "last"},
};

static void the_rule(void **state)
{
    static struct pam_candidate candidates[MOST];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char reason[PAM_REASON_BYTES] = "";

        for (size_t k = 0; k < cases[i].count; k++) {
            candidates[k] = (struct pam_candidate){.pid = (pid_t)(100 + k),
                                                   .listens = cases[i].candidates[k].listens};
            strcpy(candidates[k].command_line, cases[i].candidates[k].command_line);
        }
        assert_row(cases[i].name,
                   pam_prefer(candidates, cases[i].count, reason) == cases[i].chosen);
        assert_row(cases[i].name, strstr(reason, cases[i].reason) != NULL);
        if (cases[i].count > 1)
            assert_row(cases[i].name, strstr(reason, "of ") == reason);
    }
}

static void units_of_systemd(void **state)
{
    static const struct {
        const char *cgroup, *unit;
        bool is_in;
    } rows[] = {
        {"0::/system.slice/petal-app-manager.service\n", "petal-app-manager", true},
        {"0::/system.slice/petal-app-manager.service\n", "petal-app-manager.service", true},
        {"0::/system.slice/petal-app-manager.service", "petal-app-manager.service", true},
        {"0::/system.slice/x.service/init.scope\n", "x", true},
        {"0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.service\n", "x", true},
        {"12:pids:/system.slice/x.service\n1:name=systemd:/system.slice/x.service\n", "x", true},
        {"0::/system.slice/petal-app-manager.service\n", "petal-app", false},
        {"0::/system.slice/petal-app-manager.service\n", "app-manager", false},
        {"0::/system.slice/petal-app-manager.service\n", "manager.service", false},
        {"0::/system.slice/x.service.d\n", "x.service", false},
        {"0::/system.slice/xx.service\n", "x", false},
        {"0::/\n", "x", false},
        {"", "x", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_row(rows[i].unit, pam_cgroup_is_unit(rows[i].cgroup, rows[i].unit) == rows[i].is_in);
}

static void a_pattern_that_is_none(void **state)
{
    char reason[PAM_REASON_BYTES];
    struct pam_error error;
    pid_t pid;

    (void)state;
    assert_int_equal(pam_find_match("uvicorn(", &pid, reason, &error), PAM_USAGE);
    assert_non_null(strstr(error.text, "uvicorn("));
}

static void nobody_matches(void **state)
{
    char reason[PAM_REASON_BYTES];
    struct pam_error error;
    pid_t pid;

    (void)state;
    assert_int_equal(pam_find_match("^no process is called like this$", &pid, reason, &error),
                     PAM_NO_TARGET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rule),
        cmocka_unit_test(units_of_systemd),
        cmocka_unit_test(a_pattern_that_is_none),
        cmocka_unit_test(nobody_matches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
