/* floor.c - the least that a sampler of this rate can cost: a timer that does nothing, until
 * Ctrl-C.
 *
 *   floor RATE      prints how many ticks there were */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
    (void)signal_number;
    stopped = 1;
}

int main(int argc, char **argv)
{
    const long rate = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    const struct sigaction action = {.sa_handler = stop};
    struct timespec due;
    uint64_t ticks = 0;

    if (rate < 1 || rate > 1000000) {
        (void)fprintf(stderr, "usage: floor RATE\n");
        return 2;
    }
    (void)sigaction(SIGINT, &action, NULL);
    (void)clock_gettime(CLOCK_MONOTONIC, &due);
    while (!stopped) {
        due.tv_nsec += 1000000000 / rate;
        if (due.tv_nsec >= 1000000000) {
            due.tv_nsec -= 1000000000;
            due.tv_sec++;
        }
        if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == 0)
            ticks++;
    }
    printf("ticks: %llu\n", (unsigned long long)ticks);
    return 0;
}
