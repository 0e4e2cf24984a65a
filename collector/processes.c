/* processes.c - the processes of a capture: the target and the children that join and leave it. */
#include <stdlib.h>
#include <string.h>

#include "kernel/procfile.h"
#include "session.h"

static const uint64_t LOOK_NS = UINT64_C(100000000); /* for the target, while there is none */

static struct pam_attachment *find(struct pam_sampler *sampler, pid_t pid)
{
    for (size_t i = 0; i < sampler->attached_count; i++)
        if (sampler->attached[i]->pid == pid)
            return sampler->attached[i];
    return NULL;
}

/* Its threads are watched from here on, before anything is read of it. */
static struct pam_attachment *join(struct pam_sampler *sampler, struct pam_process_watch *process,
                                   bool is_child)
{
    struct pam_attachment *attachment = calloc(1, sizeof *attachment);

    process->joined = true;
    sampler->exiting += process->exiting;
    if (!attachment)
        return NULL;
    attachment->pid = process->pid;
    attachment->parent = process->parent;
    attachment->proc_fd = process->proc_fd;
    attachment->is_target = process->pid == sampler->target->pid;
    pam_threads_init(&attachment->threads, &sampler->table, process->pid, process->proc_fd, is_child);
    if (sampler->below)
        pam_native_process_open(&attachment->native, process->pid, process->proc_fd);
    sampler->attached[sampler->attached_count++] = attachment;
    return attachment;
}

static void leave(struct pam_sampler *sampler, struct pam_attachment *attachment)
{
    pam_detach(sampler, attachment);
    pam_threads_done(&attachment->threads);
    pam_process_counts_free(attachment->counts, &sampler->counting);
    pam_modules_done(&attachment->modules);
    pam_native_process_close(&attachment->native);
    free(attachment);
}

int pam_processes_start(struct pam_sampler *sampler, struct pam_error *error)
{
    struct pam_attachment *target = join(sampler, &sampler->monitor.processes[0], false);

    if (!target)
        return pam_fail(error, PAM_MEMORY, "not enough memory for the target");
    pam_threads_scan_kernel(&target->threads, &sampler->recorder); /* from now on it is watched */
    sampler->children_wanted = sampler->settings.follow_children;
    return 0;
}

static int count_events(struct pam_sampler *sampler, struct pam_attachment *attachment,
                        struct pam_error *error)
{
    return pam_process_counts_new(&attachment->counts, &sampler->counting, attachment->pid,
                                  attachment->proc_fd, error);
}

int pam_processes_count(struct pam_sampler *sampler, struct pam_error *error)
{
    return count_events(sampler, sampler->attached[0], error);
}

void pam_processes_stop(struct pam_sampler *sampler)
{
    for (size_t i = 0; i < sampler->attached_count; i++)
        leave(sampler, sampler->attached[i]);
    sampler->attached_count = 0;
}

/* --- as the kernel's records tell: nothing is opened here -------------------------------------------- */

static void remember_newborn(struct pam_sampler *sampler, pid_t pid, pid_t parent, bool exits)
{
    struct pam_newborn *const end = sampler->newborn + sampler->newborn_count;
    struct pam_newborn *known = sampler->newborn;

    if (!sampler->settings.follow_children)
        return;
    while (known < end && known->pid != pid)
        known++;
    if (known < end) {
        known->parent = parent ? parent : known->parent;
        known->exits |= exits;
    } else if (sampler->newborn_count == PAM_MAX_NEWBORN) {
        sampler->children_wanted = true;
    } else {
        sampler->newborn[sampler->newborn_count++] = (struct pam_newborn){pid, parent, exits};
    }
}

/* The record of an exit comes while the process still is on its way to be a zombie. */
static void watch_exit(struct pam_sampler *sampler, pid_t pid)
{
    for (size_t i = 0; i < sampler->monitor.count; i++)
        if (sampler->monitor.processes[i].pid == pid) {
            if (i > 0)
                sampler->exiting += sampler->monitor.processes[i].exiting = true;
            return;
        }
    remember_newborn(sampler, pid, 0, true);
}

void pam_processes_change(struct pam_sampler *sampler, const struct pam_change *change)
{
    struct pam_attachment *attachment = find(sampler, change->pid);

    if (change->kind == PAM_PROCESS_BORN)
        remember_newborn(sampler, change->pid, change->parent, false);
    if (change->kind == PAM_PROCESS_EXITS)
        watch_exit(sampler, change->pid);
    if (!attachment)
        return;
    attachment->scan_wanted = true;
    attachment->program_changed |= change->kind == PAM_PROGRAM_CHANGED;
    sampler->programs_changed |= attachment->program_changed;
}

