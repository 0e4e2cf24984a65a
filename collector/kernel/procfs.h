/* procfs.h - pure parsers of /proc texts: fed strings, they open nothing.
 *
 * Each returns true when the text had the fields. Formats: proc(5). */
#ifndef PAM_PROCFS_H
#define PAM_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    PAM_COMM_BYTES = 64,    /* TASK_COMM_LEN is 16; kernel workers may show more */
    PAM_PATH_BYTES = 4096,  /* PATH_MAX */
    PAM_STAT_BYTES = 1024,  /* /proc/PID/stat: 52 numbers and a comm */
    PAM_WORD_BYTES = 40,    /* of a table in /proc/net */
};

struct pam_stat { /* /proc/PID/stat */
    char comm[PAM_COMM_BYTES];
    char state;
    uint64_t parent_pid;
    uint64_t minor_faults;
    uint64_t major_faults;
    uint64_t user_ticks;
    uint64_t system_ticks;
    uint64_t reaped_ticks; /* cutime + cstime */
    uint64_t threads;
    uint64_t start_ticks;
    uint64_t rss_pages;
    /* What only who may trace the process is told. */
    bool may_trace;        /* as long as it has memory: not of a zombie */
    int exit_code;         /* of a zombie: its wait status */
};

struct pam_schedstat { /* /proc/PID/task/TID/schedstat */
    uint64_t cpu_ns;
    uint64_t wait_ns;
    uint64_t switches;
};

struct pam_io { /* /proc/PID/io */
    uint64_t read_bytes;    /* rchar: by read calls, from a disk or not */
    uint64_t written_bytes; /* wchar */
    uint64_t read_calls;
    uint64_t write_calls;
    uint64_t disk_read_bytes;
    uint64_t disk_written_bytes;
};

struct pam_switches { /* of one thread: /proc/PID/status tells those of the main thread */
    uint64_t voluntary;
    uint64_t involuntary;
};

struct pam_map { /* a line of /proc/PID/maps */
    uint64_t start;
    uint64_t end;
    uint64_t offset;
    uint64_t inode;
    bool writable;
    bool executable;
    bool deleted;
    char path[PAM_PATH_BYTES]; /* without " (deleted)"; empty for anonymous memory */
};

struct pam_socket { /* a line of /proc/net/tcp, tcp6, udp or udp6 */
    char local[PAM_WORD_BYTES]; /* as it stands there: at most 32 digits, ':' and the port */
    char remote[PAM_WORD_BYTES];
    char state[4];
    unsigned port;   /* the local one */
    bool listening;
    uint64_t inode;
};

bool pam_parse_stat(const char *text, struct pam_stat *stat);
bool pam_parse_schedstat(const char *text, struct pam_schedstat *stat);
bool pam_parse_io(const char *text, struct pam_io *io);
bool pam_parse_switches(const char *status, struct pam_switches *switches);
/* The id of a process or thread in our PID namespace and in its own: the line NSpid of its status. */
bool pam_parse_namespace_ids(const char *status, pid_t *outer, pid_t *inner);
bool pam_parse_map(const char *line, struct pam_map *map);
bool pam_parse_socket(const char *line, struct pam_socket *socket);
bool pam_parse_statm(const char *text, uint64_t *rss_pages);

/* Reads a number, blanks before it, and moves behind it; false when there is none. A negative one
 * is read as 0: a few fields may be, none that is kept. One of more than 64 bits is UINT64_MAX. */
bool pam_take_number(const char **at, int base, uint64_t *value);

/* Moves behind so many words; false when there are fewer, or one is longer than PAM_WORD_BYTES - 1. */
bool pam_take_words(const char **at, size_t count);

/* The value of "Key:   123 kB" or "Key:\t123" in a text of such lines, e.g. meminfo, status. */
bool pam_parse_key(const char *text, const char *key, uint64_t *value);

#endif
