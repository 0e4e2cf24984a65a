/* kernel_records.h - what the records of perf_event say, into the watches of their threads. */
#ifndef PAM_KERNEL_RECORDS_H
#define PAM_KERNEL_RECORDS_H

#include <linux/perf_event.h>

#include "kernel/activity.h"

/* Takes a record of an event that samples PERF_SAMPLE_TID | PERF_SAMPLE_TIME with sample_id_all;
 * `context` is the struct pam_drain. A pam_take_record (ring.h). */
void pam_take_kernel_record(const struct perf_event_header *record, void *context);

#endif
