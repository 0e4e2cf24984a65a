/* usage.c - what one process uses beyond CPU and RSS: faults, switches, files, I/O, PSS. */
#include "kernel/usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/clocks.h"
#include "kernel/procfile.h"
#include "kernel/procfs.h"

enum {
    STATUS_BYTES = 8192, /* 1.5 kB; more in a thousand groups, then the switches stay unknown */
    IO_BYTES = 512,      /* seven numbers of 20 digits */
    ROLLUP_BYTES = 2048, /* 25 lines */
    LIST_BYTES = 4096,
};

static const uint64_t PSS_LEAST_NS = UINT64_C(10000000000);
static const uint64_t REFUSED_NS = UINT64_C(60000000000);

void pam_usage_init(struct pam_usage_files *files)
{
    *files = (struct pam_usage_files){.status = pam_kept_closed(), .io = pam_kept_closed()};
}

void pam_usage_done(struct pam_usage_files *files)
{
    pam_kept_close(&files->status);
    pam_kept_close(&files->io);
}

bool pam_usage_fds_by_stat(void)
{
    struct stat own;

    return stat("/proc/self/fd", &own) == 0 && own.st_size > 0; /* there always is one */
}

/* All switches would be the sum over task/TID/status, 9 us a thread; the capture has them for free
 * in thread_cpu. What only status tells is why the main thread, often the event loop, left the CPU:
 * because it waited, or because others wanted to run. It is also what psutil shows. */
static void read_status(struct pam_usage_files *files, int proc_fd, uint64_t now_ns,
                        struct pam_resource *resource)
{
    struct pam_switches switches;
    char text[STATUS_BYTES];

    if (!pam_kept_read(&files->status, proc_fd, "status", text, sizeof text, now_ns) ||
        !pam_parse_switches(text, &switches))
        return;
    resource->main_voluntary_plus1 = switches.voluntary + 1;
    resource->main_involuntary_plus1 = switches.involuntary + 1;
}

static void read_io(struct pam_usage_files *files, int proc_fd, uint64_t now_ns,
                    struct pam_resource *resource)
{
    char text[IO_BYTES];
    struct pam_io io;

    if (!pam_kept_read(&files->io, proc_fd, "io", text, sizeof text, now_ns) ||
        !pam_parse_io(text, &io))
        return;
    resource->read_bytes_plus1 = io.read_bytes + 1;
    resource->written_bytes_plus1 = io.written_bytes + 1;
    resource->read_calls_plus1 = io.read_calls + 1;
    resource->write_calls_plus1 = io.write_calls + 1;
    resource->disk_read_bytes_plus1 = io.disk_read_bytes + 1;
    resource->disk_written_bytes_plus1 = io.disk_written_bytes + 1;
}

/* Not opendir(): it allocates. Returns a negative number when it is refused. */
static int64_t count_files(int proc_fd)
{
    _Alignas(struct dirent64) char list[LIST_BYTES];
    const int fd = openat(proc_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int64_t count = 0;
    ssize_t size;

    if (fd < 0)
        return -1;
    while ((size = getdents64(fd, list, sizeof list)) > 0)
        for (ssize_t at = 0; at < size;) {
            const struct dirent64 *entry = (const struct dirent64 *)(const void *)(list + at);

            count += entry->d_name[0] != '.';
            at += entry->d_reclen;
        }
    (void)close(fd);
    return size < 0 ? -1 : count;
}

static void read_fds(struct pam_usage_files *files, int proc_fd, bool by_stat, uint64_t now_ns,
                     struct pam_resource *resource)
{
    struct stat folder;
    int64_t count = -1;
    uint64_t started_ns;

    if (by_stat) {
        if (fstatat(proc_fd, "fd", &folder, 0) == 0)
            resource->fds_plus1 = (uint64_t)folder.st_size + 1;
        return;
    }
    if (now_ns < files->fds_due_ns)
        return;
    started_ns = pam_monotonic_ns();
    count = count_files(proc_fd);
    if (count >= 0)
        resource->fds_plus1 = (uint64_t)count + 1;
    files->fds_due_ns =
        count < 0 ? now_ns + REFUSED_NS : pam_due_again_ns(now_ns, pam_monotonic_ns() - started_ns, 0);
}

void pam_usage_read(struct pam_usage_files *files, int proc_fd, bool fds_by_stat, uint64_t now_ns,
                    struct pam_resource *resource)
{
    read_status(files, proc_fd, now_ns, resource);
    read_io(files, proc_fd, now_ns, resource);
    read_fds(files, proc_fd, fds_by_stat, now_ns, resource);
}

void pam_usage_read_pss(struct pam_usage_files *files, int proc_fd, uint64_t now_ns,
                        struct pam_resource *resource)
{
    char text[ROLLUP_BYTES];
    uint64_t started_ns, kib;

    if (now_ns < files->pss_due_ns)
        return;
    started_ns = pam_monotonic_ns();
    if (pam_read_file(proc_fd, "smaps_rollup", text, sizeof text) <= 0 ||
        !pam_parse_key(text, "Pss", &kib)) {
        files->pss_due_ns = now_ns + REFUSED_NS;
        return;
    }
    resource->pss_bytes_plus1 = kib * 1024 + 1;
    files->pss_due_ns = pam_due_again_ns(now_ns, pam_monotonic_ns() - started_ns, PSS_LEAST_NS);
}
