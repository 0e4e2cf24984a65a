/* attach.c - attaching to the target's Python, and repeating what is alive at the start of an epoch. */
#include <errno.h>
#include <malloc.h>
#include <string.h>

#include "session.h"
#include "target/access.h"

/* A child that was forked has its parent's runtime, at the same place. */
static bool take_parents_runtime(struct pam_sampler *sampler, struct pam_attachment *child)
{
    char executables[2][PAM_PATH_BYTES];
    uint64_t interpreter;

    for (size_t i = 0; i < sampler->attached_count; i++) {
        const struct pam_attachment *parent = sampler->attached[i];
        const struct pam_runtime *runtime = &parent->runtime;

        if (parent->pid != child->parent || !parent->is_python)
            continue;
        if (!pam_read_executable(parent->proc_fd, executables[0]) ||
            !pam_read_executable(child->proc_fd, executables[1]) ||
            strcmp(executables[0], executables[1]) != 0 ||
            pam_remote_read(&child->remote,
                            runtime->runtime + runtime->layout->runtime_main_interpreter,
                            &interpreter, sizeof interpreter) < 0 ||
            interpreter != runtime->interpreter)
            return false;
        child->runtime = *runtime;
        return true;
    }
    return false;
}

static int find_runtime(struct pam_sampler *sampler, struct pam_attachment *attachment,
                        struct pam_error *error)
{
    int r;

    if (take_parents_runtime(sampler, attachment))
        return 0;
    r = pam_runtime_find(&attachment->runtime, &attachment->remote, attachment->proc_fd, error);
    if (r == PAM_PERMISSION && !error->text[0])
        return attachment->is_target ? pam_access_refused(sampler->target, error) : r;
    if (r == 0 && !attachment->runtime.interpreter)
        return pam_fail(error, PAM_NOT_PYTHON,
                        "the Python of process %d has not started its interpreter (then --wait helps), or "
                        "has ended it",
                        (int)attachment->pid);
    return r;
}

int pam_attach(struct pam_sampler *sampler, struct pam_attachment *attachment,
               struct pam_error *error)
{
    struct pam_runtime *runtime = &attachment->runtime;
    struct pam_heap heap = {&attachment->remote, NULL};
    int r;

    error->text[0] = '\0';
    pam_remote_init(&attachment->remote, attachment->pid);
    r = find_runtime(sampler, attachment, error);
    if (r < 0)
        return r;
    heap.layout = runtime->layout;
    attachment->names = (struct pam_thread_names){.heap = heap, .runtime = runtime};
    attachment->threads.native_ids = (struct pam_native_ids){0};
    if (!pam_codes_init(&attachment->codes, &heap, runtime->code_type, runtime->version_hex)) {
        pam_codes_done(&attachment->codes);
        return pam_fail(error, PAM_MEMORY, "not enough memory for the table of code objects");
    }
    if (!pam_tasks_init(&attachment->tasks, &heap, &attachment->codes, &sampler->recorder,
                        runtime->interpreter, attachment->pid))
        r = pam_fail(error, PAM_MEMORY, "not enough memory for the table of tasks");
    if (r == 0)
        r = pam_stack_reader_new(&attachment->stacks, runtime, &attachment->remote,
                                 &attachment->codes, &sampler->recorder, &sampler->health, error);
    if (r < 0) {
        pam_tasks_done(&attachment->tasks);
        pam_codes_done(&attachment->codes);
        return r;
    }
    pam_stack_reader_tell_tasks(attachment->stacks, &attachment->tasks);
    if (attachment->is_target)
        (void)malloc_trim(0); /* reading ELF symbols took more than all that follows */
    pam_waits_start(sampler, attachment);
    attachment->is_python = true;
    attachment->scan_wanted = attachment->list_wanted = true;
    attachment->scan_failures = 0;
    return 0;
}

void pam_detach(struct pam_sampler *sampler, struct pam_attachment *attachment)
{
    if (!attachment->is_python)
        return;
    attachment->is_python = false;
    sampler->gone.read_calls += attachment->remote.calls;
    sampler->gone.read_bytes += attachment->remote.bytes;
    sampler->gone.code_reused += attachment->codes.reused;
    pam_stack_reader_free(attachment->stacks);
    attachment->stacks = NULL;
    pam_tasks_done(&attachment->tasks);
    pam_codes_done(&attachment->codes);
    for (size_t i = 0; i < attachment->threads.count; i++)
        attachment->threads.entries[i]->has_python = false;
    attachment->next_attach_ns = attachment->attach_wait_ns = 0;
    attachment->scan_failures = 0;
}

enum { MAX_UNSETTLED_SCANS = 100 }; /* in a row; then it takes threads that come or go for another */

bool pam_scan_threads(struct pam_attachment *attachment)
{
    enum pam_listing listing;

    attachment->list = *pam_stack_thread_list(attachment->stacks);
    listing = pam_threads_scan_python(&attachment->threads, &attachment->remote, &attachment->runtime);
    if (listing == PAM_LISTED || listing > attachment->unlisted)
        attachment->unlisted = listing;
    if (listing != PAM_LISTED) {
        attachment->scan_wanted = true;
        attachment->scan_failures++;
        return false;
    }
    attachment->scan_failures = 0;
    attachment->unsettled_scans =
        attachment->threads.unsettled ? attachment->unsettled_scans + 1 : 0;
    attachment->scan_wanted = attachment->unsettled_scans % MAX_UNSETTLED_SCANS > 0;
    return true;
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
    if (sampler->table.counting)
        pam_counting_announce(&sampler->counting, &sampler->recorder);
}

void pam_record_modules(struct pam_sampler *sampler, struct pam_attachment *attachment)
{
    pam_modules_scan(&attachment->modules, attachment->proc_fd);
    for (; attachment->modules_told < attachment->modules.count; attachment->modules_told++) {
        const struct pam_module module =
            pam_modules_get(&attachment->modules, attachment->modules_told, attachment->pid);

        pam_recorder_put(&sampler->recorder, PAM_module, &module);
        pam_below_module(sampler, attachment, &module);
    }
    attachment->modules_recorded = true;
}

void pam_repeat_state(struct pam_sampler *sampler)
{
    repeat_session(sampler);
    for (size_t i = 0; i < sampler->monitor.count; i++)
        if (!sampler->monitor.processes[i].exited)
            pam_record_process(sampler, &sampler->monitor.processes[i]);
    for (size_t i = 0; i < sampler->attached_count; i++) {
        struct pam_attachment *attachment = sampler->attached[i];

        attachment->modules_told = 0;
        pam_record_modules(sampler, attachment);
        if (attachment->is_python) {
            pam_codes_clear(&attachment->codes);
            pam_tasks_forget_recorded(&attachment->tasks);
        }
        pam_threads_forget_recorded(&attachment->threads);
        if (attachment->counts)
            pam_process_counts_forget_recorded(attachment->counts, &sampler->counting);
        pam_threads_announce(&attachment->threads, &sampler->recorder);
    }
}
