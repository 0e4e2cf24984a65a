/* price.c - what it costs to know who ran: calibrated at the start, on threads of our own. */
#include "kernel/price.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "kernel/clocks.h"

enum {
    BOUNCES = 100,  /* there and back, in one game */
    LOOKS = 8,      /* in one game of looking */
    GAMES = 3,      /* of each kind; the cheapest counts, for dearer ones were disturbed */
};

static const uint64_t USUAL_BURST_NS = 1000;
static const uint64_t DEAREST_BURST_NS = 20000;              /* more is a disturbance */
static const uint64_t LONGEST_NS = UINT64_C(30000000);       /* of the whole calibration */

struct partner {
    int to[2], from[2]; /* pipes */
    pid_t tid;
    clockid_t clock;
    cpu_set_t cpu;
};

static void *bounce(void *context)
{
    struct partner *partner = context;
    char ball;

    (void)pthread_setaffinity_np(pthread_self(), sizeof partner->cpu, &partner->cpu);
    partner->tid = gettid();
    while (read(partner->to[0], &ball, 1) == 1)
        if (write(partner->from[1], &ball, 1) != 1)
            break;
    return NULL;
}

/* CPU time of one burst of either; UINT64_MAX when the pipes failed or it took too long. */
static uint64_t play(const struct partner *partner, int bounces, uint64_t until_ns)
{
    const uint64_t before = pam_clock_ns(partner->clock) + pam_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    char ball = 0;

    for (int i = 0; i < bounces; i++)
        if (write(partner->to[1], &ball, 1) != 1 || read(partner->from[0], &ball, 1) != 1 ||
            pam_monotonic_ns() > until_ns)
            return UINT64_MAX;
    return (pam_clock_ns(partner->clock) + pam_clock_ns(CLOCK_THREAD_CPUTIME_ID) - before) /
           (2 * (uint64_t)bounces);
}

static uint64_t play_watched(const struct pam_activity *source, void *state, int proc_fd,
                             const struct partner *partner, uint64_t until_ns)
{
    struct pam_watch watches[2] = {{.tid = partner->tid, .proc_fd = proc_fd, .fd = -1},
                                   {.tid = gettid(), .proc_fd = proc_fd, .fd = -1}};
    uint64_t burst_ns = UINT64_MAX;
    int watched = 0;

    while (watched < 2 && source->watch(state, &watches[watched], PAM_BORN_BEFORE) == 0)
        watched++;
    if (watched == 2)
        burst_ns = play(partner, BOUNCES, until_ns);
    while (watched > 0)
        source->unwatch(state, &watches[--watched]);
    return burst_ns;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t compare(const struct pam_activity *source, void *state, int proc_fd,
                        const struct partner *partner)
{
    const uint64_t until_ns = pam_monotonic_ns() + LONGEST_NS;
    uint64_t alone_ns = UINT64_MAX, watched_ns = UINT64_MAX;

    if (play(partner, 1, until_ns) == UINT64_MAX) /* the partner is there */
        return USUAL_BURST_NS;
    for (int i = 0; i < GAMES; i++) {
        alone_ns = smaller(alone_ns, play(partner, BOUNCES, until_ns));
        watched_ns = smaller(watched_ns, play_watched(source, state, proc_fd, partner, until_ns));
    }
    if (watched_ns == UINT64_MAX || watched_ns <= alone_ns ||
        watched_ns - alone_ns > DEAREST_BURST_NS)
        return USUAL_BURST_NS;
    return watched_ns - alone_ns;
}

/* On one CPU, so that each burst of one ends with one of the other. */
static uint64_t play_with_partner(const struct pam_activity *source, void *state, int proc_fd,
                                  struct partner *partner)
{
    cpu_set_t before;
    pthread_t thread;
    uint64_t price_ns = USUAL_BURST_NS;

    if (pthread_getaffinity_np(pthread_self(), sizeof before, &before) != 0)
        return price_ns;
    CPU_ZERO(&partner->cpu);
    CPU_SET((size_t)sched_getcpu(), &partner->cpu);
    if (pthread_create(&thread, NULL, bounce, partner) != 0)
        return price_ns;
    (void)pthread_setaffinity_np(pthread_self(), sizeof partner->cpu, &partner->cpu);
    if (pthread_getcpuclockid(thread, &partner->clock) == 0)
        price_ns = compare(source, state, proc_fd, partner);
    (void)close(partner->to[1]); /* ends the partner */
    (void)pthread_join(thread, NULL);
    partner->to[1] = -1;
    (void)pthread_setaffinity_np(pthread_self(), sizeof before, &before);
    return price_ns;
}

uint64_t pam_price_of_burst(const struct pam_activity *source, const struct pam_clock_facts *clock)
{
    struct pam_clock_facts wanted = *clock;
    struct partner partner = {.to = {-1, -1}, .from = {-1, -1}};
    const int proc_fd = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    uint64_t price_ns = USUAL_BURST_NS;
    void *state;

    if (proc_fd >= 0 && pipe2(partner.to, O_CLOEXEC) == 0 && pipe2(partner.from, O_CLOEXEC) == 0 &&
        source->start(&state, &wanted, false) == 0) {
        price_ns = play_with_partner(source, state, proc_fd, &partner);
        source->stop(state);
    }
    for (int i = 0; i < 2; i++) {
        if (partner.to[i] >= 0)
            (void)close(partner.to[i]);
        if (partner.from[i] >= 0)
            (void)close(partner.from[i]);
    }
    if (proc_fd >= 0)
        (void)close(proc_fd);
    return price_ns;
}

static uint64_t look_often(struct pam_watch *watch)
{
    const uint64_t before = pam_clock_ns(CLOCK_THREAD_CPUTIME_ID);

    for (int i = 0; i < LOOKS; i++)
        (void)pam_schedstat_look(watch, 0, 0);
    return (pam_clock_ns(CLOCK_THREAD_CPUTIME_ID) - before) / LOOKS;
}

uint64_t pam_price_of_look(int proc_fd, pid_t tid)
{
    struct pam_watch watch = {.tid = tid, .proc_fd = proc_fd, .fd = -1};
    uint64_t price_ns = UINT64_MAX;

    if (pam_schedstat_open(&watch) < 0)
        return 0;
    for (int i = 0; i < GAMES; i++)
        price_ns = smaller(price_ns, look_often(&watch));
    pam_schedstat_close(&watch);
    return watch.known ? price_ns + 1 : 0;
}
