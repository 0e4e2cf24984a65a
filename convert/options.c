/* options.c - the command line of pamconvert. */
#include "options.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    OPTION_ALL = 1000,
    OPTION_COLUMNS,
    OPTION_WEIGHT,
    OPTION_LIST,
    OPTION_THREAD,
    OPTION_PROCESS,
    OPTION_FROM,
    OPTION_TO,
    OPTION_ON_CPU,
    OPTION_NO_IDLE,
    OPTION_SYSROOT,
    OPTION_POSITIONS,
    OPTION_GIL,
    OPTION_USAGE,
};

static const struct argp_option option_table[] = {
    {"format", 'f', "NAME", 0, "output format (default: by the suffix of --output)", 1},
    {"output", 'o', "PATH", 0, "a file, a directory, or '-' (default: standard output)", 1},
    {"all", OPTION_ALL, NULL, 0,
     "write the usual set next to the capture: CAPTURE_profile.speedscope.json, CAPTURE_cpu.csv", 1},
    {"list-formats", OPTION_LIST, NULL, 0, "print the formats and end", 1},
    {"columns", OPTION_COLUMNS, "SET", 0, "csv: 'monitor' (the five columns, default) or 'all'", 2},
    {"weight", OPTION_WEIGHT, "WHAT", 0,
     "collapsed: 'wall' (microseconds, default), 'cpu' (microseconds) or 'samples'; collapsed and "
     "speedscope: an event of pamcollect --event '{EVENT}:S'", 2},
    {"positions", OPTION_POSITIONS, NULL, 0,
     "tell calls on one line apart, and their columns: collapsed, speedscope, tasks", 2},
    {"sysroot", OPTION_SYSROOT, "DIR", 0,
     "a copy of the board's files, for the names of native functions", 2},
    {NULL, 0, NULL, 0, "Only a part of it:", 3},
    {"thread", OPTION_THREAD, "REGEX", 0, "threads whose 'name (tid)' matches", 3},
    {"process", OPTION_PROCESS, "PID", 0, "threads of this process", 3},
    {"from", OPTION_FROM, "MOMENT", 0, "from this moment on: seconds, or a marker's name", 3},
    {"to", OPTION_TO, "MOMENT", 0, "up to this moment", 3},
    {"on-cpu", OPTION_ON_CPU, NULL, 0, "weigh stacks by CPU time instead of time passed", 3},
    {"no-idle", OPTION_NO_IDLE, NULL, 0, "leave out time in which a thread did not run", 3},
    {"gil", OPTION_GIL, NULL, 0, "leave out time in which a thread did not hold the GIL", 3},
    {"quiet", 'q', NULL, 0, "print errors only", 4},
    {"help", 'h', NULL, 0, "print this help", -1},
    {"usage", OPTION_USAGE, NULL, 0, "print the options in short", -1},
    {"version", 'V', NULL, 0, "print the version", -1},
    {0},
};

static const char description[] =
    "Turn captures of pamcollect into speedscope JSON, collapsed stacks, CSV and more. Several become "
    "one output, in the order of their starts and on one clock, or one each with --all or when --output "
    "is a directory. Without CAPTURE it reads standard input, also while pamcollect still writes it."
    "\vExit status: 0 done (also with a capture that ends early: a warning), 1 failed or damaged "
    "input (what could be read is written), 2 wrong usage.";

static const struct {
    const char *name;
    enum pam_weight weight;
} weights[] = {
    {"wall", PAM_WEIGHT_WALL},
    {"cpu", PAM_WEIGHT_CPU},
    {"samples", PAM_WEIGHT_SAMPLES},
};

/* What is none of the table is the name of an event, if the capture has it. */
static void parse_weight(const char *name, struct pam_options *options)
{
    options->weight = PAM_WEIGHT_EVENTS;
    options->event = name;
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++)
        if (!strcmp(weights[i].name, name))
            options->weight = weights[i].weight;
}

static void parse_columns(struct argp_state *state, const char *name, bool *all)
{
    *all = !strcmp(name, "all");
    if (!*all && strcmp(name, "monitor") != 0)
        argp_error(state, "--columns: '%s' is none of monitor, all", name);
}

static void list_formats(void)
{
    for (size_t i = 0; pam_formats[i]; i++)
        printf("%-14s %-16s %s\n", pam_formats[i]->name, pam_formats[i]->suffix,
               pam_formats[i]->what);
    exit(0);
}

