/* switches.c - what each way to learn who ran costs the target per context switch.
 *
 *   switches ROUNDS MILLISECONDS    prints "WAY<tab>NANOSECONDS" for each way, ROUNDS times
 *
 * Two threads on one CPU wake each other through pipes, as fast as they can; the time is their CPU
 * time, as others may use that CPU too. The ways alternate; each is opened on the two threads from
 * the main thread, as a collector does from outside. A way that the kernel refuses prints
 * "WAY<tab>-<tab>REASON". */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    THREADS = 2,
    MAX_CPUS = 64,
    RING_BYTES = 64 << 10,      /* as the collector's */
    CLOCK_PERIOD_NS = 10000000, /* 100 Hz of CPU time */
    HOOKS_LINGER_MS = 1300,     /* the kernel keeps its hooks for a second after the last close */
};

struct player {
    int from, to;
    clockid_t clock;
    _Atomic pid_t tid;
};

static int pinned_cpu, cpus;
static struct player players[THREADS];
static _Atomic uint64_t bounces;
static atomic_bool playing;

static uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void sleep_us(long us)
{
    const struct timespec time = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

    (void)nanosleep(&time, NULL);
}

static void pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

static uint64_t players_cpu_ns(void)
{
    uint64_t sum = 0;

    for (int i = 0; i < THREADS; i++) {
        struct timespec used;

        (void)clock_gettime(players[i].clock, &used);
        sum += (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
    }
    return sum;
}

/* At normal priority, Linux 6.18 lets two such threads keep a CPU for minutes: its kworkers starve
 * and disk writes hang. Under SCHED_IDLE others there wait for a tenth of a second at most, but
 * only when the main thread is under it too. They play for a moment at a time besides. */
static int stand_back(void)
{
    const struct sched_param none = {.sched_priority = 0};

    return sched_setscheduler(0, SCHED_IDLE, &none);
}

static void *play(void *argument)
{
    struct player *player = argument;
    char ball;

    pin(pinned_cpu);
    (void)pthread_getcpuclockid(pthread_self(), &player->clock);
    player->tid = (pid_t)syscall(SYS_gettid);
    while (read(player->from, &ball, 1) == 1) {
        while (!playing)
            sleep_us(1000);
        if (write(player->to, &ball, 1) != 1)
            break;
        bounces++; /* one switch: the other runs now */
    }
    return NULL;
}

/* --- the ways
 * ------------------------------------------------------------------------------------- */

struct events {
    int fds[THREADS * MAX_CPUS], count;
    void *rings[THREADS * MAX_CPUS];
};

static size_t ring_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE) + RING_BYTES;
}