/* --- what is done about it at the next tick ---------------------------------------------------------- */

void pam_record_process(struct pam_sampler *sampler, struct pam_process_watch *process)
{
    struct pam_attachment *attachment = find(sampler, process->pid);
    const bool is_python = attachment && attachment->is_python;
    char executable[PAM_PATH_BYTES], command_line[PAM_COMMAND_LINE_BYTES], comm[PAM_COMM_BYTES];
    struct pam_process record = {
        .pid = (uint64_t)process->pid,
        .parent_pid = (uint64_t)process->parent,
        .is_target = process->pid == sampler->target->pid,
        .start_ticks = process->start_ticks,
        .python_version = is_python ? attachment->runtime.version_hex : 0,
        .runtime_path = pam_text(is_python ? attachment->runtime.path : ""),
    };

    (void)pam_read_executable(process->proc_fd, executable);
    pam_read_command_line(process->proc_fd, command_line, sizeof command_line);
    if (!command_line[0] && pam_read_file(process->proc_fd, "comm", comm, sizeof comm) > 0) {
        comm[strcspn(comm, "\n")] = '\0'; /* a zombie has no arguments any more; as ps shows it */
        (void)snprintf(command_line, sizeof command_line, "[%s]", comm);
    }
    record.executable = pam_text(executable);
    record.command_line = pam_text(command_line);
    if (record.is_target)
        record.chosen_because = pam_text(sampler->settings.chosen_because);
    pam_recorder_put(&sampler->recorder, PAM_process, &record);
    if (is_python)
        pam_waits_record(sampler, attachment);
    process->announced = true;
}

/* Children that the monitor has found: born under our eyes, or there before us. */
static void join_new(struct pam_sampler *sampler, bool are_newborn)
{
    for (size_t i = 0; i < sampler->monitor.count; i++) {
        struct pam_process_watch *process = &sampler->monitor.processes[i];
        struct pam_attachment *attachment;
        struct pam_error ignored; /* not Python, or not yet: ticks look again */

        if (process->joined)
            continue;
        attachment = join(sampler, process, are_newborn);
        if (!attachment)
            continue;
        if (sampler->table.counting) /* what of it is refused is missing */
            (void)count_events(sampler, attachment, &ignored);
        pam_threads_scan_kernel(&attachment->threads, &sampler->recorder);
        (void)pam_attach(sampler, attachment, &ignored);
        pam_record_process(sampler, process);
        sampler->tasks_changed = true;
    }
}

/* One that is gone already lived for less than a tick: that it did is all that can be told. */
static void record_passing(struct pam_sampler *sampler, const struct pam_newborn *newborn)
{
    const struct pam_process process = {.pid = (uint64_t)newborn->pid,
                                        .parent_pid = (uint64_t)newborn->parent};
    const struct pam_process_exit exit = {.pid = (uint64_t)newborn->pid};

    pam_recorder_put(&sampler->recorder, PAM_process, &process);
    pam_recorder_put(&sampler->recorder, PAM_process_exit, &exit);
}

static void adopt_newborn(struct pam_sampler *sampler)
{
    const uint64_t left_out = sampler->monitor.left_out;

    for (size_t i = 0; i < sampler->newborn_count; i++) {
        struct pam_process_watch *child;

        if (!sampler->newborn[i].parent)
            continue; /* none of ours, or one that is forgotten already */
        child = pam_monitor_adopt(&sampler->monitor, sampler->newborn[i].pid);
        if (child && !child->joined)
            child->exiting |= sampler->newborn[i].exits;
        else if (!child && sampler->monitor.left_out == left_out)
            record_passing(sampler, &sampler->newborn[i]);
    }
    sampler->newborn_count = 0;
    join_new(sampler, true);
}

void pam_processes_list(struct pam_sampler *sampler)
{
    if (!sampler->settings.follow_children)
        return;
    pam_monitor_find_children(&sampler->monitor);
    join_new(sampler, false);
    sampler->children_wanted = false;
}

