/* events.h - the events that --event asks for: names into what perf_event_open() takes.
 *
 *   LIST  := item [, item]...
 *   item  := name[:ukh]  or  {name, name, ...}[:ukhS], a group: on the PMU together or not at all
 *   name  := a generic name of perf, rHEX, subsystem:tracepoint, or a name of libpfm4
 *
 * u, k, h count in user mode, the kernel, the hypervisor only; S counts at each sample too. */
#ifndef PAM_EVENTS_H
#define PAM_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pam/capture.h>
#include <pam/error.h>

enum {
    PAM_MAX_EVENTS = 64,        /* more than any PMU counts without taking turns */
    PAM_EVENT_NAME_BYTES = 192, /* PMU, event, several umasks and modifiers of libpfm4 */
};

/* What the kernel is asked for: of struct perf_event_attr. */
struct pam_event_code {
    uint32_t type;
    uint64_t config, config1, config2;
    unsigned excludes; /* enum pam_counter_exclude */
};

struct pam_event_spec {
    char name[PAM_EVENT_NAME_BYTES]; /* as asked for */
    struct pam_event_code code;
    const char *unit;                /* "ns", or "": a number */
    unsigned group;                  /* from 1; the events of one are neighbours */
    bool per_sample;
    bool whole_process;              /* there is room to count it for the process, too */
};

struct pam_events {
    size_t count;
    struct pam_event_spec list[PAM_MAX_EVENTS];
};

/* PAM_USAGE: the list is none; others: an event of this name cannot be had, and why. */
int pam_events_parse(struct pam_events *events, const char *text, struct pam_error *error);

/* The event behind the last of the group that starts at `first`. */
static inline size_t pam_events_group_end(const struct pam_events *events, size_t first)
{
    size_t end = first;

    while (end < events->count && events->list[end].group == events->list[first].group)
        end++;
    return end;
}

/* --- event_names.c: the names that need no library ----------------------------------------------- */

/* Visits every generic name, hardware first; `code.type` tells of what sort it is. */
void pam_event_names_each(void (*visit)(const char *name, const struct pam_event_code *code,
                                        void *context),
                          void *context);

/* A generic name, in any case, or rHEX; without modifiers. */
bool pam_event_name_find(const char *name, struct pam_event_code *code, const char **unit);

/* --- tracepoints.c ------------------------------------------------------------------------------- */

/* Has the name the form subsystem:tracepoint? Then it may be one. */
bool pam_tracepoint_is_name(const char *name);

/* Is there a tracefs, be it one that is closed to this user? */
bool pam_tracepoints_are_mounted(void);

/* 0, -ENOENT: there is none of this name; another negative errno: tracefs cannot be read. */
int pam_tracepoint_find(const char *name, struct pam_event_code *code);

/* Visits the names, in order. 0 or a negative errno. */
int pam_tracepoints_each(void (*visit)(const char *name, void *context), void *context);

#endif
