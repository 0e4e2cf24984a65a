/* blocked.c - what a thread is blocked in, and what its descriptors are. */
#include "kernel/blocked.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/procfile.h"
#include "kernel/procfs.h"

enum {
    MOST_LINES = 4096, /* of a table of sockets: 3 ms on a small board */
    MOST_KEPT = 256,   /* threads whose file stays open; of more, it is opened each time */
};

/* Who blocks once does so again, and a tick should open nothing. */
bool pam_blocked_read(struct pam_blocked_file *file, int proc_fd, pid_t tid, char text[PAM_BLOCKED_TEXT_BYTES])
{
    char path[48];
    int fd = file->fd_plus1 - 1;
    ssize_t size;

    if (file->refused)
        return false;
    if (fd < 0) {
        (void)snprintf(path, sizeof path, "task/%d/syscall", (int)tid);
        fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
        file->refused = fd < 0 && (errno == EACCES || errno == EPERM);
    }
    if (fd < 0)
        return false;
    size = pam_reread(fd, text, PAM_BLOCKED_TEXT_BYTES);
    if (!file->fd_plus1 && *file->kept < MOST_KEPT) {
        file->fd_plus1 = fd + 1;
        ++*file->kept;
    }
    if (!file->fd_plus1)
        (void)close(fd);
    return size > 0;
}

void pam_blocked_close(struct pam_blocked_file *file)
{
    if (!file->fd_plus1)
        return;
    (void)close(file->fd_plus1 - 1);
    file->fd_plus1 = 0;
    --*file->kept;
}

bool pam_parse_blocked(const char *text, struct pam_blocked *blocked)
{
    *blocked = (struct pam_blocked){.in_syscall = text[0] != '-'};
    if (!strncmp(text, "running", 7) || !pam_take_number(&text, 10, &blocked->number))
        return false;
    for (size_t i = 0; i < 6 && blocked->in_syscall; i++)
        if (!pam_take_number(&text, 16, &blocked->arguments[i]))
            return false;
    return pam_take_number(&text, 16, &blocked->stack_pointer) &&
           pam_take_number(&text, 16, &blocked->program_counter);
}

static bool parse_unix_line(const char *line, uint64_t *inode, const char **path)
{
    enum { BEFORE_INODE = 6 };
    const char *at = line;

    if (!pam_take_words(&at, BEFORE_INODE) || !pam_take_number(&at, 10, inode))
        return false;
    *path = *at == ' ' ? at + 1 : at;
    return true;
}

bool pam_parse_socket_line(const char *line, bool unix_table, uint64_t inode,
                           char text[PAM_SOCKET_TEXT_BYTES])
{
    struct pam_socket socket;
    uint64_t found;
    const char *path;

    if (unix_table) {
        if (!parse_unix_line(line, &found, &path) || found != inode)
            return false;
        (void)snprintf(text, PAM_SOCKET_TEXT_BYTES, "%.*s", (int)strcspn(path, "\n"), path);
        return true;
    }
    if (!pam_parse_socket(line, &socket) || socket.inode != inode)
        return false;
    (void)snprintf(text, PAM_SOCKET_TEXT_BYTES, "%s %s %s", socket.local, socket.remote, socket.state);
    return true;
}

static bool find_in(int proc_fd, const char *table, uint64_t inode, char text[PAM_SOCKET_TEXT_BYTES])
{
    char path[16], line[512], found[PAM_SOCKET_TEXT_BYTES];
    bool is_found = false;
    FILE *file;
    int fd;

    (void)snprintf(path, sizeof path, "net/%s", table);
    fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
    file = fd < 0 ? NULL : fdopen(fd, "r");
    if (!file) {
        if (fd >= 0)
            (void)close(fd);
        return false;
    }
    for (size_t i = 0; !is_found && i < MOST_LINES && fgets(line, sizeof line, file); i++)
        is_found = pam_parse_socket_line(line, !strcmp(table, "unix"), inode, found);
    (void)fclose(file);
    if (is_found)
        (void)snprintf(text, PAM_SOCKET_TEXT_BYTES, "%s %.140s", table, found);
    return is_found;
}

bool pam_find_socket(int proc_fd, uint64_t inode, char text[PAM_SOCKET_TEXT_BYTES])
{
    static const char *const tables[] = {"tcp", "tcp6", "unix", "udp", "udp6"};

    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (find_in(proc_fd, tables[i], inode, text))
            return true;
    return false;
}

uint64_t pam_socket_inode(const char *link)
{
    static const char kind[] = "socket:[";
    uint64_t inode;

    if (strncmp(link, kind, sizeof kind - 1) != 0)
        return 0;
    link += sizeof kind - 1;
    return pam_take_number(&link, 10, &inode) ? inode : 0;
}
