/* attach.c - attaching to the target's Python, and repeating what is alive at the start of an epoch. */
#include <errno.h>
#include <malloc.h>
#include <string.h>

#include "session.h"
#include "target/access.h"

int pam_attach(struct pam_sampler *sampler, struct pam_error *error)
{
    struct pam_runtime *runtime = &sampler->runtime;
    struct pam_heap heap = {&sampler->remote, NULL};
    int r;

    error->text[0] = '\0';
    pam_remote_init(&sampler->remote, sampler->target->pid);
    r = pam_runtime_find(runtime, &sampler->remote, sampler->target->proc_fd, error);
    if (r == PAM_PERMISSION && !error->text[0])
        return pam_access_refused(sampler->target, error);
    if (r < 0)
        return r;
    if (!runtime->interpreter)
        return pam_fail(error, PAM_NOT_PYTHON,
                        "the Python of process %d has not started its interpreter (then --wait helps), or "
                        "has ended it",
                        (int)sampler->target->pid);
    heap.layout = runtime->layout;
    sampler->names = (struct pam_thread_names){.heap = heap, .interpreter = runtime->interpreter};
    if (!pam_codes_init(&sampler->codes, &heap, runtime->code_type, runtime->version_hex)) {
        pam_codes_done(&sampler->codes);
        return pam_fail(error, PAM_MEMORY, "not enough memory for the table of code objects");
    }
    r = pam_stack_reader_new(&sampler->stacks, runtime, &sampler->remote, &sampler->codes,
                             &sampler->recorder, &sampler->health, error);
    if (r < 0) {
        pam_codes_done(&sampler->codes);
        return r;
    }
    (void)malloc_trim(0); /* reading ELF symbols took more than all that follows */
    sampler->attached = true;
    sampler->scan_wanted = sampler->list_wanted = true;
    sampler->scan_failures = 0;
    return 0;
}

void pam_detach(struct pam_sampler *sampler)
{
    if (!sampler->attached)
        return;
    sampler->attached = false;
    pam_stack_reader_free(sampler->stacks);
    sampler->stacks = NULL;
    pam_codes_done(&sampler->codes);
    for (size_t i = 0; i < sampler->threads.count; i++)
        sampler->threads.entries[i]->has_python = false;
}

bool pam_scan_threads(struct pam_sampler *sampler)
{
    const uint64_t *list = pam_stack_thread_list(sampler->stacks);

    memcpy(sampler->thread_list, list, sizeof sampler->thread_list);
    sampler->scan_wanted =
        !pam_threads_scan_python(&sampler->threads, &sampler->remote, &sampler->runtime);
    sampler->scan_failures = sampler->scan_wanted ? sampler->scan_failures + 1 : 0;
    return !sampler->scan_wanted;
}

static void repeat_session(struct pam_sampler *sampler)
{
    const struct pam_session session = {
        .collector = pam_text("pamcollect " PAM_PROJECT_VERSION),
        .scenario = pam_text(sampler->settings.scenario),
        .rate_mhz = sampler->settings.rate_mhz,
        .interval_ns = sampler->settings.interval_ns,
        .start_realtime_ns = sampler->start_realtime_ns,
        .start_monotonic_ns = sampler->start_ns,
        .utc_offset_s = sampler->utc_offset_s,
        .follows_children = sampler->settings.follow_children,
    };

    pam_recorder_put(&sampler->recorder, PAM_session, &session);
    pam_recorder_put(&sampler->recorder, PAM_host, &sampler->host.record);
    pam_mode_record(sampler);
}

void pam_repeat_state(struct pam_sampler *sampler)
{
    repeat_session(sampler);
    for (size_t i = 0; i < sampler->monitor.count; i++)
        pam_record_process(sampler, &sampler->monitor.processes[i]);
    pam_modules_scan(&sampler->modules, sampler->target->proc_fd);
    for (size_t i = 0; i < sampler->modules.count; i++) {
        const struct pam_module module =
            pam_modules_get(&sampler->modules, i, sampler->target->pid);

        pam_recorder_put(&sampler->recorder, PAM_module, &module);
    }
    if (sampler->attached)
        pam_codes_clear(&sampler->codes);
    pam_threads_forget_recorded(&sampler->threads);
    pam_threads_announce(&sampler->threads, &sampler->recorder);
}
