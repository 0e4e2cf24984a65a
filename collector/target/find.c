/* find.c - which process is meant: PAM's own rule, a pattern, or the only candidate. */
#include "target/find.h"

#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/procfile.h"
#include "target/listen.h"

enum { MAX_CANDIDATES = 64, PAM_PORT = 9000, SHOWN_COMMAND = 60 };

static const char pam_pattern[] = "uvicorn.*petal_app_manager";

struct search {
    const regex_t *pattern;
    struct pam_candidate *found;
    size_t count;
};

/* Processes that only mention the service in their arguments: the sudo, shell or editor around it
 * has no CPython runtime, and we are not our own target. */
static bool consider(pid_t pid, void *context)
{
    struct search *search = context;
    struct pam_candidate *candidate = &search->found[search->count];
    const int proc_fd = pam_open_proc(pid);

    if (proc_fd < 0)
        return true;
    pam_read_command_line(proc_fd, candidate->command_line, sizeof candidate->command_line);
    if (pid != getpid() && candidate->command_line[0] &&
        regexec(search->pattern, candidate->command_line, 0, NULL, 0) == 0 &&
        pam_likely_python(proc_fd)) {
        candidate->pid = pid;
        search->count++;
    }
    (void)close(proc_fd);
    return search->count < MAX_CANDIDATES;
}

/* The candidates are the caller's to free. */
static int search_all(const char *pattern, struct search *search, struct pam_error *error)
{
    regex_t compiled;
    const int r = regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB);

    if (r != 0) {
        char why[128];

        (void)regerror(r, &compiled, why, sizeof why);
        return pam_fail(error, PAM_USAGE, "'%s' is not a regular expression: %s", pattern, why);
    }
    *search = (struct search){.pattern = &compiled,
                              .found = calloc(MAX_CANDIDATES, sizeof *search->found)};
    if (search->found)
        (void)pam_each_number(AT_FDCWD, "/proc", consider, search);
    regfree(&compiled);
    search->pattern = NULL;
    return search->found ? 0 : pam_fail(error, PAM_MEMORY, "not enough memory to list processes");
}

static size_t prefer_debugged(const struct pam_candidate *candidates, size_t count)
{
    for (size_t i = count; i-- > 0;)
        if (strstr(candidates[i].command_line, "debugpy") &&
            strstr(candidates[i].command_line, "--connect"))
            return i;
    return count;
}

static size_t prefer_listening(const struct pam_candidate *candidates, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (candidates[i].listens)
            return i;
    return count;
}

static size_t prefer_longest(const struct pam_candidate *candidates, size_t count)
{
    size_t best = count;

    for (size_t i = 0; i < count; i++) {
        if (strstr(candidates[i].command_line, "debugpy/launcher"))
            continue;
        if (best == count ||
            strlen(candidates[i].command_line) > strlen(candidates[best].command_line))
            best = i;
    }
    return best;
}

static size_t prefer_last(const struct pam_candidate *candidates, size_t count)
{
    (void)candidates;
    return count - 1;
}

size_t pam_prefer(const struct pam_candidate *candidates, size_t count,
                  char reason[PAM_REASON_BYTES])
{
    static const struct {
        size_t (*prefer)(const struct pam_candidate *candidates, size_t count);
        const char *reason;
    } rules[] = {
        {prefer_debugged, "it runs under debugpy --connect"},
        {prefer_listening, "it listens on port 9000"},
        {prefer_longest, "it has the longest command line without debugpy/launcher"},
        {prefer_last, "it is the last one"},
    };
    size_t chosen = count;

    if (count == 1) {
        (void)snprintf(reason, PAM_REASON_BYTES, "the only process that matches %s", pam_pattern);
        return 0;
    }
    for (size_t i = 0; i < sizeof rules / sizeof *rules && chosen == count; i++) {
        chosen = rules[i].prefer(candidates, count);
        (void)snprintf(reason, PAM_REASON_BYTES, "of %zu that match %s, %s", count, pam_pattern,
                       rules[i].reason);
    }
    return chosen;
}

int pam_find_pam(pid_t *pid, char reason[PAM_REASON_BYTES], struct pam_error *error)
{
    struct search search;
    const int r = search_all(pam_pattern, &search, error);

    if (r < 0)
        return r;
    if (!search.count) {
        free(search.found);
        return pam_fail(error, PAM_NO_TARGET,
                        "no running Petal App Manager found (a Python process whose command line "
                        "matches %s): start it, or name a process with --pid, --match or -- COMMAND",
                        pam_pattern);
    }
    if (search.count > 1)
        for (size_t i = 0; i < search.count; i++)
            search.found[i].listens = pam_listens(search.found[i].pid, PAM_PORT);
    *pid = search.found[pam_prefer(search.found, search.count, reason)].pid;
    free(search.found);
    return 0;
}

static int ambiguous(const char *pattern, const struct search *search, struct pam_error *error)
{
    char list[PAM_ERROR_TEXT_BYTES / 2] = "";
    size_t at = 0;

    for (size_t i = 0; i < search->count && at + SHOWN_COMMAND + 24 < sizeof list; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "\n  %7d  %.*s",
                               (int)search->found[i].pid, SHOWN_COMMAND,
                               search->found[i].command_line);
    return pam_fail(error, PAM_AMBIGUOUS,
                    "%zu Python processes match '%.100s': take one with --pid, or a longer pattern%s",
                    search->count, pattern, list);
}

int pam_find_match(const char *pattern, pid_t *pid, char reason[PAM_REASON_BYTES],
                   struct pam_error *error)
{
    struct search search;
    int r = search_all(pattern, &search, error);

    if (r < 0)
        return r;
    if (search.count == 0)
        r = pam_fail(error, PAM_NO_TARGET,
                     "no Python process has a command line that matches '%.200s'", pattern);
    else if (search.count > 1)
        r = ambiguous(pattern, &search, error);
    else
        *pid = search.found[0].pid;
    (void)snprintf(reason, PAM_REASON_BYTES, "its command line matches '%.200s'", pattern);
    free(search.found);
    return r;
}