/* Opens it with a ring of its own, or writing into that of `leader`; returns 0 or an errno. */
static int open_event(struct events *events, struct perf_event_attr attr, pid_t tid, int cpu,
                      int leader)
{
    const int fd = (int)syscall(SYS_perf_event_open, &attr, tid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    void *ring = MAP_FAILED;

    if (fd < 0)
        return errno;
    events->fds[events->count] = fd;
    if (leader >= 0)
        (void)ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, leader);
    else
        ring = mmap(NULL, ring_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    events->rings[events->count++] = ring;
    return 0;
}

static struct perf_event_attr attributes(uint64_t config)
{
    return (struct perf_event_attr){
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof(struct perf_event_attr),
        .config = config,
        .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
        .sample_id_all = 1,
        .exclude_kernel = 1,
        .use_clockid = 1,
        .clockid = CLOCK_MONOTONIC,
        .watermark = 1,
        .wakeup_watermark = RING_BYTES,
    };
}

static int open_nothing(struct events *events)
{
    (void)events;
    return 0;
}

/* As collector/kernel/perf.c: an event per thread and CPU, one ring per CPU. */
static int open_records(struct events *events)
{
    struct perf_event_attr attr = attributes(PERF_COUNT_SW_DUMMY);

    attr.context_switch = attr.task = attr.comm = attr.inherit = attr.inherit_thread = 1;
    for (int cpu = 0; cpu < cpus; cpu++) {
        int leader = -1;

        for (int i = 0; i < THREADS; i++) {
            const int r = open_event(events, attr, players[i].tid, cpu, leader);

            if (r)
                return r;
            if (leader < 0)
                leader = events->fds[events->count - 1];
        }
    }
    return 0;
}

/* A counter alone, of which only the page is looked at: did it come on since? */
static int open_page(struct events *events)
{
    int r = 0;

    for (int i = 0; i < THREADS && r == 0; i++)
        r = open_event(events, attributes(PERF_COUNT_SW_DUMMY), players[i].tid, -1, -1);
    return r;
}

static int open_thread_clocks(struct events *events)
{
    struct perf_event_attr attr = attributes(PERF_COUNT_SW_TASK_CLOCK);
    int r = 0;

    attr.sample_period = CLOCK_PERIOD_NS;
    for (int i = 0; i < THREADS && r == 0; i++)
        r = open_event(events, attr, players[i].tid, -1, -1);
    return r;
}

static int open_cpu_clocks(struct events *events)
{
    struct perf_event_attr attr = attributes(PERF_COUNT_SW_CPU_CLOCK);
    int r = 0;

    attr.sample_period = CLOCK_PERIOD_NS;
    for (int cpu = 0; cpu < cpus && r == 0; cpu++)
        r = open_event(events, attr, -1, cpu, -1);
    return r;
}

/* Everybody's switches on each CPU: no event has to be put in place and taken away at a switch. */
static int open_cpu_records(struct events *events)
{
    struct perf_event_attr attr = attributes(PERF_COUNT_SW_DUMMY);
    int r = 0;

    attr.context_switch = 1;
    for (int cpu = 0; cpu < cpus && r == 0; cpu++)
        r = open_event(events, attr, -1, cpu, -1);
    return r;
}

/* Reads the players' schedstat at `rate` until the time; without a rate it only sleeps. */
static void read_schedstat(long rate, uint64_t until_ns)
{
    int fds[THREADS];
    char text[128];

    for (int i = 0; i < THREADS; i++) {
        (void)snprintf(text, sizeof text, "/proc/self/task/%d/schedstat", (int)players[i].tid);
        fds[i] = open(text, O_RDONLY | O_CLOEXEC);
    }
    while (now_ns() < until_ns) {
        for (int i = 0; i < THREADS && rate; i++)
            (void)!pread(fds[i], text, sizeof text, 0);
        sleep_us(rate ? 1000000 / rate : 10000);
    }
    for (int i = 0; i < THREADS; i++)
        (void)close(fds[i]);
}

static const struct way {
    const char *name;
    int (*open)(struct events *events);
    long schedstat_rate;
} ways[] = {
    {"nothing", open_nothing, 0},
    {"schedstat reads, 100 Hz", open_nothing, 100},
    {"schedstat reads, 1000 Hz", open_nothing, 1000},
    {"clock per CPU", open_cpu_clocks,
     0}, /* before those that hook into switches: the hooks stay a while */
    {"switch records per CPU", open_cpu_records, 0},
    {"counter's page", open_page, 0},
    {"switch records", open_records, 0},
    {"clock per thread", open_thread_clocks, 0},
};

/* --- measuring
 * -------------------------------------------------------------------------------------- */

static void close_events(struct events *events)
{
    for (int i = 0; i < events->count; i++) {
        if (events->rings[i] != MAP_FAILED)
            (void)munmap(events->rings[i], ring_size());
        (void)close(events->fds[i]);
    }
}

static void measure(const struct way *way, long ms)
{
    struct events events = {.count = 0};
    const int r = way->open(&events);
    uint64_t start_ns, before;

    if (r) {
        printf("%s\t-\t%s\n", way->name, strerror(r));
    } else {
        playing = true;
        sleep_us(20000);
        start_ns = players_cpu_ns();
        before = bounces;
        read_schedstat(way->schedstat_rate, now_ns() + (uint64_t)ms * 1000000u);
        printf("%s\t%.1f\n", way->name,
               (double)(players_cpu_ns() - start_ns) / (double)(bounces - before));
        playing = false;
    }
    close_events(&events);
}

int main(int argc, char **argv)
{
    const long rounds = argc == 3 ? strtol(argv[1], NULL, 10) : 0;
    const long ms = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
    int pipes[THREADS][2];
    pthread_t thread;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
    pinned_cpu = cpus - 1;
    if (rounds < 1 || ms < 1 || cpus < 2 || cpus > MAX_CPUS) {
        (void)fprintf(stderr, "usage: switches ROUNDS MILLISECONDS, on 2 to %d CPUs\n",
                      (int)MAX_CPUS);
        return 2;
    }
    if (stand_back() != 0)
        return 1;
    for (int i = 0; i < THREADS; i++)
        if (pipe(pipes[i]) != 0)
            return 1;
    for (int i = 0; i < THREADS; i++) {
        players[i].from = pipes[i][0];
        players[i].to = pipes[1 - i][1];
        if (pthread_create(&thread, NULL, play, &players[i]) != 0)
            return 1;
    }
    pin(0);
    while (!players[0].tid || !players[1].tid)
        sleep_us(1000);
    (void)!write(pipes[0][1], "", 1);
    for (long round = 0; round < rounds; round++) {
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
            measure(&ways[i], ms);
        (void)fflush(stdout);
        sleep_us(HOOKS_LINGER_MS * 1000L);
    }
    return 0;
}
