/* snapshot.c - the stack of a thread that runs, on demand, without stopping it. */
#include "native/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kernel/clocks.h"
#include "kernel/procfile.h"
#include "kernel/ring.h"
#include "native/registers.h"

enum {
    RING_BYTES = 128 << 10, /* a sample takes 33 KiB */
    /* From when it is asked for on. The kernel takes 10 us at least (kernel/events/core.c,
     * perf_swevent_start_hrtimer()). But we ask by an interrupt on the thread's CPU, and after those 10 us the shares of
     * functions of a 30-ns loop were beyond 3 standard errors of perf's in 5 of 12 captures on a virtual machine,
     * after 30 us in 1 of 20. */
    DELAY_NS = 30000,
    MOST_KEPT = 1024,       /* events of threads that stay open; more are opened each time */
};

/* Instead of a descriptor. */
enum { NOT_OPEN = -1, REFUSED = -2 };

struct pam_snapshot_event {
    int fd;
    bool owed; /* armed before, and nothing has come: it needs no more than to be enabled */
};

struct pam_snapshot {
    int cpus;
    bool own; /* threads have events of their own, which write into the rings of the CPUs' */
    struct perf_event_attr attr;
    struct pam_taken_format format;
    struct cpu {
        struct pam_snapshot_event event;
        struct pam_ring ring;
        struct pam_snapshot_event *armed; /* NULL: none is */
        bool preempted;                   /* it is of a thread that does not run now */
    } cpu[PAM_SNAPSHOT_CPUS];
    unsigned open; /* events of threads */
    uint64_t armed_ns; /* what was taken before came too late for who had asked; 0: nobody asks */
    pam_take_snapshot *take;
    void *context;
};

/* Idle CPUs and the kernel are sampled too: otherwise the event would stay armed, and its timer busy,
 * until the thread came back. */
static struct perf_event_attr attributes(bool user, bool kernel)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof attr,
        .config = PERF_COUNT_SW_CPU_CLOCK,
        .sample_period = DELAY_NS,
        .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
        .sample_id_all = 1,
        .disabled = 1,
        .exclude_hv = 1,
        .exclude_callchain_kernel = !kernel,
        .exclude_callchain_user = !user,
        .use_clockid = 1,
        .clockid = CLOCK_MONOTONIC,
        .watermark = 1,
        .wakeup_watermark = RING_BYTES, /* nobody waits for it */
    };

    attr.sample_type |= PERF_SAMPLE_CALLCHAIN;
    if (user) {
        attr.sample_type |= PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
        attr.sample_regs_user = PAM_REGISTERS_ALL;
        attr.sample_stack_user = PAM_SNAPSHOT_STACK_BYTES;
    }
    return attr;
}

/* What an ordinary user may ask for of his threads. */
static void make_own(struct perf_event_attr *attr)
{
    attr->exclude_kernel = attr->exclude_callchain_kernel = 1;
}

