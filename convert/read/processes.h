/* processes.h - what each process used, interval by interval, from the resource records.
 *
 * Percentages are of one core, as psutil counts. A value that is not known is NaN. */
#ifndef PAM_PROCESSES_H
#define PAM_PROCESSES_H

#include "reader.h"

struct pam_usage {
    uint64_t pid;
    double cpu_percent;
    double user_percent;
    double system_percent;
    double memory_bytes; /* RSS */
    double pss_bytes;    /* as last read: that is every 10 s at most */
    double threads;
    double fds;
    double minor_faults_per_s;
    double major_faults_per_s;
    double main_voluntary_per_s; /* switches of the main thread, why it went off the CPU */
    double main_involuntary_per_s;
    double read_bytes_per_s; /* by read and write calls, disk or not */
    double written_bytes_per_s;
    double read_calls_per_s;
    double write_calls_per_s;
    double disk_read_bytes_per_s;
    double disk_written_bytes_per_s;
};

struct pam_processes;

int pam_processes_new(struct pam_processes **ret, struct pam_error *error);
void pam_processes_free(struct pam_processes *processes);

/* Takes every event of a capture in order. */
void pam_processes_add(struct pam_processes *processes, const struct pam_event *event);

/* Ends the interval at `time_ns`. Returns its length in seconds, or 0 when it has none: it is the
 * first one, or it had no readings. */
double pam_processes_close(struct pam_processes *processes, uint64_t time_ns);

/* What the processes used in the interval that was closed last, in the order of the capture. */
const struct pam_usage *pam_processes_get(const struct pam_processes *processes, size_t *count);

#endif
