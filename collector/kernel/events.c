/* events.c - the list of --event: items, groups, modifiers, and whose name each is. */
#include "kernel/events.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>

#include "kernel/pfm.h"

enum { SHOWN_NAME = 80 }; /* of a name in a message */

/* What stands behind the last colon, or the brace of a group. */
struct modifiers {
    bool user, kernel, hypervisor; /* count there; none of them: everywhere */
    bool per_sample;
};

static bool parse_modifiers(const char *text, size_t size, bool of_group, struct modifiers *modifiers)
{
    *modifiers = (struct modifiers){0};
    for (size_t i = 0; i < size; i++)
        switch (text[i]) {
        case 'u': modifiers->user = true; break;
        case 'k': modifiers->kernel = true; break;
        case 'h': modifiers->hypervisor = true; break;
        case 'S':
            if (!of_group)
                return false;
            modifiers->per_sample = true;
            break;
        default: return false;
        }
    return size > 0;
}

static unsigned excludes(const struct modifiers *modifiers)
{
    if (!modifiers->user && !modifiers->kernel && !modifiers->hypervisor)
        return 0;
    return (modifiers->user ? 0u : PAM_EXCLUDE_USER) | (modifiers->kernel ? 0u : PAM_EXCLUDE_KERNEL) |
           (modifiers->hypervisor ? 0u : PAM_EXCLUDE_HYPERVISOR);
}

static int refuse_tracefs(const char *name, int error_number, struct pam_error *error)
{
    return pam_fail(error, error_number == EACCES || error_number == EPERM ? PAM_PERMISSION : PAM_FAILED,
                    "cannot count '%.*s': tracepoints are looked up in /sys/kernel/tracing, which cannot "
                    "be read (%s); run as root, or let root mount it (mount -t tracefs none "
                    "/sys/kernel/tracing) and open it to you",
                    SHOWN_NAME, name, strerror(error_number));
}

/* To whom S is that of perf, on a single event. */
static const char *hint(const char *name)
{
    const char *colon = strrchr(name, ':');
    struct modifiers modifiers;

    return colon && parse_modifiers(colon + 1, strlen(colon + 1), true, &modifiers)
               ? "; S goes with a group: {NAME}:S" : "";
}

/* Before what is wrong with it as a CPU's event. */
static const char *what_of_tracepoints(const char *name)
{
    if (!pam_tracepoint_is_name(name))
        return "";
    if (!pam_tracepoints_are_mounted())
        return "tracefs, where tracepoints are looked up, is not mounted (as root: mount -t tracefs none "
               "/sys/kernel/tracing), and as a CPU's event ";
    return "there is no such tracepoint, and as a CPU's event ";
}

/* `base` is the name without modifiers that are ours. */
static int find_code(struct pam_event_spec *spec, const char *base, const struct modifiers *modifiers,
                     struct pam_error *error)
{
    struct pam_error why;
    int r = -ENOENT;

    if (pam_event_name_find(base, &spec->code, &spec->unit))
        r = 0;
    else if (pam_tracepoint_is_name(base))
        r = pam_tracepoint_find(base, &spec->code);
    if (r < 0 && r != -ENOENT)
        return refuse_tracefs(base, -r, error);
    if (r < 0)
        r = pam_pfm_find(spec->name, &spec->code, &why); /* its modifiers are its own */
    if (r < 0)
        return pam_fail(error, r, "cannot count '%.*s': %s%s%s", SHOWN_NAME, spec->name,
                        what_of_tracepoints(base), why.text, hint(spec->name));
    spec->code.excludes |= excludes(modifiers);
    return 0;
}

/* Blanks at both ends are nobody's. */
static void trim(const char **text, size_t *size)
{
    while (*size && **text == ' ') {
        (*text)++;
        (*size)--;
    }
    while (*size && (*text)[*size - 1] == ' ')
        (*size)--;
}

