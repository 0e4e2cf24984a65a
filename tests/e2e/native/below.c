/* below.c - native stacks that are known: a thread that computes and one that waits, each three calls deep.
 *
 * A program of its own, or a library for Python. Compiled with and without frame pointers. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define DEEP __attribute__((noinline, noclone))

static volatile unsigned long sink;

static double now(void)
{
    struct timespec at;

    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* Some 10 to 100 us of nothing but its own code. A function that calls none gets a frame only if it asks for one. */
DEEP void spin_leaf(void)
{
#ifdef FRAMES
    sink = (unsigned long)__builtin_frame_address(0);
#endif
    for (unsigned long i = 0; i < 20000; i++)
        sink = sink * 3 + i;
}

DEEP int spin_middle(int times)
{
    volatile int done = 0;

    while (done < times) {
        spin_leaf();
        done++;
    }
    return done;
}

DEEP int spin_outer(double seconds)
{
    const double end = now() + seconds;
    volatile int done = 0;

    while (now() < end)
        done += spin_middle(10);
    return done;
}

DEEP int turn_outer(double seconds)
{
    const double end = now() + seconds;
    volatile int done = 0;

    while (now() < end)
        for (int i = 0; i < 1000; i++)
            done += i;
    return done;
}

DEEP int hold_middle(int ms)
{
    volatile int r = poll(NULL, 0, ms);

    return r + 1;
}

DEEP int hold_outer(double seconds)
{
    const double end = now() + seconds;
    volatile int done = 0;

    while (now() < end)
        done += hold_middle(20);
    return done;
}

static void *hold(void *seconds)
{
    (void)hold_outer(*(double *)seconds);
    return NULL;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 5;
    pthread_t thread;

    (void)pthread_create(&thread, NULL, hold, &seconds);
    (void)printf("{\"pid\": %d}\n", (int)getpid());
    (void)fflush(stdout);
    (void)spin_outer(seconds);
    (void)pthread_join(thread, NULL);
    (void)printf("{\"truth\": {}}\n");
    return 0;
}
