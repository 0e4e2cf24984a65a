/* event_list.h - what `--event list` prints: the events that this machine can count. */
#ifndef PAM_EVENT_LIST_H
#define PAM_EVENT_LIST_H

#include <stdio.h>

/* One name a line, under a line for each sort; what is missing is named with its reason. */
void pam_event_list_print(FILE *out);

#endif
