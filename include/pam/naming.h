/* naming.h - how files of a capture are called: pam_<scenario>_<YYYYMMDD_HHMMSS><suffix>. */
#ifndef PAM_NAMING_H
#define PAM_NAMING_H

#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <pam/varint.h>

enum {
    PAM_SAFE_SCENARIO_BYTES = 96, /* leaves room for the rest within NAME_MAX (255) */
    PAM_STAMP_BYTES = 16,         /* YYYYMMDD_HHMMSS and the zero */
};

/* A scenario is any text; in a file name only ASCII letters, digits, '.', '-' and '_' of it remain,
 * everything else is '-', and it does not start with a dot. */
static inline void pam_safe_scenario(struct pam_bytes scenario, char out[PAM_SAFE_SCENARIO_BYTES])
{
    static const char safe[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t size = 0;

    for (size_t i = 0; i < scenario.size && size + 1 < PAM_SAFE_SCENARIO_BYTES; i++) {
        const char c = (char)scenario.data[i];
        const int keep = c && strchr(safe, c) && !(c == '.' && size == 0);

        out[size++] = keep ? c : '-';
    }
    out[size] = '\0';
    if (!size)
        strcpy(out, "unnamed");
}

/* The board's own local time at `realtime_ns`. */
static inline void pam_local_time(uint64_t realtime_ns, int64_t utc_offset_s, struct tm *local)
{
    /* unsigned: a hostile offset must not overflow */
    const time_t seconds = (time_t)(realtime_ns / 1000000000u + (uint64_t)utc_offset_s);

    memset(local, 0, sizeof *local);
    (void)gmtime_r(&seconds, local);
}

static inline void pam_stamp(uint64_t realtime_ns, int64_t utc_offset_s, char out[PAM_STAMP_BYTES])
{
    struct tm local;

    pam_local_time(realtime_ns, utc_offset_s, &local);
    if (!strftime(out, PAM_STAMP_BYTES, "%Y%m%d_%H%M%S", &local))
        strcpy(out, "00000000_000000");
}

/* Writes pam_<scenario>_<stamp><suffix> and returns the size snprintf would have written. */
static inline int pam_file_name(char *out, size_t room, struct pam_bytes scenario,
                                uint64_t realtime_ns, int64_t utc_offset_s, const char *suffix)
{
    char safe[PAM_SAFE_SCENARIO_BYTES];
    char stamp[PAM_STAMP_BYTES];

    pam_safe_scenario(scenario, safe);
    pam_stamp(realtime_ns, utc_offset_s, stamp);
    return snprintf(out, room, "pam_%s_%s%s", safe, stamp, suffix);
}

#endif
