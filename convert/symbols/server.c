/* server.c - debuginfod: how long libdw may ask the servers of DEBUGINFOD_URLS for files, and what became of it. */
#include "symbols/server.h"

#include <stdlib.h>
#include <time.h>

/* debuginfod_find_debuginfo(3): TIMEOUT until a server sends 100 kB/s, MAXTIME for a file; in seconds.
 * A whole file of debug information can have 1 GB. */
static const char urls[] = "DEBUGINFOD_URLS", timeout[] = "DEBUGINFOD_TIMEOUT", longest[] = "DEBUGINFOD_MAXTIME",
                  retries[] = "DEBUGINFOD_RETRY_LIMIT";

enum { MOST_SECONDS = 3600 };

static bool gave_up; /* as the environment, there is one */

void pam_server_set_up(void)
{
    (void)setenv(timeout, "10", 0);
    (void)setenv(longest, "1200", 0);
    (void)setenv(retries, "0", 0);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static uint64_t seconds_of(const char *name)
{
    const char *text = getenv(name);
    const unsigned long seconds = text ? strtoul(text, NULL, 10) : 0;

    return seconds && seconds < MOST_SECONDS ? seconds : MOST_SECONDS;
}

uint64_t pam_server_begin(void)
{
    return now_ns();
}

void pam_server_end(uint64_t began_ns, bool found)
{
    const uint64_t first = seconds_of(timeout), last = seconds_of(longest);
    const uint64_t enough_ns = (first < last ? first : last) * UINT64_C(900000000); /* clocks are not the same */

    if (found || !getenv(urls) || now_ns() - began_ns < enough_ns)
        return;
    gave_up = true;
    (void)unsetenv(urls); /* which libdw reads at each question */
}

bool pam_server_gave_up(void)
{
    return gave_up;
}
