/* counters.c - the events that a capture counts, and the ratios that some of them make together. */
#include "counters.h"

#include <stdlib.h>
#include <string.h>

/* perf_event_open(2): type and config of generic events. */
enum {
    TYPE_HARDWARE = 0,
    TYPE_HW_CACHE = 3,
    HW_CYCLES = 0,
    HW_INSTRUCTIONS = 1,
    HW_CACHE_MISSES = 3,
    HW_BRANCH_MISSES = 5,
    CACHE_RESULT_SHIFT = 16,
    CACHE_RESULT_MISS = 1,
};

/* Of what libpfm4 calls by the names of the manuals, behind PMU:: and in front of masks. */
static const struct {
    const char *name;
    enum pam_counter_role role;
} known_names[] = {
    {"CPU_CYCLES", PAM_ROLE_CYCLES},                 /* ARM */
    {"INST_RETIRED", PAM_ROLE_INSTRUCTIONS},         /* ARM, Intel */
    {"UNHALTED_CORE_CYCLES", PAM_ROLE_CYCLES},       /* Intel */
    {"INSTRUCTION_RETIRED", PAM_ROLE_INSTRUCTIONS},  /* Intel */
    {"CYCLES_NOT_IN_HALT", PAM_ROLE_CYCLES},         /* AMD */
    {"RETIRED_INSTRUCTIONS", PAM_ROLE_INSTRUCTIONS}, /* AMD */
    {"L1D_CACHE_REFILL", PAM_ROLE_MISSES},           /* ARM */
    {"L1I_CACHE_REFILL", PAM_ROLE_MISSES},
    {"L2D_CACHE_REFILL", PAM_ROLE_MISSES},
    {"L1D_TLB_REFILL", PAM_ROLE_MISSES},
    {"L1I_TLB_REFILL", PAM_ROLE_MISSES},
    {"BRANCH_MIS_PRED", PAM_ROLE_MISSES},
    {"BR_MIS_PRED", PAM_ROLE_MISSES},
    {"LLC_MISSES", PAM_ROLE_MISSES},
    {"MISPREDICTED_BRANCH_RETIRED", PAM_ROLE_MISSES},
};

void pam_counters_done(struct pam_counters *counters)
{
    for (size_t i = 0; i < counters->count; i++) {
        free(counters->all[i].name);
        free(counters->all[i].unit);
        free(counters->all[i].ratio);
    }
    free(counters->all);
    *counters = (struct pam_counters){0};
}

static enum pam_counter_role role_by_name(const char *name)
{
    const char *colons = strstr(name, "::");
    const char *event = colons ? colons + 2 : name;
    const size_t size = strcspn(event, ":");

    for (size_t i = 0; i < sizeof known_names / sizeof *known_names; i++)
        if (strlen(known_names[i].name) == size && !strncasecmp(known_names[i].name, event, size))
            return known_names[i].role;
    return PAM_ROLE_OTHER;
}

static enum pam_counter_role role_of(const struct pam_counter *record, const char *name)
{
    if (record->type_plus1 == 1 + TYPE_HARDWARE)
        switch (record->config) {
        case HW_CYCLES: return PAM_ROLE_CYCLES;
        case HW_INSTRUCTIONS: return PAM_ROLE_INSTRUCTIONS;
        case HW_CACHE_MISSES:
        case HW_BRANCH_MISSES: return PAM_ROLE_MISSES;
        default: return PAM_ROLE_OTHER;
        }
    if (record->type_plus1 == 1 + TYPE_HW_CACHE)
        return record->config >> CACHE_RESULT_SHIFT == CACHE_RESULT_MISS ? PAM_ROLE_MISSES : PAM_ROLE_OTHER;
    return role_by_name(name);
}

/* False: memory is short. */
static bool name_ratio(struct pam_counter_facts *facts)
{
    const char *modes = !(facts->excludes & (PAM_EXCLUDE_USER | PAM_EXCLUDE_KERNEL)) ? ""
                        : facts->excludes & PAM_EXCLUDE_USER                         ? ":k"
                                                                                     : ":u";
    int r = 0;

    if (facts->role == PAM_ROLE_INSTRUCTIONS)
        r = asprintf(&facts->ratio, "IPC%s", modes);
    if (facts->role == PAM_ROLE_MISSES)
        r = asprintf(&facts->ratio, "%s MPKI", facts->name);
    if (r < 0)
        facts->ratio = NULL;
    return r >= 0;
}

static char *copy_of(struct pam_bytes text)
{
    return strndup(text.size ? (const char *)text.data : "", text.size);
}

int pam_counters_add(struct pam_counters *counters, const struct pam_counter *record,
                     struct pam_error *error)
{
    struct pam_counter_facts *grown, *facts;

    if (!record->id || record->id > PAM_MAX_COUNTER_ID || pam_counters_find(counters, record->id) >= 0)
        return 0; /* every epoch repeats it */
    grown = realloc(counters->all, (counters->count + 1) * sizeof *grown);
    if (!grown)
        return pam_fail(error, PAM_MEMORY, "not enough memory for counters");
    counters->all = grown;
    facts = &grown[counters->count++];
    *facts = (struct pam_counter_facts){
        .id = record->id,
        .name = copy_of(record->name),
        .unit = copy_of(record->unit),
        .group = record->group,
        .excludes = record->excludes,
        .whole_process = record->whole_process != 0,
    };
    if (!facts->name || !facts->unit)
        return pam_fail(error, PAM_MEMORY, "not enough memory for counters");
    facts->role = role_of(record, facts->name);
    return name_ratio(facts) ? 0 : pam_fail(error, PAM_MEMORY, "not enough memory for counters");
}

int pam_counters_find(const struct pam_counters *counters, uint64_t id)
{
    if (id && id <= counters->count && counters->all[id - 1].id == id)
        return (int)id - 1; /* as the collector numbers them */
    for (size_t i = 0; i < counters->count; i++)
        if (counters->all[i].id == id)
            return (int)i;
    return -1;
}

int pam_counters_partner(const struct pam_counters *counters, size_t index)
{
    const struct pam_counter_facts *facts = &counters->all[index];
    const enum pam_counter_role wanted =
        facts->role == PAM_ROLE_INSTRUCTIONS ? PAM_ROLE_CYCLES : PAM_ROLE_INSTRUCTIONS;
    int found = -1;

    for (size_t i = 0; facts->ratio && i < counters->count; i++) {
        const struct pam_counter_facts *other = &counters->all[i];

        if (other->role != wanted || other->excludes != facts->excludes)
            continue;
        if (found < 0 || other->group == facts->group)
            found = (int)i;
        if (other->group == facts->group)
            break;
    }
    return found;
}

double pam_counter_ratio_factor(const struct pam_counter_facts *facts)
{
    return facts->role == PAM_ROLE_MISSES ? 1000 : 1;
}

const char *pam_counter_ratio_unit(const struct pam_counter_facts *facts)
{
    return facts->role == PAM_ROLE_MISSES ? "per 1000 instructions" : "instructions per cycle";
}

double pam_scaled_count(double value, double enabled_ns, double waited_ns)
{
    return waited_ns > 0 && waited_ns < enabled_ns ? value * enabled_ns / (enabled_ns - waited_ns) : value;
}
