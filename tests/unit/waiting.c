/* waiting.c - a fake target with tasks that wait, and what a walk reads of one of them. */
#include "waiting.h"

#include "unit.h"

struct rig rig;
struct asyncio asyncio;
struct pam_awaits awaits[PAM_AWAIT_TASKS];

void begin(uint32_t version)
{
    rig_init(&rig, version, RIG_CHUNK_BYTES);
    asyncio_init(&asyncio, &rig.python);
    assert_true(pam_tasks_find_module(&rig.tasks));
}

uint64_t waiting(const char *name, uint64_t awaited)
{
    const uint64_t code = rig_code(&rig, name);
    const uint64_t coroutine = asyncio_coroutine(&asyncio, code);

    asyncio_suspend(&asyncio, coroutine, code, 5, awaited);
    return coroutine;
}

uint64_t object(uint64_t type, uint64_t second_word)
{
    const uint64_t address = target_alloc(&rig.target, 512);

    target_put(&rig.target, address + rig.python.layout->object_type, type, 8);
    target_put(&rig.target, address + rig.python.layout->wrapped, second_word, 8);
    return address;
}

uint64_t task_of(uint64_t coroutine, uint64_t waiter)
{
    const uint64_t task = asyncio_task(&asyncio, coroutine, python_str(&rig.python, "a name"));

    (void)target_alloc(&rig.target, 128); /* names are read beyond their end */
    target_put(&rig.target, task + rig.python.layout->task_waiter, waiter, 8);
    return task;
}

enum pam_awaits_end follow(uint64_t task)
{
    assert_int_equal(pam_awaits_follow(&rig.tasks, &task, 1, awaits), 0);
    return awaits[0].outcome;
}