static void record_exit(const struct pam_process_watch *process, void *context)
{
    struct pam_sampler *sampler = context;
    const struct pam_process_exit record = {.pid = (uint64_t)process->pid,
                                            .status_plus1 = process->exit_status_plus1};
    struct pam_resource last;

    if (pam_monitor_read_last(process, &last)) /* it may have lived for less than an interval */
        pam_recorder_put(&sampler->recorder, PAM_resource, &last);
    for (size_t i = 0; i < sampler->attached_count; i++) {
        struct pam_attachment *attachment = sampler->attached[i];

        if (attachment->pid != process->pid)
            continue;
        pam_threads_bury_all(&attachment->threads, &sampler->recorder);
        pam_below_leave(sampler, attachment);
        if (attachment->counts)
            pam_process_counts_record(attachment->counts, &sampler->counting, &sampler->recorder);
        leave(sampler, attachment);
        sampler->attached[i] = sampler->attached[--sampler->attached_count];
        break;
    }
    pam_recorder_put(&sampler->recorder, PAM_process_exit, &record);
}

/* Another name is a sign of another program where records of execve() were lost or there are none. */
static bool has_another_name(const struct pam_process_watch *process)
{
    return process->stat_read && strcmp(process->comm, process->stat.comm) != 0;
}

/* After execve() it is another program: its Python, if it was one, is gone. */
static void take_programs(struct pam_sampler *sampler)
{
    sampler->programs_changed = false;
    for (size_t i = 0; i < sampler->monitor.count; i++) {
        struct pam_process_watch *process = &sampler->monitor.processes[i];
        struct pam_attachment *attachment = find(sampler, process->pid);
        struct pam_error ignored;

        if (has_another_name(process) && attachment)
            attachment->program_changed = true;
        if (!attachment || !attachment->program_changed)
            continue;
        attachment->program_changed = false;
        pam_monitor_note_program(process);
        pam_detach(sampler, attachment);
        pam_below_leave(sampler, attachment);
        attachment->next_attach_ns = attachment->attach_wait_ns = 0;
        pam_modules_done(&attachment->modules);
        attachment->modules_told = 0;
        attachment->modules_recorded = false;
        if (sampler->below) {
            pam_native_process_close(&attachment->native);
            pam_native_process_open(&attachment->native, process->pid, process->proc_fd);
        }
        (void)pam_attach(sampler, attachment, &ignored);
        pam_record_process(sampler, process);
        for (size_t k = 0; k < attachment->threads.count; k++) {
            attachment->threads.entries[k]->announced = false; /* again, behind the program's name */
            attachment->threads.entries[k]->syscall.refused = false;
        }
    }
}

void pam_target_exited(struct pam_sampler *sampler)
{
    if (sampler->target_lost)
        return;
    if (!sampler->settings.find_again) {
        pam_sampler_stop(sampler, "the target exited");
        return;
    }
    record_exit(&sampler->monitor.processes[0], sampler);
    sampler->target_lost = true;
}

/* Its children of before, if some go on, stay in the capture. */
void pam_target_follow(struct pam_sampler *sampler, uint64_t now_ns)
{
    if (!sampler->target_lost || now_ns < sampler->next_look_ns)
        return;
    sampler->next_look_ns = now_ns + LOOK_NS;
    if (!sampler->settings.find_again(sampler->settings.find_context))
        return;
    sampler->target_lost = sampler->target_silent = false;
    pam_recorder_time(&sampler->recorder, pam_monotonic_ns(), 0, false);
    pam_monitor_change_target(&sampler->monitor, sampler->target->pid, sampler->target->proc_fd);
    join_new(sampler, false);
    sampler->children_wanted = sampler->settings.follow_children;
}

void pam_processes_check(struct pam_sampler *sampler)
{
    sampler->exiting = pam_monitor_check_exits(&sampler->monitor, true, record_exit, sampler);
    take_programs(sampler);
}

void pam_processes_review(struct pam_sampler *sampler, uint64_t now_ns)
{
    if (!sampler->newborn_count && !sampler->exiting && !sampler->programs_changed &&
        !sampler->children_wanted)
        return;
    pam_recorder_time(&sampler->recorder, now_ns, 0, false);
    if (sampler->newborn_count)
        adopt_newborn(sampler);
    if (sampler->children_wanted)
        pam_processes_list(sampler);
    if (sampler->exiting)
        sampler->exiting = pam_monitor_check_exits(&sampler->monitor, false, record_exit, sampler);
    if (sampler->programs_changed)
        take_programs(sampler);
}
