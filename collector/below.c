/* below.c - native and kernel stacks in the sampling thread: whose, when, and into which samples. */
#include "below.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "native/jit.h"
#include "session.h"

_Static_assert((int)PAM_MAX_NATIVE_JOBS >= (int)PAM_MAX_PY_THREADS, "a job for each thread of a tick");

enum {
    MORE_ROUNDS = 3, /* of copying what moved before, that bring nothing */
    ROUNDS_PART = 8, /* of the time between ticks, and not more than ROUNDS_NS */
    MODULES_SHARE = 20,
};

static const uint64_t ROUNDS_NS = UINT64_C(1000000);

int pam_below_start(struct pam_sampler *sampler, struct pam_error *error)
{
    struct pam_below *below;
    int r;

    if (!sampler->settings.native && !sampler->settings.kernel)
        return 0;
    below = calloc(1, sizeof *below);
    if (!below)
        return pam_fail(error, PAM_MEMORY, "not enough memory for native stacks");
    r = pam_native_new(&below->native, sampler->settings.native, sampler->settings.kernel, below->warning,
                       error);
    if (r < 0) {
        free(below);
        return r;
    }
    below->format = pam_native_format(below->native);
    sampler->below = below;
    sampler->clock.switched = below->format;
    sampler->clock.mappings = true;
    return 0;
}

int pam_below_check(struct pam_sampler *sampler, struct pam_error *error)
{
    char *const reason = sampler->sampling_reason;
    const size_t used = strlen(reason);

    if (!sampler->below)
        return 0;
    if (sampler->table.activity->sampling != PAM_SAMPLING_PERF)
        return pam_fail(error, PAM_PERMISSION,
                        "native and kernel stacks need the context switches of the threads: %s", reason);
    pam_native_check(sampler->below->native, sampler->target->proc_fd, sampler->below->warning);
    if (sampler->below->warning[0])
        (void)snprintf(reason + used, sizeof sampler->sampling_reason - used, "; %s", sampler->below->warning);
    return 0;
}

void pam_below_stop(struct pam_sampler *sampler)
{
    if (!sampler->below)
        return;
    pam_native_free(sampler->below->native);
    pam_bundles_done(&sampler->below->bundles);
    free(sampler->below);
    sampler->below = NULL;
}

/* --- as the kernel's records tell ------------------------------------------------------------------------ */

static struct pam_native_thread *known_of(struct pam_thread_entry *entry)
{
    if (!entry->native)
        entry->native = calloc(1, sizeof *entry->native);
    return entry->native;
}

void pam_below_take_switched(const struct perf_event_header *record, void *context)
{
    struct pam_sampler *sampler = context;
    struct pam_thread_entry *entry;
    struct pam_taken taken;

    if (!pam_taken_parse(record, &sampler->below->format, &taken))
        return;
    entry = pam_threads_find(&sampler->table, taken.tid);
    if (entry && known_of(entry))
        pam_native_take_switched(entry->native, &taken);
}

void pam_below_take_mapping(pid_t pid, const struct pam_mapping *mapping, void *context)
{
    struct pam_sampler *sampler = context;

    for (size_t i = 0; i < sampler->attached_count; i++) {
        struct pam_attachment *attachment = sampler->attached[i];

        if (attachment->pid != pid)
            continue;
        pam_ranges_add(&attachment->native.ranges, mapping->start, mapping->size_bytes, mapping->path);
        if (mapping->path[0] == '/' && mapping->path[1] != '/') /* not "//anon" */
            attachment->modules_recorded = false;
    }
}

/* Modules come before the stacks that lead through them, as far as a twentieth of the time allows. What
 * came too soon is recorded again: a reader may have looked for the modules already. */
void pam_below_prepare(struct pam_sampler *sampler, struct pam_attachment *attachment, uint64_t now_ns)
{
    const size_t told = attachment->modules_told;

    attachment->resample = false;
    if (!sampler->below || attachment->modules_recorded || now_ns < attachment->modules_due_ns)
        return;
    pam_recorder_time(&sampler->recorder, now_ns, 0, false);
    pam_record_modules(sampler, attachment);
    attachment->modules_due_ns = now_ns + MODULES_SHARE * (pam_monotonic_ns() - now_ns);
    attachment->resample = attachment->modules_told != told;
    if (attachment->resample)
        pam_native_forget(sampler->below->native);
}

