/* procfile.h - thin openers and readers of small files in /proc and /sys. */
#ifndef PAM_PROCFILE_H
#define PAM_PROCFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Reads the file `path` (relative to `dir_fd`) into `text`, closed by a zero byte and cut at
 * `room` - 1 bytes. Returns the size or a negative errno. */
ssize_t pam_read_file(int dir_fd, const char *path, char *text, size_t room);

/* The same by one read for an open file that the kernel makes in one piece, anew at each read from its
 * start: the files of numbers in /proc (single_open() in the kernel) and those in /sys; not lists. */
ssize_t pam_reread(int fd, char *text, size_t room);

/* A descriptor of /proc/PID, or a negative errno. It never refers to a later process of that id. */
int pam_open_proc(pid_t pid);

/* Calls `visit` with each number among the names in `path`, e.g. the threads in "task"; stops
 * when it returns false. Returns 0 or a negative errno. */
int pam_each_number(int dir_fd, const char *path, bool (*visit)(pid_t number, void *context),
                    void *context);

#endif
