/* kept.h - files read at every interval: kept open, and left alone when they are refused. */
#ifndef PAM_KEPT_H
#define PAM_KEPT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct pam_kept {
    int fd;            /* -1 while it is not open */
    uint64_t retry_ns; /* CLOCK_MONOTONIC; not before it is tried again */
};

/* One that is not open yet; nothing to close. */
struct pam_kept pam_kept_closed(void);
void pam_kept_close(struct pam_kept *kept);

/* Reads the file `path` (relative to `dir_fd`) into `text`, closed by a zero byte. Returns its
 * size, or 0 when it is absent, empty or forbidden: then it is left alone for a minute. */
size_t pam_kept_read(struct pam_kept *kept, int dir_fd, const char *path, char *text, size_t room,
                     uint64_t now_ns);

/* Something that costs: after it took `took_ns` it is due again so that it takes no more than a
 * thousandth of the time, and `least_ns` after `started_ns` at the earliest. */
uint64_t pam_due_again_ns(uint64_t started_ns, uint64_t took_ns, uint64_t least_ns);

#endif
