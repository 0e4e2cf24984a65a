/* procfile.c - thin openers and readers of small files in /proc and /sys. */
#include "kernel/procfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

ssize_t pam_reread(int fd, char *text, size_t room)
{
    const ssize_t size = pread(fd, text, room - 1, 0);

    text[size > 0 ? size : 0] = '\0';
    return size < 0 ? -errno : size;
}

static ssize_t read_all(int fd, char *text, size_t room)
{
    size_t size = 0;

    while (size + 1 < room) {
        const ssize_t got = pread(fd, text + size, room - 1 - size, (off_t)size);

        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        size += (size_t)got;
    }
    text[size] = '\0';
    return (ssize_t)size;
}

ssize_t pam_read_file(int dir_fd, const char *path, char *text, size_t room)
{
    const int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
    ssize_t size;

    text[0] = '\0';
    if (fd < 0)
        return -errno;
    size = read_all(fd, text, room);
    (void)close(fd);
    return size;
}

int pam_open_proc(pid_t pid)
{
    char path[32];
    int fd;

    (void)snprintf(path, sizeof path, "/proc/%d", (int)pid);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int pam_each_number(int dir_fd, const char *path, bool (*visit)(pid_t number, void *context),
                    void *context)
{
    const int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct dirent *entry;
    DIR *dir;

    if (fd < 0)
        return -errno;
    dir = fdopendir(fd);
    if (!dir) {
        const int error = errno;

        (void)close(fd);
        return -error;
    }
    while ((entry = readdir(dir))) {
        char *end;
        const long number = strtol(entry->d_name, &end, 10);

        if (*end == '\0' && number > 0 && !visit((pid_t)number, context))
            break;
    }
    (void)closedir(dir);
    return 0;
}