static bool is_folder(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static const char *parse_folder(struct argp_state *state, const char *path)
{
    if (!is_folder(path))
        argp_error(state, "--sysroot: '%s' is no directory", path);
    return path;
}

static void check_whole(struct argp_state *state, struct pam_options *options)
{
    const bool to_file = options->output && strcmp(options->output, "-") != 0;

    if (options->output && !*options->output)
        argp_error(state, "--output needs a name");
    if (options->all && options->format)
        argp_error(state, "--all writes a fixed set of formats: leave --format out");
    if (options->all && options->capture_count == 0)
        argp_error(state, "--all names its files after the capture: give one as a file");
    if (options->all && options->output && !is_folder(options->output))
        argp_error(state, "--all writes several files: --output must be a directory that exists");
    if (!options->format && to_file && !is_folder(options->output))
        options->format = pam_format_by_path(options->output);
    if (!options->all && !options->format)
        argp_error(state, to_file ? "the suffix of '%s' is that of no format: give --format"
                                  : "give --format, --all, or --output with a known suffix (see "
                                    "--list-formats)", options->output);
    options->merge = !options->all && !(to_file && is_folder(options->output));
}

static void parse_thread(struct argp_state *state, const char *pattern, struct pam_filter *filter)
{
    char why[128];
    int r;

    if (filter->by_thread)
        regfree(&filter->thread);
    r = regcomp(&filter->thread, pattern, REG_EXTENDED | REG_NOSUB);
    if (r != 0) {
        (void)regerror(r, &filter->thread, why, sizeof why);
        argp_error(state, "--thread: '%s' is not a regular expression: %s", pattern, why);
    }
    filter->by_thread = true;
}

static void parse_process(struct argp_state *state, const char *text, uint64_t *pid)
{
    char *end;
    const long value = strtol(text, &end, 10);

    if (*end || end == text || value <= 0)
        argp_error(state, "--process: '%s' is not a process id", text);
    *pid = (uint64_t)value;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct pam_options *options = state->input;

    switch (key) {
    case 'f':
        options->format = pam_format_by_name(argument);
        if (!options->format)
            argp_error(state, "there is no format '%s' (see --list-formats)", argument);
        break;
    case 'o': options->output = argument; break;
    case OPTION_ALL: options->all = true; break;
    case OPTION_LIST: list_formats(); break;
    case OPTION_COLUMNS: parse_columns(state, argument, &options->all_columns); break;
    case OPTION_WEIGHT: parse_weight(argument, options); break;
    case OPTION_THREAD: parse_thread(state, argument, &options->filter); break;
    case OPTION_PROCESS: parse_process(state, argument, &options->filter.process); break;
    case OPTION_FROM: options->filter.from = pam_moment_parse(argument); break;
    case OPTION_TO: options->filter.to = pam_moment_parse(argument); break;
    case OPTION_ON_CPU: options->filter.on_cpu = true; break;
    case OPTION_GIL: options->filter.gil = true; break;
    case OPTION_NO_IDLE: options->filter.no_idle = true; break;
    case OPTION_POSITIONS: options->positions = true; break;
    case OPTION_SYSROOT: options->sysroot = parse_folder(state, argument); break;
    case 'q': options->quiet = true; break;
    case 'h': argp_state_help(state, state->out_stream, ARGP_HELP_STD_HELP); break;
    case OPTION_USAGE:
        argp_state_help(state, state->out_stream, ARGP_HELP_USAGE | ARGP_HELP_EXIT_OK);
        break;
    case 'V':
        puts("pamconvert " PAM_PROJECT_VERSION);
        exit(0);
    case ARGP_KEY_ARGS:
        options->captures = state->argv + state->next;
        options->capture_count = state->argc - state->next;
        break;
    case ARGP_KEY_END: check_whole(state, options); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

void pam_options_parse(struct pam_options *options, int argc, char **argv)
{
    static const struct argp argp = {option_table, parse, "[CAPTURE...]", description,
                                     NULL, NULL, NULL};

    memset(options, 0, sizeof *options);
    argp_err_exit_status = 2;
    (void)argp_parse(&argp, argc, argv, ARGP_NO_HELP, NULL, options);
}
