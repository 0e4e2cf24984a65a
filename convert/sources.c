/* sources.c - the captures of one conversion: opened, in the order of their starts, on one clock. */
#include "sources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int pam_source_open(struct pam_source *source, const char *path, struct pam_error *error)
{
    struct stat status;

    *source = (struct pam_source){.name = path, .fd = -1};
    if (!path) {
        source->name = "standard input";
        source->fd = STDIN_FILENO;
        source->live = true;
        return 0;
    }
    source->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (source->fd < 0)
        return pam_fail(error, PAM_FAILED, "cannot open %s: %s", path, strerror(errno));
    if (fstat(source->fd, &status) == 0 && S_ISDIR(status.st_mode)) {
        pam_source_close(source);
        return pam_fail(error, PAM_DAMAGED, "%s is a directory, not a capture", path);
    }
    return 0;
}

void pam_source_close(struct pam_source *source)
{
    if (source->fd >= 0 && !source->live)
        (void)close(source->fd);
    source->fd = -1;
}

static void take_start(struct pam_source *source, const struct pam_record *record)
{
    if (record->type == PAM_session) {
        source->start_monotonic_ns = record->session.start_monotonic_ns;
        source->start_realtime_ns = record->session.start_realtime_ns;
    }
    if (record->type == PAM_host && record->host.boot_id.size &&
        record->host.boot_id.size < sizeof source->boot_id)
        memcpy(source->boot_id, record->host.boot_id.data, record->host.boot_id.size);
}

/* Reads up to the session and the host, which stand at the beginning, and goes back. */
static int look_at_start(struct pam_source *source, struct pam_error *error)
{
    struct pam_reader *reader;
    struct pam_event event;
    int r = pam_reader_open(&reader, source->fd, source->name, error);

    if (r < 0)
        return r;
    event.kind = PAM_EVENT_BLOCK;
    do {
        r = pam_reader_next(reader, &event, error);
        if (r > 0 && event.kind == PAM_EVENT_RECORD)
            take_start(source, &event.record);
    } while (r > 0 && (event.kind != PAM_EVENT_RECORD || event.record.type != PAM_host));
    pam_reader_free(reader);
    if (r < 0)
        return r;
    if (lseek(source->fd, 0, SEEK_SET) != 0)
        return pam_fail(error, PAM_FAILED, "%s cannot be read twice, as several captures have to be: "
                        "save it to a file", source->name);
    return 0;
}

static int compare_starts(const void *a, const void *b)
{
    const struct pam_source *source_a = a, *source_b = b;

    if (source_a->start_realtime_ns != source_b->start_realtime_ns)
        return source_a->start_realtime_ns < source_b->start_realtime_ns ? -1 : 1;
    return 0;
}

static int64_t real_minus_monotonic(const struct pam_source *source)
{
    return (int64_t)(source->start_realtime_ns - source->start_monotonic_ns);
}

int pam_sources_order(struct pam_source *sources, size_t count, struct pam_error *error)
{
    int r = 0;

    if (count < 2)
        return 0;
    for (size_t i = 0; i < count && r == 0; i++)
        r = look_at_start(&sources[i], error);
    if (r < 0)
        return r;
    qsort(sources, count, sizeof *sources, compare_starts);
    for (size_t i = 1; i < count; i++)
        if (!*sources[i].boot_id || strcmp(sources[i].boot_id, sources[0].boot_id) != 0)
            sources[i].shift_ns =
                real_minus_monotonic(&sources[i]) - real_minus_monotonic(&sources[0]);
    return 0;
}

void pam_source_see(struct pam_source *source, const struct pam_event *event)
{
    if (event->kind == PAM_EVENT_RECORD && event->record.type == PAM_health)
        source->threads_left_out = event->record.health.threads_left_out;
}

void pam_source_shift(const struct pam_source *source, struct pam_event *event)
{
    const uint64_t shift_ns = (uint64_t)source->shift_ns;

    event->time_ns += shift_ns;
    if (event->kind != PAM_EVENT_RECORD)
        return;
    if (event->record.type == PAM_session)
        event->record.session.start_monotonic_ns += shift_ns;
    if (event->record.type == PAM_clock)
        event->record.clock.monotonic_ns += shift_ns;
}
