/* decode.c - reads every record of a capture as pamconvert does, and does nothing with them.
 *
 *   decode CAPTURE      prints how many there were */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "reader.h"

int main(int argc, char **argv)
{
    const int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
    struct pam_reader *reader;
    struct pam_event event;
    struct pam_error error;
    uint64_t records = 0;
    int r = 0;

    if (fd < 0 || pam_reader_open(&reader, fd, argv[1], &error) < 0) {
        fprintf(stderr, "usage: decode CAPTURE\n");
        return 2;
    }
    while ((r = pam_reader_next(reader, &event, &error)) > 0)
        records += event.kind == PAM_EVENT_RECORD;
    printf("records: %" PRIu64 "\n", records);
    pam_reader_free(reader);
    return r < 0;
}
