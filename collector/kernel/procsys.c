/* procsys.c - pure parsers of the texts that tell how the whole machine is. */
#include "kernel/procsys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/procfs.h"

enum { MAX_CORE = 1 << 16 }; /* more than CONFIG_NR_CPUS anywhere */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool pam_parse_cpu_times(const char *line, struct pam_cpu_times *times)
{
    enum { USER, NICE, SYSTEM, IDLE, IO_WAIT, IRQ, SOFTIRQ, STEAL, FIELDS, REQUIRED = IDLE + 1 };
    uint64_t field[FIELDS] = {0}; /* old kernels leave out those behind IDLE */
    uint64_t core = 0;
    int count = 0;

    memset(times, 0, sizeof *times);
    if (strncmp(line, "cpu", 3) != 0)
        return false;
    line += 3;
    times->core = PAM_ALL_CORES;
    if (is_digit(*line)) {
        if (!pam_take_number(&line, 10, &core) || core > MAX_CORE)
            return false;
        times->core = (int)core;
    }
    while (count < FIELDS && *line == ' ' && pam_take_number(&line, 10, &field[count]))
        count++;
    times->user = field[USER] + field[NICE];
    times->system = field[SYSTEM] + field[IRQ] + field[SOFTIRQ];
    times->idle = field[IDLE];
    times->io_wait = field[IO_WAIT];
    times->stolen = field[STEAL];
    return count >= REQUIRED;
}

/* The number behind "total=" in the line that starts with `kind`. */
static bool find_total(const char *text, const char *kind, uint64_t *total_us)
{
    static const char key[] = " total=";
    const size_t size = strlen(kind);

    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        const char *at;

        if (*line == '\n')
            line++;
        if (strncmp(line, kind, size) != 0 || line[size] != ' ')
            continue;
        at = strstr(line, key);
        if (!at || memchr(line, '\n', (size_t)(at - line)))
            return false;
        at += strlen(key);
        return is_digit(*at) && pam_take_number(&at, 10, total_us);
    }
    return false;
}

bool pam_parse_pressure(const char *text, struct pam_pressure *pressure)
{
    memset(pressure, 0, sizeof *pressure);
    pressure->has_full = find_total(text, "full", &pressure->full_us);
    return find_total(text, "some", &pressure->some_us);
}

/* "1.92" is 192. The kernel writes two digits behind the point, whatever the locale. */
static bool take_hundredths(const char **at, uint64_t *value)
{
    uint64_t whole;
    const char *digits;

    if (!pam_take_number(at, 10, &whole) || **at != '.')
        return false;
    digits = *at + 1;
    if (!is_digit(digits[0]) || !is_digit(digits[1]))
        return false;
    *value = whole * 100 + (uint64_t)(digits[0] - '0') * 10 + (uint64_t)(digits[1] - '0');
    *at = digits + 2;
    return true;
}

bool pam_parse_load(const char *text, struct pam_load *load)
{
    return take_hundredths(&text, &load->of_1_min) && take_hundredths(&text, &load->of_5_min) &&
           take_hundredths(&text, &load->of_15_min);
}

bool pam_parse_integer(const char *text, int64_t *value)
{
    char *end;

    errno = 0;
    *value = strtoll(text, &end, 10);
    return end != text && errno == 0 && (*end == '\0' || *end == '\n');
}
