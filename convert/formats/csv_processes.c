/* csv_processes.c - what the target and each of its children used, interval by interval, as CSV. */
#include <inttypes.h>
#include <stdlib.h>

#include "formats/cells.h"
#include "formats/format.h"

enum { MAX_PROCESSES = 4096 }; /* alive at once; others are shown without a command */

struct process {
    uint64_t pid;
    uint64_t parent;
    char *command;
};

struct csv_processes {
    const struct pam_output_context *context;
    bool header_written;
    struct process *processes; /* alive */
    size_t count, room;
};

#define AT(field) offsetof(struct pam_usage, field)

static const struct pam_column columns[] = {
    {"cpu_percent", AT(cpu_percent), 0, 2},
    {"user_percent", AT(user_percent), 0, 2},
    {"system_percent", AT(system_percent), 0, 2},
    {"memory_mb", AT(memory_bytes), PAM_BYTES_PER_MB, 2},
    {"pss_mb", AT(pss_bytes), PAM_BYTES_PER_MB, 2},
    {"threads", AT(threads), 0, 0},
    {"open_files", AT(fds), 0, 0},
    {"main_voluntary_per_second", AT(main_voluntary_per_s), 0, 1},
    {"main_involuntary_per_second", AT(main_involuntary_per_s), 0, 1},
    {"minor_faults_per_second", AT(minor_faults_per_s), 0, 1},
    {"major_faults_per_second", AT(major_faults_per_s), 0, 1},
    {"read_bytes_per_second", AT(read_bytes_per_s), 0, 0},
    {"written_bytes_per_second", AT(written_bytes_per_s), 0, 0},
    {"read_calls_per_second", AT(read_calls_per_s), 0, 1},
    {"write_calls_per_second", AT(write_calls_per_s), 0, 1},
    {"disk_read_bytes_per_second", AT(disk_read_bytes_per_s), 0, 0},
    {"disk_written_bytes_per_second", AT(disk_written_bytes_per_s), 0, 0},
};

enum { COLUMNS = sizeof columns / sizeof *columns };

static int csv_processes_open(void **state, const struct pam_output_context *context,
                              struct pam_error *error)
{
    struct csv_processes *csv = calloc(1, sizeof *csv);

    if (!csv)
        return pam_fail(error, PAM_MEMORY, "not enough memory for csv-processes");
    csv->context = context;
    *state = csv;
    return 0;
}

static void csv_processes_free(void *state)
{
    struct csv_processes *csv = state;

    for (size_t i = 0; i < csv->count; i++)
        free(csv->processes[i].command);
    free(csv->processes);
    free(csv);
}

static struct process *find(const struct csv_processes *csv, uint64_t pid)
{
    for (size_t i = 0; i < csv->count; i++)
        if (csv->processes[i].pid == pid)
            return &csv->processes[i];
    return NULL;
}

static struct process *find_or_add(struct csv_processes *csv, uint64_t pid)
{
    struct process *process = find(csv, pid);

    if (process || csv->count == MAX_PROCESSES)
        return process;
    if (csv->count == csv->room) {
        const size_t room = csv->room ? 2 * csv->room : 16;
        struct process *grown = realloc(csv->processes, room * sizeof *grown);

        if (!grown)
            return NULL;
        csv->processes = grown;
        csv->room = room;
    }
    process = &csv->processes[csv->count++];
    *process = (struct process){.pid = pid};
    return process;
}

static void take_process(struct csv_processes *csv, const struct pam_process *record)
{
    const struct pam_bytes text =
        record->command_line.size ? record->command_line : record->executable;
    struct process *process = find_or_add(csv, record->pid);

    if (!process)
        return;
    process->parent = record->parent_pid;
    free(process->command);
    process->command = text.size ? strndup((const char *)text.data, text.size) : NULL;
}

static void take_exit(struct csv_processes *csv, uint64_t pid)
{
    struct process *process = find(csv, pid);

    if (!process)
        return;
    free(process->command);
    *process = csv->processes[--csv->count];
}

static int csv_processes_event(void *state, const struct pam_event *event, struct pam_error *error)
{
    (void)error;
    if (event->kind != PAM_EVENT_RECORD)
        return 0;
    if (event->record.type == PAM_process)
        take_process(state, &event->record.process);
    if (event->record.type == PAM_process_exit)
        take_exit(state, event->record.process_exit.pid);
    return 0;
}

static void write_header(struct csv_processes *csv)
{
    if (csv->header_written)
        return;
    csv->header_written = true;
    fputs("elapsed_seconds,pid,parent_pid,command", csv->context->out);
    for (size_t i = 0; i < COLUMNS; i++)
        fprintf(csv->context->out, ",%s", columns[i].name);
    fputs("\r\n", csv->context->out);
}

static int csv_processes_point(void *state, const struct pam_point *point, struct pam_error *error)
{
    struct csv_processes *csv = state;
    FILE *out = csv->context->out;
    size_t count;
    const struct pam_usage *usages = pam_series_processes(csv->context->series, &count);

    (void)error;
    write_header(csv);
    for (size_t i = 0; i < count; i++) {
        const struct process *process = find(csv, usages[i].pid);

        fprintf(out, "%.2f,%" PRIu64 ",", point->elapsed_s, usages[i].pid);
        if (process)
            fprintf(out, "%" PRIu64, process->parent);
        fputc(',', out);
        pam_put_name(out, pam_text(process ? process->command : NULL));
        for (size_t k = 0; k < COLUMNS; k++) {
            fputc(',', out);
            pam_put_column(out, &columns[k], &usages[i]);
        }
        fputs("\r\n", out);
    }
    if (csv->context->live)
        (void)fflush(out);
    return 0;
}

static int csv_processes_finish(void *state, struct pam_error *error)
{
    (void)error;
    write_header(state);
    return 0;
}

const struct pam_format pam_format_csv_processes = {
    .name = "csv-processes",
    .suffix = "_processes.csv",
    .what = "what the target and each child used",
    .open = csv_processes_open,
    .event = csv_processes_event,
    .point = csv_processes_point,
    .finish = csv_processes_finish,
    .free = csv_processes_free,
};