/* --- a tick ------------------------------------------------------------------------------------------------ */

void pam_below_copy(struct pam_sampler *sampler, struct pam_attachment *attachment)
{
    struct pam_below *below = sampler->below;

    if (!below)
        return;
    for (size_t i = 0; i < sampler->wanted_count; i++) {
        struct pam_thread_entry *entry = sampler->wanted[i];

        below->jobs[i].thread = entry->id;
        below->jobs[i].ident = entry->has_python ? entry->py.ident : 0;
        below->jobs[i].watch = &entry->watch;
        below->jobs[i].known = known_of(entry);
        below->jobs[i].syscall = &entry->syscall;
        below->jobs[i].id = 0;
        below->jobs[i].asked = false;
        below->jobs[i].done = !entry->native || (i + 1 < sampler->wanted_count &&
                                                 sampler->wanted[i + 1] == entry); /* once a thread */
    }
    pam_native_copy(below->native, &attachment->native, below->jobs, sampler->wanted_count);
    below->python_ns = pam_monotonic_ns();
}

/* Until when what moved is copied again; who is left then is asked at the next tick. */
static uint64_t rounds_end_ns(const struct pam_sampler *sampler)
{
    const uint64_t part_ns = UINT64_C(1000000000000) / sampler->settings.rate_mhz / ROUNDS_PART;

    return pam_monotonic_ns() + (part_ns < ROUNDS_NS ? part_ns : ROUNDS_NS);
}

size_t pam_below_settle(struct pam_sampler *sampler, struct pam_attachment *attachment)
{
    struct pam_below *below = sampler->below;
    const size_t count = sampler->wanted_count;
    size_t left, before;
    uint64_t until_ns;
    bool again = true; /* once, however short the time */

    if (!below)
        return 0;
    until_ns = rounds_end_ns(sampler);
    pam_drain_activity(sampler);
    left = pam_native_settle(below->native, &attachment->native, &sampler->recorder, below->jobs, count,
                             below->python_ns, true);
    for (unsigned vain = 0; left && vain < MORE_ROUNDS && (again || pam_monotonic_ns() < until_ns);
         vain += left == before) {
        again = false;
        before = left;
        pam_native_copy(below->native, &attachment->native, below->jobs, count);
        pam_drain_activity(sampler);
        left = pam_native_settle(below->native, &attachment->native, &sampler->recorder, below->jobs, count,
                                 below->python_ns, false);
    }
    return left;
}

uint64_t pam_below_id(const struct pam_sampler *sampler, size_t wanted)
{
    return sampler->below ? sampler->below->jobs[wanted].id : 0;
}

/* --- besides ticks ------------------------------------------------------------------------------------------- */

void pam_below_module(struct pam_sampler *sampler, struct pam_attachment *attachment,
                      const struct pam_module *module)
{
    static const char vdso[] = "[vdso]";

    if (sampler->below && attachment == sampler->attached[0] && module->path.size == sizeof vdso - 1 &&
        !memcmp(module->path.data, vdso, sizeof vdso - 1))
        pam_bundle_vdso(&attachment->native, module, &sampler->recorder);
}

void pam_below_look_after(struct pam_sampler *sampler, struct pam_attachment *attachment)
{
    if (sampler->below)
        pam_jit_open(&attachment->native);
}

void pam_below_leave(struct pam_sampler *sampler, struct pam_attachment *attachment)
{
    if (!sampler->below)
        return;
    pam_jit_record(&attachment->native, &sampler->recorder);
    if (sampler->settings.bundle)
        pam_bundles_collect(&sampler->below->bundles, &attachment->native, &attachment->modules);
}

void pam_below_finish(struct pam_sampler *sampler)
{
    if (!sampler->below)
        return;
    sampler->recorder.patient = true;
    for (size_t i = 0; i < sampler->attached_count; i++) {
        if (!sampler->attached[i]->modules_recorded)
            pam_record_modules(sampler, sampler->attached[i]);
        pam_below_leave(sampler, sampler->attached[i]);
    }
    pam_bundles_record(&sampler->below->bundles, &sampler->recorder);
}
