/* status.c - what pamcollect tells its user: the status line and the summary. */
#include "status.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

static void format_bytes(char *text, size_t room, double bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t unit = 0;

    while (bytes >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
        bytes /= 1000;
        unit++;
    }
    (void)snprintf(text, room, unit && bytes < 99.95 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}

static void format_percent(char *text, size_t room, double percent)
{
    if (isnan(percent))
        (void)snprintf(text, room, "-");
    else
        (void)snprintf(text, room, "%.1f%%", percent);
}

enum { STATUS_FIELD_BYTES = 40 };

/* In the order on the line; `rank` tells which is left out first when the terminal is narrow. */
enum status_field { ELAPSED, CPU, MEMORY, SAMPLES, THREADS, FAILED, OWN_CPU, BYTES, STATUS_FIELDS };

static const int rank[STATUS_FIELDS] = {
    [ELAPSED] = 0, [CPU] = 1, [MEMORY] = 2, [OWN_CPU] = 3, [FAILED] = 4, [BYTES] = 5, [SAMPLES] = 6,
    [THREADS] = 7,
};

__attribute__((format(printf, 2, 3)))
static void put_field(char field[STATUS_FIELD_BYTES], const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(field, STATUS_FIELD_BYTES, format, arguments);
    va_end(arguments);
}

static void put_fields(char fields[STATUS_FIELDS][STATUS_FIELD_BYTES],
                       const struct pam_progress *progress)
{
    const uint64_t seconds = (progress->elapsed_ns + 500000000) / 1000000000u;
    const double samples = isnan(progress->samples_per_s) ? 0 : progress->samples_per_s;
    char cpu[16], own[16];

    format_percent(cpu, sizeof cpu, progress->cpu_percent);
    format_percent(own, sizeof own, progress->own_cpu_percent);
    put_field(fields[ELAPSED], "%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64, seconds / 3600,
              seconds / 60 % 60, seconds % 60);
    put_field(fields[CPU], "CPU %s", cpu);
    put_field(fields[MEMORY], "mem %.0f MiB", (double)progress->memory_bytes / 1048576);
    put_field(fields[SAMPLES], "%.0f samples/s", samples);
    put_field(fields[THREADS], "%" PRIu64 " threads", progress->threads);
    put_field(fields[FAILED], "%" PRIu64 " failed", progress->failed);
    put_field(fields[OWN_CPU], "own CPU %s", own);
    format_bytes(fields[BYTES], STATUS_FIELD_BYTES, (double)progress->bytes);
}

/* How many columns the fields of that rank and below take. */
static size_t width(char fields[STATUS_FIELDS][STATUS_FIELD_BYTES], int worst)
{
    size_t columns = 0;

    for (size_t i = 0; i < STATUS_FIELDS; i++)
        columns += rank[i] <= worst ? strlen(fields[i]) + 2 : 0;
    return columns;
}

void pam_status_line(char *line, size_t room, const struct pam_progress *progress, int columns)
{
    char fields[STATUS_FIELDS][STATUS_FIELD_BYTES];
    int worst = STATUS_FIELDS;
    size_t at = 0;

    put_fields(fields, progress);
    while (columns > 0 && worst > 0 && width(fields, worst) > (size_t)columns + 1)
        worst--;
    line[0] = '\0';
    for (size_t i = 0; i < STATUS_FIELDS && at < room; i++)
        if (rank[i] <= worst)
            at += (size_t)snprintf(line + at, room - at, "%s%s", at ? "  " : "", fields[i]);
}

static double share(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* As a word of a shell command. */
static void put_quoted(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text; text++)
        if (*text == '\'')
            fputs("'\\''", out);
        else
            fputc(*text, out);
    fputc('\'', out);
}

/* Why there are no stacks of Python, if there are none. */
static void put_no_samples(FILE *out, const struct pam_progress *progress)
{
    if (!progress->python_version)
        fprintf(out, "  the target never was a Python that can be read: there are %s\n",
                progress->native ? "native stacks only" : "no stacks, only resources");
    else if (!progress->wanted && progress->unlisted)
        fprintf(out, "  no thread of the target could be sampled: its list of threads %s\n", progress->unlisted);
    else if (!progress->wanted && !progress->threads)
        fprintf(out, "  no thread of the target could be sampled: its Python has none that the kernel knows\n");
}

static void put_losses(FILE *out, const struct pam_progress *progress)
{
    const struct {
        uint64_t count;
        const char *why, *what;
    } losses[] = {
        {progress->dropped_blocks, "the output was too slow", "blocks were dropped"},
        {progress->threads_left_out, "there were too many threads", "were left out"},
    };

    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
        if (losses[i].count)
            fprintf(out, "  %s: %" PRIu64 " %s\n", losses[i].why, losses[i].count, losses[i].what);
}

void pam_status_summary(FILE *out, const struct pam_progress *progress,
                        const struct pam_output *output)
{
    char bytes[16], memory[16];

    format_bytes(bytes, sizeof bytes, (double)progress->bytes);
    format_bytes(memory, sizeof memory, (double)progress->own_memory_bytes);
    fprintf(out, "pamcollect: stopped after %.1f s: %s\n", (double)progress->elapsed_ns / 1e9,
            progress->end_reason ? progress->end_reason : "unknown");
    fprintf(out,
            "  %" PRIu64 " ticks (%" PRIu64 " late), %" PRIu64 " thread samples: %.2f%% whole, "
            "%.2f%% cut at the leaf, %.2f%% failed\n",
            progress->ticks, progress->late_ticks, progress->wanted,
            share(progress->whole, progress->wanted), share(progress->truncated, progress->wanted),
            share(progress->failed, progress->wanted));
    put_no_samples(out, progress);
    put_losses(out, progress);
    fprintf(out, "  own memory %s; wrote %s (%s)\n", memory,
            output->is_stdout ? "standard output" : output->path, bytes);
    if (!output->is_stdout) {
        fputs("next: pamconvert --all ", out);
        put_quoted(out, output->path);
        fputs(" && pamplot ", out);
        put_quoted(out, output->path);
        fputc('\n', out);
    }
}
