/* options.c - the command line of pamcollect. */
#include "options.h"

#include <argp.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t MAX_SECONDS = UINT64_C(315360000); /* 10 years */
static const uint64_t MIN_INTERVAL_NS = UINT64_C(10000000); /* /proc counts in 10 ms */

enum { OPTION_NO_CHILDREN = 1000, OPTION_SYNC, OPTION_LISTEN, OPTION_UNIT, OPTION_MARK,
       OPTION_SWITCHES, OPTION_FOLLOW, OPTION_NATIVE, OPTION_KERNEL, OPTION_BUNDLE, OPTION_TASKS,
       OPTION_USAGE };

static const struct argp_option option_table[] = {
    {NULL, 0, NULL, 0, "Target (default: the running Petal App Manager):", 1},
    {"pid", 'p', "PID", 0, "this process", 1},
    {"match", 'm', "REGEX", 0, "the Python process whose command line matches", 1},
    {"listen", OPTION_LISTEN, "PORT", 0, "the Python process that listens on this TCP port", 1},
    {"unit", OPTION_UNIT, "NAME", 0, "the Python process of this systemd unit", 1},
    {"wait", 'w', "SECONDS", OPTION_ARG_OPTIONAL,
     "wait for the target to appear, for ever or so long", 1},
    {"follow", OPTION_FOLLOW, NULL, 0,
     "when the target exits, wait for it to start again, in the same capture", 1},
    {NULL, 0, NULL, 0, "Sampling:", 2},
    {"rate", 'r', "HZ", 0, "sampling rate, up to 10000 (default 100)", 2},
    {"interval", 'i', "SECONDS", 0, "resource interval, fractions allowed (default 1)", 2},
    {"duration", 'd', "SECONDS", 0,
     "stop after this time (default: until Ctrl-C or the target's exit)", 2},
    {"no-children", OPTION_NO_CHILDREN, NULL, 0, "leave the target's child processes out", 2},
    {"switches", OPTION_SWITCHES, NULL, 0, "keep every context switch, not sums per tick", 2},
    {"native", OPTION_NATIVE, NULL, 0, "native stacks of all threads beside Python's", 2},
    {"kernel", OPTION_KERNEL, NULL, 0, "the kernel's side of all stacks", 2},
    {"bundle", OPTION_BUNDLE, NULL, 0,
     "with --native: pack what another machine needs to read the stacks", 2},
    {"event", 'e', "LIST", 0,
     "count these events in each thread: cycles,page-faults,sched:sched_wakeup; {a,b} is a group, "
     "NAME:u counts user mode only, {a,b}:S at each sample too; 'list' prints what there is", 2},
    {"tasks", OPTION_TASKS, "SECONDS", 0,
     "tell this often what every pending asyncio task waits for", 2},
    {"mark", OPTION_MARK, "NAME@SECONDS", 0,
     "place a marker at this time (up to 64 of them; SIGUSR1 places one at once)", 2},
    {NULL, 0, NULL, 0, "Output:", 3},
    {"scenario", 's', "NAME", 0, "label, stored and used in names (default 'unnamed')", 3},
    {"output", 'o', "PATH", 0,
     "a file, a directory, or '-' (default: standard output when it is a pipe or a redirected "
     "file, else profiles/pam_SCENARIO_STAMP.pamcap)", 3},
    {"sync", OPTION_SYNC, "SECONDS", 0, "flush to the disk this often (default 10; 0: never)", 3},
    {"quiet", 'q', NULL, 0, "print errors only", 4},
    {"verbose", 'v', NULL, 0, "print more", 4},
    {"help", 'h', NULL, 0, "print this help", -1},
    {"usage", OPTION_USAGE, NULL, 0, "print the options in short", -1},
    {"version", 'V', NULL, 0, "print the version", -1},
    {0},
};

static const char description[] =
    "Sample a running Python service (stacks of all threads, CPU, memory) into one compact capture."
    "\vWith -- COMMAND the command is started and profiled from its beginning, and its exit status "
    "is passed on.\n\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 no such target, 4 not permitted.";

/* "1", "0.25", "1e3": digits first, so that "nan", "inf", "0x1" and "-1" are none. */
static bool parse_decimal(const char *text, double *value)
{
    char *end;

    if (!isdigit((unsigned char)text[0]) && text[0] != '.')
        return false;
    if (strpbrk(text, "xXpP"))
        return false;
    *value = strtod(text, &end);
    return *end == '\0' && end != text;
}

bool pam_parse_seconds(const char *text, uint64_t *ns)
{
    double seconds;

    if (!parse_decimal(text, &seconds) || !(seconds <= (double)MAX_SECONDS))
        return false;
    *ns = (uint64_t)(seconds * 1e9 + 0.5);
    return true;
}

bool pam_parse_rate(const char *text, uint64_t *rate_mhz)
{
    double hertz;

    if (!parse_decimal(text, &hertz) || !(hertz <= PAM_MAX_RATE_HZ))
        return false;
    *rate_mhz = (uint64_t)(hertz * 1000 + 0.5);
    return *rate_mhz > 0;
}

static void parse_pid(struct argp_state *state, const char *text, pid_t *pid)
{
    char *end;
    const long value = strtol(text, &end, 10);

    if (*end || end == text || value <= 0 || value > INT32_MAX)
        argp_error(state, "'%s' is not a process id", text);
    *pid = (pid_t)value;
}

