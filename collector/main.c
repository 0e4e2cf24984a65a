/* main.c - pamcollect: finds the target, runs the sampling and writer threads, speaks to the user. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel/clocks.h"
#include "kernel/counters.h"
#include "kernel/event_list.h"
#include "options.h"
#include "status.h"
#include "target/find.h"
#include "target/launch.h"

static const char program[] = "pamcollect";

enum { LARGE_BYTES = 16 << 10 }; /* from here on memory is mapped, and costs only what is touched */

struct run {
    struct pam_options options;
    struct pam_target target;
    struct pam_output output;
    struct pam_events events;
    struct pam_settings settings;
    struct pam_sampler *sampler;
    struct pam_writer *writer;
    char reason[PAM_REASON_BYTES];
    struct pam_launch launch;
    bool reaped;
    bool interrupted; /* by Ctrl-C, which a command in the same terminal gets too */
    int wait_status;
};

/* The signals that end a capture well, and why; all are blocked and taken by sigtimedwait(). */
static const struct {
    int number;
    const char *reason;
} ending_signals[] = {
    {SIGINT, "interrupted (Ctrl-C)"},
    {SIGTERM, "terminated (SIGTERM)"},
    {SIGHUP, "hung up (SIGHUP)"},
};

enum { ENDING_SIGNALS = sizeof ending_signals / sizeof *ending_signals };

