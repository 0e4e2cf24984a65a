/* kept.c - files read at every interval: kept open, and left alone when they are refused. */
#include "kernel/kept.h"

#include <fcntl.h>
#include <unistd.h>

#include "kernel/procfile.h"

static const uint64_t RETRY_NS = UINT64_C(60000000000);
static const uint64_t SHARE = 1000; /* 0.1 %: what one costly thing may take */

struct pam_kept pam_kept_closed(void)
{
    return (struct pam_kept){.fd = -1};
}

void pam_kept_close(struct pam_kept *kept)
{
    if (kept->fd >= 0)
        (void)close(kept->fd);
    kept->fd = -1;
}

size_t pam_kept_read(struct pam_kept *kept, int dir_fd, const char *path, char *text, size_t room,
                     uint64_t now_ns)
{
    ssize_t size = -1;

    text[0] = '\0';
    if (kept->fd < 0 && now_ns >= kept->retry_ns)
        kept->fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    else if (kept->fd < 0)
        return 0;
    if (kept->fd >= 0)
        size = pam_reread(kept->fd, text, room);
    if (size > 0)
        return (size_t)size;
    text[0] = '\0';
    pam_kept_close(kept);
    kept->retry_ns = now_ns + RETRY_NS;
    return 0;
}

uint64_t pam_due_again_ns(uint64_t started_ns, uint64_t took_ns, uint64_t least_ns)
{
    return started_ns + (took_ns * SHARE > least_ns ? took_ns * SHARE : least_ns);
}