static int open_event(const struct perf_event_attr *attr, pid_t tid, int cpu)
{
    struct perf_event_attr asked = *attr;
    const int fd = (int)syscall(SYS_perf_event_open, &asked, tid, cpu, -1, PERF_FLAG_FD_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

/* With events of threads, that of the CPU is one of our own, never armed, that has the ring. */
static int open_cpu(struct pam_snapshot *snapshot, int cpu)
{
    struct cpu *const at = &snapshot->cpu[cpu];
    int r = open_event(&snapshot->attr, snapshot->own ? 0 : -1, cpu);

    if (r == -ENODEV || r == -ENXIO) /* a CPU that is off line */
        return 0;
    if (r < 0)
        return r;
    at->event.fd = r;
    r = pam_ring_map(&at->ring, at->event.fd, RING_BYTES);
    if (r < 0) {
        (void)close(at->event.fd);
        at->event.fd = NOT_OPEN;
    }
    return r;
}

static int refused(int error_number, bool kernel, struct pam_error *error)
{
    char level[16] = "unknown";

    if (error_number != EACCES && error_number != EPERM)
        return pam_fail(error, PAM_FAILED,
                        "native and kernel stacks need perf_event, which this kernel has not or does not "
                        "give (%s): leave --native and --kernel out",
                        strerror(error_number));
    (void)pam_read_file(AT_FDCWD, "/proc/sys/kernel/perf_event_paranoid", level, sizeof level);
    level[strcspn(level, "\n")] = '\0';
    return pam_fail(error, PAM_PERMISSION,
                    "%s, which the kernel refuses "
                    "(kernel.perf_event_paranoid is %s): run pamcollect with sudo; or let it do without: "
                    "sudo setcap %s,cap_sys_ptrace+ep $(command -v pamcollect); or allow it for all until "
                    "the next boot: sudo sysctl kernel.perf_event_paranoid=%d",
                    kernel ? "native and kernel stacks need perf_event on whole CPUs" : "native stacks need perf_event",
                    level, atoi(level) > 2 ? "cap_sys_admin" : "cap_perfmon", kernel ? 0 : 2);
}

static void close_cpus(struct pam_snapshot *snapshot)
{
    for (int cpu = 0; cpu < snapshot->cpus; cpu++) {
        struct cpu *const at = &snapshot->cpu[cpu];

        pam_ring_unmap(&at->ring);
        if (at->event.fd >= 0)
            (void)close(at->event.fd);
        *at = (struct cpu){.event = {.fd = NOT_OPEN}};
    }
}

static int open_cpus(struct pam_snapshot *snapshot)
{
    int r = 0;

    close_cpus(snapshot);
    for (int cpu = 0; cpu < snapshot->cpus && r == 0; cpu++)
        r = open_cpu(snapshot, cpu);
    return r;
}

int pam_snapshot_new(struct pam_snapshot **ret, bool user, bool kernel, struct pam_error *error)
{
    const long cpus = sysconf(_SC_NPROCESSORS_CONF);
    struct pam_snapshot *snapshot;
    int r;

    if (cpus < 1 || cpus > PAM_SNAPSHOT_CPUS)
        return refused(E2BIG, kernel, error);
    snapshot = calloc(1, sizeof *snapshot);
    if (!snapshot)
        return pam_fail(error, PAM_MEMORY, "not enough memory for native stacks");
    snapshot->cpus = (int)cpus;
    for (int cpu = 0; cpu < snapshot->cpus; cpu++)
        snapshot->cpu[cpu].event.fd = NOT_OPEN;
    snapshot->attr = attributes(user, kernel);
    snapshot->format = (struct pam_taken_format){snapshot->attr.sample_type, snapshot->attr.sample_regs_user};
    r = open_cpus(snapshot);
    if ((r == -EACCES || r == -EPERM) && !kernel) {
        snapshot->own = true;
        make_own(&snapshot->attr);
        r = open_cpus(snapshot);
    }
    if (r < 0) {
        pam_snapshot_free(snapshot);
        return refused(-r, kernel, error);
    }
    *ret = snapshot;
    return 0;
}

void pam_snapshot_free(struct pam_snapshot *snapshot)
{
    if (!snapshot)
        return;
    close_cpus(snapshot);
    free(snapshot);
}

void pam_snapshot_thread_done(struct pam_snapshot_thread *thread)
{
    for (int cpu = 0; cpu < thread->cpus; cpu++)
        if (thread->events[cpu].fd >= 0) {
            (void)close(thread->events[cpu].fd);
            --*thread->open;
        }
    free(thread->events);
    *thread = (struct pam_snapshot_thread){.events = NULL};
}

bool pam_snapshot_is_own(const struct pam_snapshot *snapshot)
{
    return snapshot->own;
}

/* --- on demand ------------------------------------------------------------------------------------------ */

static bool make_events(struct pam_snapshot *snapshot, struct pam_snapshot_thread *thread)
{
    if (thread->events)
        return true;
    thread->events = malloc((size_t)snapshot->cpus * sizeof *thread->events);
    if (!thread->events)
        return false;
    thread->cpus = snapshot->cpus;
    thread->open = &snapshot->open;
    for (int i = 0; i < thread->cpus; i++)
        thread->events[i] = (struct pam_snapshot_event){.fd = NOT_OPEN};
    return true;
}

static void close_event(struct pam_snapshot *snapshot, struct pam_snapshot_event *event, int instead)
{
    (void)close(event->fd);
    *event = (struct pam_snapshot_event){.fd = instead};
    snapshot->open--;
}

/* An event is opened when a thread is first met on a CPU; what is refused once is not asked for again, unless
 * it was for want of descriptors. */
static struct pam_snapshot_event *event_of(struct pam_snapshot *snapshot, struct pam_snapshot_thread *thread,
                                           pid_t tid, int cpu)
{
    struct pam_snapshot_event *event;
    int fd;

    if (!make_events(snapshot, thread))
        return NULL;
    event = &thread->events[cpu];
    if (event->fd != NOT_OPEN)
        return event->fd == REFUSED ? NULL : event;
    fd = open_event(&snapshot->attr, tid, cpu);
    if (fd < 0) {
        if (fd != -EMFILE && fd != -ENFILE)
            event->fd = REFUSED;
        return NULL;
    }
    event->fd = fd;
    snapshot->open++;
    if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, snapshot->cpu[cpu].event.fd) == 0)
        return event;
    close_event(snapshot, event, REFUSED);
    return NULL;
}

