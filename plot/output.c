/* output.c - writes beside the final name and renames, with signals held back meanwhile. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_BYTES = 64 << 10 };

static const char TEMPORARY[] = ".pamplot-XXXXXX";

static int fail(struct pam_error *error, const char *path)
{
    return pam_fail(error, PAM_FAILED, "cannot write %s: %s", path, strerror(errno));
}

static bool write_all(int to, const char *bytes, size_t size)
{
    while (size) {
        const ssize_t put = write(to, bytes, size);

        if (put < 0 && errno != EINTR)
            return false;
        if (put > 0) {
            bytes += put;
            size -= (size_t)put;
        }
    }
    return true;
}

static bool copy(int from, int to)
{
    char bytes[COPY_BYTES];
    off_t at = 0;
    ssize_t got;

    while ((got = pread(from, bytes, sizeof bytes, at)) > 0) {
        if (!write_all(to, bytes, (size_t)got))
            return false;
        at += got;
    }
    return got == 0;
}

/* Anything but a regular file or a free name; a symbolic link is followed to see. */
static bool is_special(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

static int save_as_is(int from, int to, const char *path, struct pam_error *error)
{
    int result = 0;

    if (to < 0)
        return fail(error, path);
    if (isatty(to))
        result = pam_fail(error, PAM_USAGE, "a picture is not written to a terminal");
    else if (!copy(from, to))
        result = fail(error, path);
    close(to);
    return result;
}

/* In the directory of `path`; of a fixed length, as `path` may have no room for more. */
static char *temporary_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    const size_t directory = slash ? (size_t)(slash + 1 - path) : 0;
    char *name = malloc(directory + sizeof TEMPORARY);

    if (name) {
        memcpy(name, path, directory);
        memcpy(name + directory, TEMPORARY, sizeof TEMPORARY);
    }
    return name;
}

/* mkostemp makes it private; the picture is to be as readable as any new file. */
static bool open_up(int fd)
{
    const mode_t mask = umask(0);

    umask(mask);
    return fchmod(fd, 0666 & ~mask) == 0;
}

static int save_by_rename(int from, const char *path, struct pam_error *error)
{
    char *name = temporary_name(path);
    const int to = name ? mkostemp(name, O_CLOEXEC) : -1;
    int result = 0;

    if (to < 0) {
        result =
            name ? fail(error, path) : pam_fail(error, PAM_MEMORY, "no memory for a file name");
        free(name);
        return result;
    }
    if (!copy(from, to) || !open_up(to))
        result = fail(error, path);
    if (close(to) != 0 && !result)
        result = fail(error, path);
    if (!result && rename(name, path) != 0)
        result = fail(error, path);
    if (result)
        unlink(name);
    free(name);
    return result;
}

int plot_output_save(int fd, const char *path, struct pam_error *error)
{
    sigset_t all;
    sigset_t before;
    int result;

    if (!strcmp(path, "-"))
        return save_as_is(fd, fcntl(1, F_DUPFD_CLOEXEC, 3), "stdout", error);
    if (is_special(path))
        return save_as_is(fd, open(path, O_WRONLY | O_CLOEXEC), path, error);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before); /* Ctrl-C would leave the temporary name behind */
    result = save_by_rename(fd, path, error);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return result;
}
