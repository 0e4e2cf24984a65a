/* process.h - who a process is: its command line, user, parent, and that it is still the same. */
#ifndef PAM_PROCESS_H
#define PAM_PROCESS_H

#include <stdio.h>
#include <sys/types.h>

#include <pam/error.h>

#include "kernel/procfs.h"

enum { PAM_COMMAND_LINE_BYTES = 4096 };

struct pam_target {
    pid_t pid;
    int proc_fd;           /* /proc/PID: never refers to a later process of that id */
    uint64_t start_ticks;  /* field 22 of stat */
    pid_t parent;
    char command_line[PAM_COMMAND_LINE_BYTES]; /* arguments joined by spaces */
    char executable[PAM_PATH_BYTES];
};

/* Opens a process. PAM_NO_TARGET when there is none of that id. */
int pam_target_open(struct pam_target *target, pid_t pid, struct pam_error *error);
void pam_target_close(struct pam_target *target);

/* Reads the command line of /proc/PID (`proc_fd`), arguments joined by spaces. */
void pam_read_command_line(int proc_fd, char *text, size_t room);

/* The executable without " (deleted)"; empty and false when it is hidden from us. */
bool pam_read_executable(int proc_fd, char path[PAM_PATH_BYTES]);

/* Does it look like CPython, by its executable (the name, or that it has one in it) or by a libpython it
 * has mapped? Cheap; for searches. */
bool pam_likely_python(int proc_fd);

/* /proc/PID/maps, or NULL and errno. */
FILE *pam_open_maps(int proc_fd);

/* Opens a mapped file as the process sees it; `executable` is the path of its own. A file that was
 * replaced or deleted under it is reached through /proc/PID/exe or map_files, the latter by root alone.
 * Nothing but a regular file is opened: opening a device can do something to it. -1 and errno. */
int pam_open_mapped(int proc_fd, const struct pam_map *map, const char *executable);

const char *pam_base_name(const char *path);

/* False when the process has ended, also as a zombie. */
bool pam_target_alive(const struct pam_target *target);

#endif
