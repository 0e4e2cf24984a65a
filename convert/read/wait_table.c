/* wait_table.c - what the threads of a capture wait in, by thread and stack. */
#include "wait_table.h"

#include <stdlib.h>
#include <string.h>

#include "room.h"

void pam_wait_table_done(struct pam_wait_table *waits)
{
    pam_table_done(&waits->waits);
    pam_table_done(&waits->stacks);
    free(waits->by_stack_plus1);
}

static int64_t timeout_ns(const struct pam_syscall *call, const struct pam_wait *wait,
                          const uint64_t arguments[6])
{
    const int64_t told_ns = wait->timeout_ns_plus1 <= INT64_MAX ? (int64_t)wait->timeout_ns_plus1 - 1 : -1;
    int32_t milliseconds;

    if (!call || call->time != PAM_SYSCALL_TIME_MS)
        return told_ns;
    milliseconds = (int32_t)(uint32_t)arguments[call->time_argument];
    return milliseconds >= 0 ? milliseconds * INT64_C(1000000) : -1;
}

struct pam_wait_model pam_wait_read(const struct pam_wait *wait, enum pam_arch arch, uint32_t file,
                                    uint32_t socket)
{
    const uint64_t number = wait->syscall_plus1 - 1;
    const uint64_t arguments[6] = {wait->argument_0, wait->argument_1, wait->argument_2,
                                   wait->argument_3, wait->argument_4, wait->argument_5};
    const struct pam_syscall *call = pam_syscall_find(arch, number);
    const bool several = call && call->fd == PAM_SYSCALL_FD_POLL;

    return (struct pam_wait_model){
        .number = number,
        .timeout_ns = timeout_ns(call, wait, arguments),
        .files = several ? arguments[1] : wait->fd_plus1 != 0,
        .arch = arch,
        .file = file,
        .socket = socket,
    };
}

int pam_wait_table_set(struct pam_wait_table *waits, size_t thread, uint32_t stack,
                  const struct pam_wait_model *wait)
{
    const uint32_t key[2] = {(uint32_t)thread, stack};
    const int64_t at = pam_table_id(&waits->stacks, key, sizeof key);
    const int64_t number = pam_table_id(&waits->waits, wait, sizeof *wait);

    uint32_t *by_stack_plus1;

    if (at < 0 || number < 0)
        return -1;
    by_stack_plus1 = pam_with_room(waits->by_stack_plus1, &waits->room, (size_t)at, sizeof *by_stack_plus1);
    if (!by_stack_plus1)
        return -1;
    waits->by_stack_plus1 = by_stack_plus1;
    by_stack_plus1[at] = (uint32_t)number + 1;
    return 0;
}

uint32_t pam_wait_table_get(const struct pam_wait_table *waits, size_t thread, uint32_t stack)
{
    const uint32_t key[2] = {(uint32_t)thread, stack};
    const int64_t at = waits->stacks.count ? pam_table_find(&waits->stacks, key, sizeof key) : -1;

    return at < 0 ? 0 : waits->by_stack_plus1[at];
}

struct pam_wait_model pam_wait_table_wait(const struct pam_wait_table *waits, uint32_t number)
{
    struct pam_wait_model wait;

    memcpy(&wait, pam_table_key(&waits->waits, number).data, sizeof wait);
    return wait;
}