static int check_name(const char *text, size_t size, struct pam_error *error)
{
    if (!size)
        return pam_fail(error, PAM_USAGE, "a name is missing (names are separated by commas, groups are in "
                                          "braces: page-faults,{cycles,instructions})");
    if (size >= PAM_EVENT_NAME_BYTES)
        return pam_fail(error, PAM_USAGE, "no name of an event is as long as that");
    for (size_t i = 0; i < size; i++)
        if (text[i] <= ' ' || text[i] > '~' || strchr("{}*?", text[i]))
            return pam_fail(error, PAM_USAGE, "a name has the byte 0x%02x in it, which no event's name has "
                                              "(there are no patterns, and no groups in groups)",
                            (unsigned)(unsigned char)text[i]);
    return 0;
}

/* `of_group` has the modifiers of the whole group. */
static int add_event(struct pam_events *events, const char *text, size_t size, unsigned group,
                     const struct modifiers *of_group, struct pam_error *error)
{
    struct pam_event_spec *spec = &events->list[events->count];
    struct modifiers modifiers = *of_group;
    char base[PAM_EVENT_NAME_BYTES];
    char *colon;
    int r;

    trim(&text, &size);
    r = check_name(text, size, error);
    if (r < 0)
        return r;
    if (events->count == PAM_MAX_EVENTS)
        return pam_fail(error, PAM_USAGE, "there can be %d events", PAM_MAX_EVENTS);
    *spec = (struct pam_event_spec){.unit = "", .group = group, .per_sample = of_group->per_sample};
    memcpy(spec->name, text, size);
    strcpy(base, spec->name);
    colon = strrchr(base, ':');
    if (colon && parse_modifiers(colon + 1, strlen(colon + 1), false, &modifiers))
        *colon = '\0';
    else
        modifiers = *of_group;
    r = find_code(spec, base, &modifiers, error);
    if (r == 0)
        events->count++;
    return r;
}

static int add_group(struct pam_events *events, const char *text, size_t size, unsigned group,
                     const struct modifiers *modifiers, struct pam_error *error)
{
    const char *end = text + size;
    int r;

    do {
        const char *comma = memchr(text, ',', (size_t)(end - text));

        r = add_event(events, text, (size_t)((comma ? comma : end) - text), group, modifiers, error);
        text = comma ? comma + 1 : NULL;
    } while (r == 0 && text);
    return r;
}

/* One group in braces with its modifiers; `*text` moves behind it. */
static int parse_group(struct pam_events *events, const char **text, unsigned group, struct pam_error *error)
{
    const char *brace = strchr(*text, '}');
    struct modifiers modifiers = {0};
    const char *names = *text + 1;
    size_t size;

    if (!brace)
        return pam_fail(error, PAM_USAGE, "a group is not closed by }");
    size = strcspn(brace + 1, ",");
    if (size && (brace[1] != ':' || !parse_modifiers(brace + 2, size - 1, true, &modifiers)))
        return pam_fail(error, PAM_USAGE, "behind the } of a group can be a comma, or : and some of u, k, "
                                          "h, S");
    *text = brace + 1 + size;
    return add_group(events, names, (size_t)(brace - names), group, &modifiers, error);
}

static int parse_list(struct pam_events *events, const char *text, struct pam_error *error)
{
    static const struct modifiers none;
    int r = 0;

    for (unsigned group = 1;; group++) {
        text += strspn(text, " ");
        if (*text == '{') {
            r = parse_group(events, &text, group, error);
        } else {
            const size_t size = strcspn(text, ",");

            r = add_event(events, text, size, group, &none, error);
            text += size;
        }
        if (r < 0 || !*text)
            return r;
        text++; /* the comma */
    }
}

/* The list as it was given, for a message: no byte that a terminal would obey. */
static void show(const char *text, char shown[SHOWN_NAME + 4])
{
    size_t size = 0;

    for (; text[size] && size < SHOWN_NAME; size++)
        shown[size] = text[size] >= ' ' && text[size] <= '~' ? text[size] : '?';
    strcpy(shown + size, text[size] ? "..." : "");
}

int pam_events_parse(struct pam_events *events, const char *text, struct pam_error *error)
{
    struct pam_error why;
    char shown[SHOWN_NAME + 4];
    int r;

    events->count = 0;
    r = parse_list(events, text, &why);
    if (r == 0)
        return 0;
    show(text, shown);
    return r == PAM_USAGE ? pam_fail(error, r, "--event: '%s': %s", shown, why.text)
                          : pam_fail(error, r, "%s", why.text);
}
