/* procsys.h - pure parsers of the texts that tell how the whole machine is: fed strings, they open
 * nothing.
 *
 * Each returns true when the text had the fields. Formats: proc(5) and the kernel's
 * Documentation/accounting/psi.rst. */
#ifndef PAM_PROCSYS_H
#define PAM_PROCSYS_H

#include <stdbool.h>
#include <stdint.h>

enum { PAM_ALL_CORES = -1 };

struct pam_cpu_times { /* a "cpu" line of /proc/stat, clock ticks */
    int core;          /* or PAM_ALL_CORES */
    uint64_t user;     /* nice included; guests are in these two already */
    uint64_t system;   /* irq and softirq included */
    uint64_t idle;
    uint64_t io_wait;
    uint64_t stolen;
};

struct pam_pressure { /* /proc/pressure/{cpu,memory,io}, microseconds since boot */
    uint64_t some_us;
    uint64_t full_us;
    bool has_full; /* kernels before 5.13 have none for the CPU */
};

struct pam_load { /* /proc/loadavg, hundredths */
    uint64_t of_1_min, of_5_min, of_15_min;
};

bool pam_parse_cpu_times(const char *line, struct pam_cpu_times *times);
bool pam_parse_pressure(const char *text, struct pam_pressure *pressure);
bool pam_parse_load(const char *text, struct pam_load *load);

/* A file of /sys with one decimal number and nothing behind it but a line end. */
bool pam_parse_integer(const char *text, int64_t *value);

#endif