static void parse_time(struct argp_state *state, const char *option, const char *text,
                       uint64_t min_ns, uint64_t *ns)
{
    if (!pam_parse_seconds(text, ns) || *ns < min_ns)
        argp_error(state, "--%s: '%s' is not a number of seconds%s", option, text,
                   min_ns > 1 ? " of 0.01 or more" : min_ns ? " above 0" : "");
}

static void parse_port(struct argp_state *state, const char *text, unsigned *port)
{
    char *end;
    const unsigned long value = strtoul(text, &end, 10);

    if (!isdigit((unsigned char)text[0]) || *end || value < 1 || value > 65535)
        argp_error(state, "--listen: '%s' is not a port from 1 to 65535", text);
    *port = (unsigned)value;
}

/* Keeps the marks in the order of their times, whatever the order of the options. */
static void parse_mark(struct argp_state *state, char *text, struct pam_options *options)
{
    char *at = strrchr(text, '@');
    struct pam_mark mark = {.name = text};
    size_t i = options->mark_count;

    if (!at || at == text || !pam_parse_seconds(at + 1, &mark.at_ns))
        argp_error(state, "--mark: '%s' is not NAME@SECONDS", text);
    if (options->mark_count == PAM_MAX_MARKS)
        argp_error(state, "--mark: there can be %d", PAM_MAX_MARKS);
    *at = '\0';
    for (; i > 0 && options->marks[i - 1].at_ns > mark.at_ns; i--)
        options->marks[i] = options->marks[i - 1];
    options->marks[i] = mark;
    options->mark_count++;
}

/* Several of them add up. */
static void parse_events(struct argp_state *state, const char *text, const char **events)
{
    char *both = NULL;

    if (!*events)
        *events = text;
    else if (asprintf(&both, "%s,%s", *events, text) < 0)
        argp_error(state, "--event: there is not enough memory");
    else
        *events = both;
}

static error_t check_whole(struct argp_state *state, const struct pam_options *options)
{
    const int targets = (options->pid != 0) + (options->match != NULL) + (options->unit != NULL) +
                        (options->listen_port != 0) + (options->command != NULL);

    if (targets > 1)
        argp_error(state, "--pid, --match, --listen, --unit and -- COMMAND name a target each: give "
                          "one of them");
    if (options->follow && (options->pid || options->command))
        argp_error(state, "--follow looks for the target again: name it by --match, --listen or --unit, "
                          "not by --pid or -- COMMAND");
    if (options->bundle && !options->native)
        argp_error(state, "--bundle packs what native stacks need: it goes with --native");
    if (options->wait && options->command)
        argp_error(state, "--wait has nothing to wait for with -- COMMAND");
    return 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct pam_options *options = state->input;

    switch (key) {
    case 'p': parse_pid(state, argument, &options->pid); break;
    case 'm': options->match = argument; break;
    case OPTION_LISTEN: parse_port(state, argument, &options->listen_port); break;
    case OPTION_UNIT: options->unit = argument; break;
    case 'w':
        options->wait = true;
        if (argument)
            parse_time(state, "wait", argument, 1, &options->wait_ns);
        break;
    case OPTION_FOLLOW: options->follow = true; break;
    case 'e': parse_events(state, argument, &options->events); break;
    case OPTION_MARK: parse_mark(state, argument, options); break;
    case 'r':
        if (!pam_parse_rate(argument, &options->rate_mhz))
            argp_error(state, "--rate: '%s' is not a rate in hertz from 0.001 to %d", argument,
                       PAM_MAX_RATE_HZ);
        break;
    case 'i': parse_time(state, "interval", argument, MIN_INTERVAL_NS, &options->interval_ns); break;
    case 'd': parse_time(state, "duration", argument, 1, &options->duration_ns); break;
    case OPTION_SYNC: parse_time(state, "sync", argument, 0, &options->sync_ns); break;
    case OPTION_NO_CHILDREN: options->follow_children = false; break;
    case OPTION_TASKS: parse_time(state, "tasks", argument, MIN_INTERVAL_NS, &options->tasks_ns); break;
    case OPTION_SWITCHES: options->keep_switches = true; break;
    case OPTION_NATIVE: options->native = true; break;
    case OPTION_KERNEL: options->kernel = true; break;
    case OPTION_BUNDLE: options->bundle = true; break;
    case 's': options->scenario = argument; break;
    case 'o': options->output = argument; break;
    case 'q': options->verbosity = -1; break;
    case 'v': options->verbosity = 1; break;
    case 'h': argp_state_help(state, state->out_stream, ARGP_HELP_STD_HELP); break;
    case OPTION_USAGE:
        argp_state_help(state, state->out_stream, ARGP_HELP_USAGE | ARGP_HELP_EXIT_OK);
        break;
    case 'V':
        puts("pamcollect " PAM_PROJECT_VERSION);
        exit(0);
    case ARGP_KEY_ARGS:
        if (!state->quoted)
            argp_error(state, "'%s' is no option; a command to start goes behind --",
                       state->argv[state->next]);
        options->command = state->argv + state->next;
        break;
    case ARGP_KEY_END: return check_whole(state, options);
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

void pam_options_parse(struct pam_options *options, int argc, char **argv)
{
    static const struct argp argp = {option_table, parse, "[-- COMMAND [ARG...]]", description,
                                     NULL, NULL, NULL};

    *options = (struct pam_options){
        .rate_mhz = 100000,
        .interval_ns = UINT64_C(1000000000),
        .sync_ns = UINT64_C(10000000000),
        .follow_children = true,
        .scenario = "unnamed",
    };
    argp_err_exit_status = 2;
    (void)argp_parse(&argp, argc, argv, ARGP_IN_ORDER | ARGP_NO_HELP, NULL, options);
}