bool pam_snapshot_arm(struct pam_snapshot *snapshot, const struct pam_snapshot_subject *subject)
{
    bool armed = false;

    if (!snapshot->armed_ns)
        snapshot->armed_ns = pam_monotonic_ns();
    for (int i = 0; i < snapshot->cpus; i++) {
        struct cpu *const at = &snapshot->cpu[i];
        struct pam_snapshot_event *event;

        if ((subject->cpu >= 0 && subject->cpu != i) || at->event.fd < 0 || at->armed)
            continue;
        event = snapshot->own ? event_of(snapshot, subject->thread, subject->tid, i) : &at->event;
        if (!event || (event->owed ? ioctl(event->fd, PERF_EVENT_IOC_ENABLE, 0)
                                   : ioctl(event->fd, PERF_EVENT_IOC_REFRESH, 1)) != 0)
            continue;
        at->armed = event;
        at->preempted = subject->preempted;
        armed = true;
    }
    return armed;
}

static bool has_come(const struct cpu *cpu)
{
    return __atomic_load_n(&cpu->ring.page->data_head, __ATOMIC_ACQUIRE) != cpu->ring.page->data_tail;
}

/* A thread that was preempted was so by us, as a rule: it goes on when we sleep. */
static bool wait_for(const struct cpu *cpu, uint64_t until_ns)
{
    static const struct timespec nap = {.tv_nsec = DELAY_NS};

    while (!has_come(cpu)) {
        if (pam_monotonic_ns() >= until_ns)
            return false;
        if (cpu->preempted)
            (void)nanosleep(&nap, NULL);
    }
    return true;
}

static void take_record(const struct perf_event_header *record, void *context)
{
    struct pam_snapshot *snapshot = context;
    struct pam_taken taken;

    if (record->type == PERF_RECORD_SAMPLE && pam_taken_parse(record, &snapshot->format, &taken) &&
        taken.time_ns >= snapshot->armed_ns)
        snapshot->take(&taken, snapshot->context);
}

/* Of a thread that has gone, as it would be copied when it comes back; before its ring is drained. */
static void disarm_own(struct pam_snapshot *snapshot, struct cpu *cpu)
{
    struct pam_snapshot_event *const event = cpu->armed;

    (void)ioctl(event->fd, PERF_EVENT_IOC_DISABLE, 0);
    event->owed = !has_come(cpu);
    if (snapshot->open > MOST_KEPT)
        close_event(snapshot, event, NOT_OPEN);
    cpu->armed = NULL;
}

void pam_snapshot_collect(struct pam_snapshot *snapshot, uint64_t wait_ns, pam_take_snapshot *take,
                          void *context)
{
    const uint64_t now_ns = pam_monotonic_ns();

    snapshot->take = take;
    snapshot->context = context;
    for (int i = 0; i < snapshot->cpus; i++) {
        struct cpu *const at = &snapshot->cpu[i];

        /* An event that is armed just when the kernel turns it off behind its sample before stays off. */
        if (at->armed && !wait_for(at, now_ns + wait_ns / 2)) {
            (void)ioctl(at->armed->fd, PERF_EVENT_IOC_ENABLE, 0);
            if (wait_for(at, now_ns + wait_ns)) /* maybe just before: then there is no limit left */
                (void)ioctl(at->armed->fd, PERF_EVENT_IOC_DISABLE, 0);
        }
        if (at->armed && snapshot->own)
            disarm_own(snapshot, at);
        if (at->ring.page && has_come(at)) {
            pam_ring_drain(&at->ring, take_record, snapshot);
            at->armed = NULL;
        }
    }
    snapshot->armed_ns = 0;
}
