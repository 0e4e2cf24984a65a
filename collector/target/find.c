/* find.c - which process is meant: PAM's own rule, a pattern, a port or a unit. */
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

/* What makes a process a candidate. */
struct search {
    bool (*is_meant)(const struct search *search, pid_t pid, int proc_fd, const char *command_line);
    const regex_t *pattern;
    unsigned port;
    const char *unit;
    struct pam_candidate *found;
    size_t count;
};

static bool matches(const struct search *search, pid_t pid, int proc_fd, const char *command_line)
{
    (void)pid;
    (void)proc_fd;
    return regexec(search->pattern, command_line, 0, NULL, 0) == 0;
}

static bool listens(const struct search *search, pid_t pid, int proc_fd, const char *command_line)
{
    (void)proc_fd;
    (void)command_line;
    return pam_listens(pid, search->port);
}

static bool is_in_unit(const struct search *search, pid_t pid, int proc_fd, const char *command_line)
{
    char cgroup[4096];

    (void)pid;
    (void)command_line;
    return pam_read_file(proc_fd, "cgroup", cgroup, sizeof cgroup) > 0 &&
           pam_cgroup_is_unit(cgroup, search->unit);
}

/* A unit is a folder of the path: "0::/system.slice/petal-app-manager.service". */
bool pam_cgroup_is_unit(const char *cgroup, const char *unit)
{
    const size_t size = strlen(unit);

    for (const char *at = strstr(cgroup, unit); at; at = strstr(at + 1, unit)) {
        const char *end = at + size;

        if (!strncmp(end, ".service", 8))
            end += 8;
        if (at > cgroup && at[-1] == '/' && (*end == '/' || *end == '\n' || *end == '\0'))
            return true;
    }
    return false;
}

static pid_t parent_of(int proc_fd)
{
    char text[PAM_STAT_BYTES];
    struct pam_stat stat;

    return pam_read_file(proc_fd, "stat", text, sizeof text) > 0 && pam_parse_stat(text, &stat)
               ? (pid_t)stat.parent_pid : 0;
}

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
    if (pid != getpid() && candidate->command_line[0] && pam_likely_python(proc_fd) &&
        search->is_meant(search, pid, proc_fd, candidate->command_line)) {
        candidate->pid = pid;
        candidate->parent = parent_of(proc_fd);
        search->count++;
    }
    (void)close(proc_fd);
    return search->count < MAX_CANDIDATES;
}

/* The candidates, in the order of their ids, are the caller's to free. */
static int search_all(struct search *search, struct pam_error *error)
{
    search->found = calloc(MAX_CANDIDATES, sizeof *search->found);
    if (!search->found)
        return pam_fail(error, PAM_MEMORY, "not enough memory to list processes");
    (void)pam_each_number(AT_FDCWD, "/proc", consider, search);
    return 0;
}

static int search_pattern(const char *pattern, struct search *search, struct pam_error *error)
{
    regex_t compiled;
    int r = regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB);

    if (r != 0) {
        char why[128];

        (void)regerror(r, &compiled, why, sizeof why);
        return pam_fail(error, PAM_USAGE, "'%s' is not a regular expression: %s", pattern, why);
    }
    *search = (struct search){.is_meant = matches, .pattern = &compiled};
    r = search_all(search, error);
    regfree(&compiled);
    search->pattern = NULL;
    return r;
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
    const int r = search_pattern(pam_pattern, &search, error);

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

static size_t put_candidate(char *out, size_t room, const struct pam_candidate *candidate)
{
    const char *command = candidate->command_line;
    const size_t size = strlen(command);

    /* What tells similar ones apart is at the end. */
    return (size_t)snprintf(out, room, "\n  %7d  %s%s", (int)candidate->pid,
                            size > SHOWN_COMMAND ? "..." : "",
                            command + (size > SHOWN_COMMAND ? size - SHOWN_COMMAND : 0));
}

/* The one of which all others are children or grandchildren: a service and its workers. The count when
 * there is none. */
static size_t ancestor_of_all(const struct pam_candidate *found, size_t count)
{
    size_t root = count;

    for (size_t i = 0; i < count; i++) {
        bool has_parent = false;

        for (size_t j = 0; j < count; j++)
            has_parent |= found[i].parent == found[j].pid;
        if (!has_parent && root < count)
            return count;
        root = has_parent ? root : i;
    }
    return root;
}

static int ambiguous(const char *what, const struct search *search, struct pam_error *error)
{
    char list[PAM_ERROR_TEXT_BYTES - 256] = "";
    size_t at = 0, shown = 0;

    for (; shown < search->count && at + SHOWN_COMMAND + 48 < sizeof list; shown++)
        at += put_candidate(list + at, sizeof list - at, &search->found[shown]);
    if (shown < search->count)
        (void)snprintf(list + at, sizeof list - at, "\n  ... and %zu more", search->count - shown);
    return pam_fail(error, PAM_AMBIGUOUS, "there are %zu Python processes %s: take one of them with --pid%s",
                    search->count, what, list);
}

/* The only candidate, or the one that started the others, or an error that lists them. */
static int take_only(struct search *search, const char *what, pid_t *pid, struct pam_error *error)
{
    int r = 0;

    if (search->count == 0)
        r = pam_fail(error, PAM_NO_TARGET, "there is no Python process %s", what);
    else if (ancestor_of_all(search->found, search->count) == search->count)
        r = ambiguous(what, search, error);
    else
        *pid = search->found[ancestor_of_all(search->found, search->count)].pid;
    free(search->found);
    return r;
}

int pam_find_match(const char *pattern, pid_t *pid, char reason[PAM_REASON_BYTES],
                   struct pam_error *error)
{
    struct search search;
    char what[PAM_REASON_BYTES];
    const int r = search_pattern(pattern, &search, error);

    (void)snprintf(what, sizeof what, "whose command line matches '%.100s'", pattern);
    (void)snprintf(reason, PAM_REASON_BYTES, "its command line matches '%.100s'", pattern);
    return r < 0 ? r : take_only(&search, what, pid, error);
}

int pam_find_listening(unsigned port, pid_t *pid, char reason[PAM_REASON_BYTES],
                       struct pam_error *error)
{
    struct search search = {.is_meant = listens, .port = port};
    char what[PAM_REASON_BYTES];
    const int r = search_all(&search, error);

    (void)snprintf(what, sizeof what, "that listens on TCP port %u", port);
    (void)snprintf(reason, PAM_REASON_BYTES, "it listens on TCP port %u", port);
    return r < 0 ? r : take_only(&search, what, pid, error);
}

int pam_find_unit(const char *unit, pid_t *pid, char reason[PAM_REASON_BYTES],
                  struct pam_error *error)
{
    struct search search = {.is_meant = is_in_unit, .unit = unit};
    char what[PAM_REASON_BYTES];
    const int r = search_all(&search, error);

    (void)snprintf(what, sizeof what, "in the unit %.100s", unit);
    (void)snprintf(reason, PAM_REASON_BYTES, "it runs in the unit %.100s", unit);
    if (r == 0 && search.count > 1)
        search.count = 1; /* ids grow: the first is the oldest, which started the others */
    return r < 0 ? r : take_only(&search, what, pid, error);
}
