/* recording.c - a recorder and its writer on a file in memory or a pipe, and what they wrote. */
#include "recording.h"

#include <unistd.h>

#include "unit.h"

void recording_start(struct recording *recording, int fd, uint64_t now_ns)
{
    struct pam_error error;

    memset(recording, 0, sizeof *recording);
    recording->fd = fd >= 0 ? fd : memory_file("", 0);
    assert_int_equal(pam_writer_start(&recording->writer, recording->fd, "test.pamcap", 0,
                                      &recording->wake, &error),
                     0);
    assert_int_equal(pam_recorder_init(&recording->recorder, recording->writer, &error), 0);
    assert_true(pam_recorder_epoch_due(&recording->recorder, now_ns));
    assert_true(pam_recorder_start_epoch(&recording->recorder, now_ns));
    recording->written_bytes = pam_writer_bytes(recording->writer);
}

int recording_finish(struct recording *recording, struct pam_error *error)
{
    const struct pam_end end = {.reason = pam_text("the test is over")};

    pam_recorder_put(&recording->recorder, PAM_end, &end);
    pam_recorder_finish(&recording->recorder);
    pam_recorder_done(&recording->recorder);
    return pam_writer_finish(recording->writer, &(uint64_t){0}, error);
}

void recording_done(struct recording *recording)
{
    (void)close(recording->fd);
}

bool recording_wait(struct recording *recording)
{
    for (unsigned i = 0; i < 20000; i++) {
        const uint64_t bytes = pam_writer_bytes(recording->writer);

        if (bytes != recording->written_bytes) {
            recording->written_bytes = bytes;
            return true;
        }
        (void)usleep(1000);
    }
    return false;
}

void recording_put_marker(struct recording *recording, uint64_t number, size_t size)
{
    unsigned char name[PAM_MAX_TEXT];
    const struct pam_marker marker = {.name = {name, size}};
    uint64_t random = number * UINT64_C(0x9e3779b97f4a7c15) + 1;

    for (size_t i = 0; i < size; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        name[i] = (unsigned char)(random >> 32);
    }
    pam_put_le(name, number, 8);
    pam_recorder_put(&recording->recorder, PAM_marker, &marker);
}

uint64_t marker_number(const struct pam_marker *marker)
{
    return marker->name.size >= 8 ? pam_get_le(marker->name.data, 8) : UINT64_MAX;
}

struct pam_reader *reader_of(int fd)
{
    struct pam_reader *reader;
    struct pam_error error;

    (void)lseek(fd, 0, SEEK_SET);
    assert_int_equal(pam_reader_open(&reader, fd, "test.pamcap", &error), 0);
    return reader;
}

static void count_record(struct contents *contents, const struct pam_record *record)
{
    contents->records[record->type]++;
    if (record->type != PAM_marker)
        return;
    if (contents->records[PAM_marker] == 1)
        contents->first_marker = marker_number(&record->marker);
    else if (marker_number(&record->marker) != contents->last_marker + 1)
        contents->markers_in_order = false;
    contents->last_marker = marker_number(&record->marker);
}

struct contents contents_of(int fd)
{
    struct pam_reader *reader = reader_of(fd);
    struct contents contents = {.markers_in_order = true};
    struct pam_event event;
    struct pam_error error;

    while (pam_reader_next(reader, &event, &error) > 0) {
        contents.epochs += event.kind == PAM_EVENT_EPOCH;
        contents.blocks += event.kind == PAM_EVENT_BLOCK;
        contents.gaps += event.kind == PAM_EVENT_GAP;
        if (event.kind == PAM_EVENT_RECORD)
            count_record(&contents, &event.record);
    }
    contents.damage = *pam_reader_damage(reader);
    pam_reader_free(reader);
    return contents;
}