static void block_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    for (size_t i = 0; i < ENDING_SIGNALS; i++)
        (void)sigaddset(set, ending_signals[i].number);
    (void)sigaddset(set, SIGCHLD);
    (void)sigaddset(set, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

/* A descriptor for every thread of the target, so the usual 1024 may not do. And no huge pages: our
 * tables are large and sparse, and a board has no 2 MiB to spare for each page touched. */
static void set_own_limits(void)
{
    struct rlimit limit;

    (void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES); /* or glibc raises it, and zeroes what it has had before */
    (void)mallopt(M_ARENA_MAX, 1);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* One look for the process that is meant. */
static int look_for(struct run *run, struct pam_target *target, struct pam_error *error)
{
    const struct pam_options *options = &run->options;
    pid_t pid = options->pid;
    int r = 0;

    if (options->command) {
        r = pam_launch(&run->launch, options->command, run->output.is_stdout, error);
        pid = run->launch.pid;
        strcpy(run->reason, "it was started by pamcollect");
    } else if (pid) {
        strcpy(run->reason, "its id was given");
    } else if (options->match) {
        r = pam_find_match(options->match, &pid, run->reason, error);
    } else if (options->listen_port) {
        r = pam_find_listening(options->listen_port, &pid, run->reason, error);
    } else if (options->unit) {
        r = pam_find_unit(options->unit, &pid, run->reason, error);
    } else {
        r = pam_find_pam(&pid, run->reason, error);
    }
    return r < 0 ? r : pam_target_open(target, pid, error);
}

/* With --wait it looks again until there is a target, the time is over, or a signal comes. */
static int find_target(struct run *run, const sigset_t *signals, struct pam_error *error)
{
    static const struct timespec pause = {.tv_nsec = 200000000};
    const struct pam_options *options = &run->options;
    const uint64_t end_ns = options->wait_ns ? pam_monotonic_ns() + options->wait_ns : UINT64_MAX;
    int r = look_for(run, &run->target, error);

    if (r == PAM_NO_TARGET && options->wait && options->verbosity >= 0)
        fprintf(stderr, "%s: waiting for the target\n", program);
    while (r == PAM_NO_TARGET && options->wait && pam_monotonic_ns() < end_ns &&
           sigtimedwait(signals, NULL, &pause) < 0)
        r = look_for(run, &run->target, error);
    if (r == 0 && options->verbosity >= 0)
        fprintf(stderr, "%s: process %d (%.100s): %s%s\n", program, (int)run->target.pid,
                options->command ? options->command[0] : run->target.command_line, run->reason,
                run->output.is_stdout ? "; writing the capture to standard output" : "");
    return r;
}

/* For --follow, by the sampling thread: nobody else uses the target of a run that has started. */
static bool find_again(void *context)
{
    struct run *run = context;
    struct pam_target next = {.proc_fd = -1};
    struct pam_error ignored;

    if (look_for(run, &next, &ignored) < 0)
        return false;
    pam_target_close(&run->target);
    run->target = next;
    return true;
}

/* Without switch records the times in the capture are estimates: say so, once. And what else is less. */
static void tell_mode(const struct run *run)
{
    bool exact;
    const char *reason = pam_sampler_mode(run->sampler, &exact);

    if (run->options.verbosity > 0 || (run->options.verbosity == 0 && !exact))
        fprintf(stderr, "%s: %s%s\n", program, reason,
                exact ? "" : "; times are estimated from ticks");
    if (run->options.verbosity >= 0 && pam_sampler_warning(run->sampler)[0])
        fprintf(stderr, "%s: %s\n", program, pam_sampler_warning(run->sampler));
}

/* Its events are open: the command is watched from its first instruction. */
static int let_go(struct run *run, struct pam_error *error)
{
    const int r = pam_launch_go(&run->launch, run->options.command[0], error);
    struct pam_error ignored;
    uint64_t bytes;

    if (r == 0)
        return 0;
    pam_sampler_stop(run->sampler, "the command could not be executed");
    pam_sampler_join(run->sampler);
    (void)pam_writer_finish(run->writer, &bytes, &ignored);
    return r;
}

/* An event that cannot be had is refused before anything is started or written. */
static int choose_events(struct run *run, struct pam_error *error)
{
    int r;

    if (!run->options.events)
        return 0;
    r = pam_events_parse(&run->events, run->options.events, error);
    if (r == 0)
        r = pam_counters_try(&run->events, error);
    return r < 0 && run->options.command ? PAM_LAUNCH : r;
}

/* Everything that can fail without a trace comes before the output is created or replaced. */
static int start(struct run *run, const sigset_t *signals, struct pam_error *error)
{
    int r = choose_events(run, error);

    if (r == 0)
        r = pam_output_choose(&run->output, run->options.output, run->options.command != NULL,
                              run->options.scenario, error);
    if (r == 0 && run->options.command) /* a command whose capture has no place is not started */
        r = pam_output_open(&run->output, error) < 0 ? PAM_LAUNCH : 0;
    if (r == 0)
        r = find_target(run, signals, error);
    if (r < 0)
        return r;
    run->settings = (struct pam_settings){
        .scenario = run->options.scenario,
        .chosen_because = run->reason,
        .rate_mhz = run->options.rate_mhz,
        .interval_ns = run->options.interval_ns,
        .duration_ns = run->options.duration_ns,
        .tasks_ns = run->options.tasks_ns,
        .follow_children = run->options.follow_children,
        .keep_switches = run->options.keep_switches,
        .native = run->options.native,
        .kernel = run->options.kernel,
        .bundle = run->options.bundle,
        .may_become_python = run->launch.pid != 0 || run->options.wait || run->options.follow,
        .find_again = run->options.follow ? find_again : NULL,
        .find_context = run,
        .events = run->options.events ? &run->events : NULL,
        .marks = run->options.marks,
        .mark_count = run->options.mark_count,
    };
    set_own_limits(); /* after the launch: the command must not inherit them */
    r = pam_sampler_new(&run->sampler, &run->settings, &run->target, error);
    if (r == 0)
        tell_mode(run);
    if (r == 0 && !run->options.command)
        r = pam_output_open(&run->output, error);
    if (r == 0)
        pam_output_begin(&run->output);
    if (r == 0)
        r = pam_writer_start(&run->writer, run->output.fd,
                             run->output.is_stdout ? "standard output" : run->output.path,
                             run->options.sync_ns, pam_sampler_wake(run->sampler), error);
    if (r == 0)
        r = pam_sampler_start(run->sampler, run->writer, error);
    if (r == 0 && run->options.command)
        r = let_go(run, error);
    return r;
}

/* A command that we started and that has ended. It stays a zombie for the last look at it. */
static void notice_end(struct run *run)
{
    siginfo_t info = {0};

    if (run->launch.pid && waitid(P_PID, (id_t)run->launch.pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        info.si_pid)
        pam_sampler_stop(run->sampler, "the target exited");
}

static int columns(void)
{
    struct winsize size;

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

static void show_status(struct run *run)
{
    struct pam_progress progress;
    char line[256];

    pam_sampler_progress(run->sampler, &progress);
    if (!progress.elapsed_ns)
        return;
    pam_status_line(line, sizeof line, &progress, columns());
    fprintf(stderr, "\r%s\x1b[K", line);
}

/* Waits for the end: a signal, the duration, the target's exit, a closed output. A second signal
 * does not wait for a stuck output. */
static void supervise(struct run *run, const sigset_t *signals)
{
    const bool shows = run->options.verbosity >= 0 && isatty(STDERR_FILENO);
    /* The sampling thread sends a SIGCHLD when it ends, so without a status line nothing polls. */
    const struct timespec step = {.tv_sec = shows ? 1 : 3600};
    unsigned ended = 0;

    while (!pam_sampler_ended(run->sampler)) {
        const int signal_number = sigtimedwait(signals, NULL, &step);

        for (size_t i = 0; i < ENDING_SIGNALS; i++)
            if (signal_number == ending_signals[i].number) {
                pam_sampler_stop(run->sampler, ending_signals[i].reason);
                run->interrupted |= signal_number == SIGINT;
                if (++ended > 1)
                    _exit(128 + signal_number);
            }
        if (signal_number == SIGUSR1)
            pam_sampler_mark(run->sampler);
        notice_end(run);
        if (shows)
            show_status(run);
    }
    pam_sampler_join(run->sampler);
    if (shows)
        fputs("\r\x1b[K", stderr);
    /* From here on a signal acts as usual: writing the last block may hang on a stuck pipe. */
    (void)sigprocmask(SIG_UNBLOCK, signals, NULL);
}

/* The status of a command that we started; one that still runs goes on by itself, but for one that
 * Ctrl-C has reached too and that may need a moment to end. */
static int command_status(struct run *run)
{
    const struct timespec moment = {.tv_nsec = 10000000};

    for (int i = 0; run->interrupted && !run->reaped && i < 100; i++) {
        run->reaped = waitpid(run->target.pid, &run->wait_status, WNOHANG) == run->target.pid;
        (void)nanosleep(&moment, NULL);
    }
    if (!run->reaped && !pam_target_alive(&run->target))
        run->reaped = waitpid(run->target.pid, &run->wait_status, 0) == run->target.pid;
    return run->reaped ? pam_launch_status(run->wait_status) : 0;
}

static int finish(struct run *run, struct pam_error *error)
{
    struct pam_progress progress;
    uint64_t bytes = 0;
    int r = pam_writer_finish(run->writer, &bytes, error);

    run->writer = NULL;
    if (!run->output.is_stdout && close(run->output.fd) != 0 && r == 0)
        r = pam_fail(error, PAM_FAILED, "closing %s failed: %s", run->output.path, strerror(errno));
    pam_sampler_progress(run->sampler, &progress);
    progress.bytes = bytes;
    if (run->options.verbosity >= 0)
        pam_status_summary(stderr, &progress, &run->output);
    return r;
}

int main(int argc, char **argv)
{
    static struct run run = {.target.proc_fd = -1};
    struct pam_error error = {""};
    sigset_t signals;
    int status, r;

    pam_options_parse(&run.options, argc, argv);
    if (run.options.events && !strcmp(run.options.events, "list")) {
        pam_event_list_print(stdout);
        return fflush(stdout) == 0 ? 0 : 1;
    }
    block_signals(&signals);
    r = start(&run, &signals, &error);
    if (r == 0) {
        supervise(&run, &signals);
        r = finish(&run, &error);
    } else {
        pam_output_abandon(&run.output);
        if (run.launch.pid) {
            (void)kill(run.target.pid, SIGTERM); /* it must not go on as if nothing were wrong */
            (void)waitpid(run.target.pid, NULL, 0);
            r = r == PAM_NOT_FOUND || r == PAM_NOT_EXECUTABLE ? r : PAM_LAUNCH;
        }
    }
    if (r < 0)
        fprintf(stderr, "%s: %s\n", program, error.text);
    status = r < 0 ? pam_exit_status(r) : run.launch.pid ? command_status(&run) : 0;
    pam_sampler_free(run.sampler);
    pam_target_close(&run.target);
    return status;
}
