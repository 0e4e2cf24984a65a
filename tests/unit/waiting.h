/* waiting.h - a fake target with tasks that wait, and what a walk reads of one of them. */
#ifndef PAM_WAITING_H
#define PAM_WAITING_H

#include "asyncio.h"
#include "python/awaits.h"
#include "rig.h"

extern struct rig rig;
extern struct asyncio asyncio;
extern struct pam_awaits awaits[PAM_AWAIT_TASKS];

/* Begins with a target of that version; rig_done() ends. */
void begin(uint32_t version);

/* A coroutine that is suspended: it awaits an object. */
uint64_t waiting(const char *name, uint64_t awaited);

/* An object of some type, with what stands behind its header. */
uint64_t object(uint64_t type, uint64_t second_word);

/* A task that waits for a future. */
uint64_t task_of(uint64_t coroutine, uint64_t waiter);

/* Fills awaits[0]. */
enum pam_awaits_end follow(uint64_t task);

#endif
