/* blocked.h - what a thread is blocked in, from /proc/PID/task/TID/syscall, and what its descriptors are.
 *
 * The kernel answers without stopping the thread; it asks for the rights of ptrace(2). See proc(5). */
#ifndef PAM_BLOCKED_H
#define PAM_BLOCKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    PAM_BLOCKED_TEXT_BYTES = 256, /* nine numbers of 20 characters and blanks */
    PAM_SOCKET_TEXT_BYTES = 160,  /* two IPv6 addresses with ports; a path of a Unix socket, 108 */
};

struct pam_blocked {
    bool in_syscall; /* else a page fault, say: no number, no arguments */
    uint64_t number;
    uint64_t arguments[6];
    uint64_t stack_pointer, program_counter;
};

/* A thread's /proc/PID/task/TID/syscall. Zeroed except `kept`. */
struct pam_blocked_file {
    uint32_t *kept; /* of all threads, how many stay open */
    int fd_plus1;   /* 0 while it is not open */
    bool refused;   /* by this program; not tried again */
};

/* Reads it; it stays open for the next time, unless too many do. False when it tells nothing. */
bool pam_blocked_read(struct pam_blocked_file *file, int proc_fd, pid_t tid, char text[PAM_BLOCKED_TEXT_BYTES]);
void pam_blocked_close(struct pam_blocked_file *file);

/* False when the thread runs, or the text is none of these. */
bool pam_parse_blocked(const char *text, struct pam_blocked *blocked);

/* A line of /proc/net/{tcp,tcp6,udp,udp6} or (`unix_table`) unix: when it is the socket's, `text` gets
 * what identifies it, "0100007F:1F90 00000000:0000 0A" or a path. */
bool pam_parse_socket_line(const char *line, bool unix_table, uint64_t inode,
                           char text[PAM_SOCKET_TEXT_BYTES]);

/* Looks the socket up in the tables of its process: "tcp 0100007F:1F90 00000000:0000 0A", "unix /run/x".
 * False when it is in none (of the part that is read). */
bool pam_find_socket(int proc_fd, uint64_t inode, char text[PAM_SOCKET_TEXT_BYTES]);

/* The inode in "socket:[12345]", 0 when it is none. */
uint64_t pam_socket_inode(const char *link);

#endif
