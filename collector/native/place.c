/* place.c - where the stack of a thread ends: behind it there is other memory, which is not worth a copy. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernel/procfile.h"
#include "native/private.h"
#include "target/process.h"

static const uint64_t MAX_STACK_BYTES = UINT64_C(1) << 30; /* threading.stack_size() */

enum { STARTSTACK_FIELD = 28 }; /* of /proc/PID/stat: proc(5) */

/* The address above which the kernel put arguments and environment. */
static uint64_t main_stack_end(int proc_fd)
{
    char text[PAM_STAT_BYTES];
    const char *at;
    uint64_t value = 0;

    if (pam_read_file(proc_fd, "stat", text, sizeof text) <= 0)
        return 0;
    at = strrchr(text, ')'); /* closes field 2, which may hold anything */
    for (int field = 2; at && field < STARTSTACK_FIELD; field++)
        at = strchr(at + 1, ' ');
    return at && pam_take_number(&at, 10, &value) ? value : 0;
}

void pam_native_process_open(struct pam_native_process *process, pid_t pid, int proc_fd)
{
    *process = (struct pam_native_process){
        .pid = pid,
        .proc_fd = proc_fd,
        .root_fd = openat(proc_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC),
        .map_fd = -1,
        .main_stack_end = main_stack_end(proc_fd),
    };
    pam_remote_init(&process->remote, pid);
    pam_ranges_scan(&process->ranges, proc_fd);
}

void pam_native_process_close(struct pam_native_process *process)
{
    if (!process->pid) /* never opened */
        return;
    pam_ranges_done(&process->ranges);
    if (process->root_fd >= 0)
        (void)close(process->root_fd);
    if (process->map_fd >= 0)
        (void)close(process->map_fd);
    process->pid = 0;
}

static bool is_above(uint64_t end, uint64_t stack_pointer)
{
    return end > stack_pointer && end - stack_pointer <= MAX_STACK_BYTES;
}

static bool find_mapping(struct pam_native_thread *known, int proc_fd, uint64_t address)
{
    FILE *maps = pam_open_maps(proc_fd);
    char line[PAM_PATH_BYTES + 128];
    static struct pam_map map; /* large; the sampling thread's alone */
    bool found = false;

    while (maps && !found && fgets(line, sizeof line, maps))
        found = pam_parse_map(line, &map) && map.start <= address && address < map.end;
    if (found) {
        known->stack_low = map.start;
        known->stack_high = map.end;
    }
    if (maps)
        (void)fclose(maps);
    return found;
}

/* pthread_t is the address of a thread's descriptor, which glibc and musl keep at the root of the stack
 * that they made for it. */
uint64_t pam_native_stack_end(const struct pam_native_process *process, const struct pam_native_job *job,
                              uint64_t stack_pointer)
{
    struct pam_native_thread *known = job->known;
    uint64_t end = 0;

    if (job->watch->tid == process->pid && is_above(process->main_stack_end, stack_pointer))
        return process->main_stack_end;
    if (job->watch->tid != process->pid && is_above(job->ident, stack_pointer))
        return job->ident;
    if ((known->stack_low <= stack_pointer && stack_pointer < known->stack_high) ||
        find_mapping(known, process->proc_fd, stack_pointer))
        end = known->stack_high;
    return end;
}
