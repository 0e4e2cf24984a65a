/* listen.c - does a process listen on a TCP port? */
#include "target/listen.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernel/procfile.h"
#include "kernel/procfs.h"

struct socket_search {
    int fd_dir;
    uint64_t inode;
    bool found;
};

static bool is_socket(pid_t number, void *context)
{
    struct socket_search *search = context;
    char name[16], link[64], wanted[64];
    ssize_t size;

    (void)snprintf(name, sizeof name, "%d", (int)number);
    (void)snprintf(wanted, sizeof wanted, "socket:[%llu]", (unsigned long long)search->inode);
    size = readlinkat(search->fd_dir, name, link, sizeof link - 1);
    link[size > 0 ? size : 0] = '\0';
    search->found = !strcmp(link, wanted);
    return !search->found;
}

/* pam_each_number() leaves out descriptor 0, which is no listening socket of a service. */
static bool has_socket(int proc_fd, uint64_t inode)
{
    struct socket_search search = {
        .fd_dir = openat(proc_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC), .inode = inode};

    if (search.fd_dir < 0)
        return false;
    (void)pam_each_number(search.fd_dir, ".", is_socket, &search);
    (void)close(search.fd_dir);
    return search.found;
}

static bool listens_in(int proc_fd, const char *table, unsigned port)
{
    const int fd = openat(proc_fd, table, O_RDONLY | O_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    char line[512];
    bool found = false;

    if (!file) {
        if (fd >= 0)
            (void)close(fd);
        return false;
    }
    while (!found && fgets(line, sizeof line, file)) {
        struct pam_socket socket;

        found = pam_parse_socket(line, &socket) && socket.listening && socket.port == port &&
                has_socket(proc_fd, socket.inode);
    }
    (void)fclose(file);
    return found;
}

bool pam_listens(pid_t pid, unsigned port)
{
    const int proc_fd = pam_open_proc(pid);
    bool found;

    if (proc_fd < 0)
        return false;
    found = listens_in(proc_fd, "net/tcp", port) || listens_in(proc_fd, "net/tcp6", port);
    (void)close(proc_fd);
    return found;
}
