/* asyncio.h - tasks, coroutines and what they await in a fake target, laid out as CPython does. */
#ifndef PAM_FAKE_ASYNCIO_H
#define PAM_FAKE_ASYNCIO_H

#include "python.h"

enum { ASYNCIO_LOOPS = 4 };

struct asyncio {
    struct python *python;
    uint64_t coroutine_type, generator_type, frame_type, task_type, future_type, iterator_type, int_type;
    uint64_t module;  /* its __dict__ */
    uint64_t current; /* its _current_tasks */
    struct python_entry running[ASYNCIO_LOOPS]; /* of `current`: loop and task */
};

/* Imports _asyncio into the interpreter. */
void asyncio_init(struct asyncio *asyncio, struct python *python);

/* An attribute of the module in the place of "_current_tasks", for tests that need another one. */
void asyncio_put(struct asyncio *asyncio, const char *name, uint64_t value);

/* A type of that name; `base` 0: none. */
uint64_t asyncio_type(struct asyncio *asyncio, const char *name, uint64_t base);

/* A coroutine that was made, but did not start. */
uint64_t asyncio_coroutine(struct asyncio *asyncio, uint64_t code);

/* Where its frame is. */
uint64_t asyncio_frame(const struct asyncio *asyncio, uint64_t coroutine);

/* The thread goes on with it: its frame. */
uint64_t asyncio_resume(struct asyncio *asyncio, struct python_thread *thread, uint64_t coroutine,
                        uint64_t unit_plus1);

/* It gave way, waiting for an object (0: for none). */
void asyncio_suspend(struct asyncio *asyncio, uint64_t coroutine, uint64_t code, uint64_t unit_plus1,
                     uint64_t awaited);

uint64_t asyncio_task(struct asyncio *asyncio, uint64_t coroutine, uint64_t name);

/* The task that a loop is running now; 0: none. */
void asyncio_run(struct asyncio *asyncio, size_t loop, uint64_t task);

#endif
