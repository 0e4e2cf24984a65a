/* event_list.c - what `--event list` prints: the events that this machine can count. */
#include "kernel/event_list.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>

#include "kernel/counters.h"
#include "kernel/pfm.h"

/* The generic events, by perf_event_attr.type. */
static const struct {
    uint32_t type;
    const char *title;
} sorts[] = {
    {PERF_TYPE_HARDWARE, "Hardware events, the same names on every CPU:"},
    {PERF_TYPE_HW_CACHE, "Hardware events of caches:"},
    {PERF_TYPE_SOFTWARE, "Software events of the kernel:"},
};

struct listing {
    FILE *out;
    uint32_t type;
    size_t shown;
    int refusal; /* the last negative errno */
};

/* An event that the kernel opens, it can count. */
static void show_generic(const char *name, const struct pam_event_code *code, void *context)
{
    struct listing *listing = context;
    int r;

    if (code->type != listing->type)
        return;
    r = pam_counters_try_one(code);
    if (r == 0)
        fprintf(listing->out, "  %s\n", name);
    listing->shown += r == 0;
    listing->refusal = r < 0 ? r : listing->refusal;
}

static void show_tracepoint(const char *name, void *context)
{
    struct listing *listing = context;

    fprintf(listing->out, "  %s\n", name);
    listing->shown++;
}

static void show_pfm(const char *name, const char *what, void *context)
{
    struct listing *listing = context;

    fprintf(listing->out, "  %-40s %.*s\n", name, (int)strcspn(what, "\n"), what);
    listing->shown++;
}

static void print_generic(FILE *out)
{
    for (size_t i = 0; i < sizeof sorts / sizeof *sorts; i++) {
        struct listing listing = {.out = out, .type = sorts[i].type};

        fprintf(out, "%s\n", sorts[i].title);
        pam_event_names_each(show_generic, &listing);
        if (!listing.shown)
            fprintf(out, "  (none: %s)\n",
                    listing.refusal == -EACCES || listing.refusal == -EPERM
                        ? "the kernel does not permit it, see kernel.perf_event_paranoid"
                        : "the CPU has no such counters, or the hypervisor does not pass them on");
        fputc('\n', out);
    }
}

static void print_pfm(FILE *out)
{
    struct listing listing = {.out = out};
    struct pam_error error;
    int r;

    fputs("Events of this CPU, as libpfm4 names them (with unit masks and modifiers as NAME:MASK:u):\n", out);
    r = pam_pfm_each(show_pfm, &listing, &error);
    if (r < 0)
        fprintf(out, "  (none: %s)\n", error.text);
    else if (!listing.shown)
        fputs("  (none: libpfm4 has no table for this CPU; rHEX counts an event by its number)\n", out);
    fputc('\n', out);
}

static void print_tracepoints(FILE *out)
{
    struct listing listing = {.out = out};
    int r;

    fputs("Tracepoints of the kernel:\n", out);
    r = pam_tracepoints_each(show_tracepoint, &listing);
    if (r < 0 || !listing.shown)
        fprintf(out, "  (none: /sys/kernel/tracing cannot be read: %s)\n",
                strerror(r < 0 ? -r : ENOENT));
}

void pam_event_list_print(FILE *out)
{
    print_generic(out);
    print_pfm(out);
    print_tracepoints(out);
}
