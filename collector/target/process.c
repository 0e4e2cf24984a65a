/* process.c - who a process is: its command line, user, parent, and that it is still the same. */
#include "target/process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/procfile.h"
#include "target/elf.h"

void pam_read_command_line(int proc_fd, char *text, size_t room)
{
    ssize_t size = pam_read_file(proc_fd, "cmdline", text, room);

    if (size < 0)
        size = 0;
    while (size > 0 && text[size - 1] == '\0')
        size--;
    for (ssize_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = ' '; /* the zeroes between arguments, and what would upset a terminal */
    text[size] = '\0';
}

const char *pam_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

FILE *pam_open_maps(int proc_fd)
{
    const int fd = openat(proc_fd, "maps", O_RDONLY | O_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

    if (!file && fd >= 0)
        (void)close(fd);
    return file;
}

bool pam_read_executable(int proc_fd, char path[PAM_PATH_BYTES])
{
    static const char deleted[] = " (deleted)";
    const ssize_t size = readlinkat(proc_fd, "exe", path, PAM_PATH_BYTES - 1);
    const size_t tail = sizeof deleted - 1;

    path[size > 0 ? size : 0] = '\0';
    if (size > (ssize_t)tail && !strcmp(path + (size_t)size - tail, deleted))
        path[(size_t)size - tail] = '\0';
    return size > 0;
}

int pam_open_mapped(int proc_fd, const struct pam_map *map, const char *executable)
{
    char path[PAM_PATH_BYTES + 8] = "exe";
    struct stat status;

    if (strcmp(map->path, executable) != 0) {
        if (map->deleted)
            (void)snprintf(path, sizeof path, "map_files/%llx-%llx", (unsigned long long)map->start,
                           (unsigned long long)map->end);
        else
            (void)snprintf(path, sizeof path, "root%s", map->path);
    }
    if (fstatat(proc_fd, path, &status, 0) < 0)
        return -1;
    if (!S_ISREG(status.st_mode)) {
        errno = EINVAL;
        return -1;
    }
    return openat(proc_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static bool has_runtime_in_it(int proc_fd)
{
    struct pam_symbol section = {".PyRuntime", 0};
    const int fd = openat(proc_fd, "exe", O_RDONLY | O_CLOEXEC);
    struct pam_elf elf;
    const bool found = fd >= 0 && pam_elf_read(fd, &elf, &section, 1, true) && section.value;

    if (fd >= 0)
        (void)close(fd);
    return found;
}

bool pam_likely_python(int proc_fd)
{
    char text[PAM_PATH_BYTES + 128]; /* a line of maps: addresses and a path */
    FILE *maps;
    bool found = false;

    if (!pam_read_executable(proc_fd, text)) {
        /* A process of another user hides it; then its first argument has to do, so that the user
         * is told of missing rights and not that there is no such process. */
        return (errno == EACCES || errno == EPERM) &&
               pam_read_file(proc_fd, "cmdline", text, sizeof text) > 0 &&
               strstr(pam_base_name(text), "python");
    }
    if (strstr(pam_base_name(text), "python"))
        return true;
    maps = pam_open_maps(proc_fd);
    while (maps && !found && fgets(text, sizeof text, maps))
        found = strstr(text, "/libpython") != NULL;
    if (maps)
        (void)fclose(maps);
    return found || has_runtime_in_it(proc_fd);
}

static bool read_stat(int proc_fd, struct pam_stat *stat)
{
    char text[PAM_STAT_BYTES];

    return pam_read_file(proc_fd, "stat", text, sizeof text) > 0 && pam_parse_stat(text, stat);
}

int pam_target_open(struct pam_target *target, pid_t pid, struct pam_error *error)
{
    struct pam_stat stat;

    memset(target, 0, sizeof *target);
    target->pid = pid;
    target->proc_fd = pam_open_proc(pid);
    if (target->proc_fd < 0 || !read_stat(target->proc_fd, &stat)) {
        pam_target_close(target);
        return pam_fail(error, PAM_NO_TARGET, "there is no process %d", (int)pid);
    }
    target->parent = (pid_t)stat.parent_pid;
    target->start_ticks = stat.start_ticks;
    pam_read_command_line(target->proc_fd, target->command_line, sizeof target->command_line);
    (void)pam_read_executable(target->proc_fd, target->executable);
    return 0;
}

void pam_target_close(struct pam_target *target)
{
    if (target->proc_fd >= 0)
        (void)close(target->proc_fd);
    target->proc_fd = -1;
}

bool pam_target_alive(const struct pam_target *target)
{
    struct pam_stat stat;

    return read_stat(target->proc_fd, &stat) && stat.state != 'Z' && stat.state != 'X';
}
