/* load.c - opens an input and decides by its first bytes who reads it. */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pam/capture.h>

#include "capture_input.h"
#include "csv_input.h"

enum {
    SNIFFED_BYTES = 512,
    COPY_BYTES = 64 << 10,
    MAX_PIPED_BYTES = 256 << 20, /* kept in memory; a capture of two days */
};

/* What people give by mistake, and what to do about it. */
static const struct {
    const char *bytes;
    const char *what;
} foreign[] = {
    {"\x1f\x8b", "is compressed by gzip; unpack it first (gunzip)"},
    {"\x28\xb5\x2f\xfd", "is compressed by zstd; unpack it first (unzstd)"},
    {"\xfd\x37zXZ", "is compressed by xz; unpack it first (unxz)"},
    {"BZh", "is compressed by bzip2; unpack it first (bunzip2)"},
    {"PK\x03\x04", "is a zip archive; unpack it first (unzip)"},
    {"\x89PNG", "is a picture already"},
    {"{", "is JSON, not a capture or CSV file; pamplot draws the capture it was made from"},
};

enum { FOREIGN = sizeof foreign / sizeof *foreign };

/* A pipe cannot be looked at twice, so it is copied to memory first. */
static int spool(int *fd, const char *name, struct pam_error *error)
{
    char bytes[COPY_BYTES];
    const int copy = memfd_create("pamplot-input", MFD_CLOEXEC);
    long long total = 0;
    ssize_t got = 0;

    while (copy >= 0 && (got = read(*fd, bytes, sizeof bytes)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || write(copy, bytes, (size_t)got) != got)
            break;
        total += got;
        if (total > MAX_PIPED_BYTES) {
            close(copy);
            return pam_fail(error, PAM_FAILED, "%s gives more than %d MB; give a file instead",
                            name, MAX_PIPED_BYTES >> 20);
        }
    }
    if (copy < 0 || got) {
        const int reason = errno;

        if (copy >= 0)
            close(copy);
        return pam_fail(error, PAM_FAILED, "cannot read %s: %s", name, strerror(reason));
    }
    close(*fd);
    *fd = copy;
    return 0;
}

static int open_input(int *fd, const char *path, const char *name, struct pam_error *error)
{
    struct stat status;

    *fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : fcntl(0, F_DUPFD_CLOEXEC, 3);
    if (*fd < 0 || fstat(*fd, &status) != 0)
        return pam_fail(error, PAM_FAILED, "cannot open %s: %s", name, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return pam_fail(error, PAM_DAMAGED, "%s is a directory, not a capture or CSV file", name);
    if (!S_ISREG(status.st_mode) && spool(fd, name, error) < 0)
        return PAM_FAILED;
    return lseek(*fd, 0, SEEK_SET) == 0
               ? 0
               : pam_fail(error, PAM_FAILED, "cannot read %s: %s", name, strerror(errno));
}

static int read_by_first_bytes(struct plot_data *data, int fd, const char *name, unsigned columns,
                               struct pam_error *error)
{
    char bytes[SNIFFED_BYTES];
    const ssize_t got = pread(fd, bytes, sizeof bytes, 0);
    const size_t size = got > 0 ? (size_t)got : 0;

    if (got < 0)
        return pam_fail(error, PAM_FAILED, "cannot read %s: %s", name, strerror(errno));
    if (!size)
        return pam_fail(error, PAM_DAMAGED, "%s is empty", name);
    if (!memcmp(bytes, PAM_MAGIC, size < PAM_MAGIC_BYTES ? size : PAM_MAGIC_BYTES))
        return plot_capture_read(data, fd, name, columns, error);
    for (size_t i = 0; i < FOREIGN; i++) {
        const size_t length = strlen(foreign[i].bytes);

        if (size >= length && !memcmp(bytes, foreign[i].bytes, length))
            return pam_fail(error, PAM_DAMAGED, "%s %s", name, foreign[i].what);
    }
    if (memchr(bytes, '\0', size))
        return pam_fail(error, PAM_DAMAGED, "%s is neither a capture nor a CSV file", name);
    return plot_csv_read(data, fd, name, columns, error);
}

int plot_load(struct plot_data *data, const char *path, unsigned columns, struct pam_error *error)
{
    const char *name = strcmp(path, "-") ? path : "stdin";
    int fd;
    int result = open_input(&fd, path, name, error);

    if (result >= 0)
        result = read_by_first_bytes(data, fd, name, columns, error);
    if (fd >= 0)
        close(fd);
    return result;
}
