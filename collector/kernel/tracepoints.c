/* tracepoints.c - the kernel's tracepoints by name, from tracefs. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/events.h"
#include "kernel/procfile.h"

/* Where tracefs is mounted; the second one by itself, with debugfs. */
static const char *const folders[] = {"/sys/kernel/tracing/events", "/sys/kernel/debug/tracing/events"};

enum { FOLDERS = sizeof folders / sizeof *folders };

static const char name_letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

/* No other letter: what stands here becomes a path. */
bool pam_tracepoint_is_name(const char *name)
{
    const size_t subsystem = strspn(name, name_letters);
    const size_t event = name[subsystem] == ':' ? strspn(name + subsystem + 1, name_letters) : 0;

    return subsystem && event && name[subsystem + 1 + event] == '\0';
}

bool pam_tracepoints_are_mounted(void)
{
    for (size_t i = 0; i < FOLDERS; i++)
        if (access(folders[i], F_OK) == 0 || errno != ENOENT)
            return true;
    return false;
}

int pam_tracepoint_find(const char *name, struct pam_event_code *code)
{
    const char *colon = strchr(name, ':');
    char path[64 + PAM_EVENT_NAME_BYTES], text[32];
    ssize_t size = -ENOENT;

    if (!pam_tracepoint_is_name(name))
        return -ENOENT;
    for (size_t i = 0; i < FOLDERS && size == -ENOENT; i++) {
        if (access(folders[i], X_OK) != 0) {
            size = errno == ENOENT ? -ENOENT : -errno;
            continue;
        }
        (void)snprintf(path, sizeof path, "%s/%.*s/%s/id", folders[i], (int)(colon - name), name,
                       colon + 1);
        size = pam_read_file(AT_FDCWD, path, text, sizeof text);
    }
    if (size <= 0)
        return size ? (int)size : -EIO;
    *code = (struct pam_event_code){.type = PERF_TYPE_TRACEPOINT, .config = strtoull(text, NULL, 10)};
    return 0;
}

static int is_event(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && entry->d_type == DT_DIR;
}

static void visit_subsystem(const char *folder, const char *subsystem,
                            void (*visit)(const char *name, void *context), void *context)
{
    char path[512], name[512];
    struct dirent **events;
    int count;

    (void)snprintf(path, sizeof path, "%s/%.200s", folder, subsystem);
    count = scandir(path, &events, is_event, alphasort);
    for (int i = 0; i < count; i++) {
        (void)snprintf(path, sizeof path, "%s/%.200s/%.200s/id", folder, subsystem, events[i]->d_name);
        (void)snprintf(name, sizeof name, "%.200s:%.200s", subsystem, events[i]->d_name);
        if (access(path, R_OK) == 0) /* without one it is of ftrace alone */
            visit(name, context);
        free(events[i]);
    }
    if (count >= 0)
        free(events);
}

int pam_tracepoints_each(void (*visit)(const char *name, void *context), void *context)
{
    struct dirent **subsystems;
    int count = -1;
    size_t folder = 0;

    for (; count < 0 && folder < FOLDERS; folder++)
        count = scandir(folders[folder], &subsystems, is_event, alphasort);
    if (count < 0)
        return -errno;
    for (int i = 0; i < count; i++) {
        visit_subsystem(folders[folder - 1], subsystems[i]->d_name, visit, context);
        free(subsystems[i]);
    }
    free(subsystems);
    return 0;
}
