/* feed.h - events made by hand for the parts that take a capture's events. */
#ifndef PAM_FEED_H
#define PAM_FEED_H

#include "reader.h"

/* A record event at a time, e.g. RECORD(5, tick, .delta_us = 1). */
#define RECORD_EVENT(at_ns, name, ...)                                                             \
    (&(struct pam_event){.kind = PAM_EVENT_RECORD,                                                 \
                         .time_ns = (at_ns),                                                       \
                         .record = {.type = PAM_##name, .name = {__VA_ARGS__}}})

#define PLAIN_EVENT(at_ns, event)                                                                  \
    (&(struct pam_event){.kind = PAM_EVENT_##event, .time_ns = (at_ns)})

#endif
