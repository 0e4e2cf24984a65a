/* options.c - the command line, parsed by argp; lists of names in --help come from the tables. */
#include "options.h"

#include <argp.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifndef PAM_PROJECT_VERSION
#define PAM_PROJECT_VERSION "0.1.0"
#endif

enum {
    USAGE_STATUS = 2,
    KEY_USAGE = 0x100, /* no short option */
};

static const struct argp_option rows[] = {
    {"output", 'o', "PATH", 0,
     "Write to PATH: a file, a directory, or - for stdout (default: beside the input, x_cpu.png "
     "for x.pamcap, x.csv or x_cpu.csv)",
     0},
    {"kind", 'k', "NAME", 0, "What to draw, see below (default: cpu)", 0},
    {"terminal", 't', "NAME", 0,
     "Format of the picture, see below (default: by the suffix of PATH, else png)", 0},
    {"title", 'T', "TEXT", 0, "First line of the title (default: the scenario)", 0},
    {"quiet", 'q', NULL, 0, "Do not print the names of the files written", 0},
    {"help", 'h', NULL, 0, "Print this help", -1},
    {"version", 'V', NULL, 0, "Print the version", -1},
    {"usage", KEY_USAGE, NULL, OPTION_HIDDEN, "Print the options in short", -1},
    {NULL, 0, NULL, 0, NULL, 0},
};

static const char description[] =
    "Draw CPU and memory over time from captures of pamcollect, or from CSV files of pamconvert "
    "and of the old monitor. A CAPTURE of - is stdin; it needs -o."
    "\v"
    "exit status: 0 done, also for a capture with a cut tail; 1 failed, or damaged input "
    "(what could be read is drawn); 2 wrong usage.";

/* What stands below the options: the tables, so that it cannot be out of date. */
static char *list_tables(int key, const char *text, void *input)
{
    char *list = NULL;
    size_t size;
    FILE *out;

    (void)input;
    if (key != ARGP_KEY_HELP_POST_DOC || !(out = open_memstream(&list, &size)))
        return (char *)(uintptr_t)text;
    fputs("kinds:\n", out);
    for (size_t i = 0; plot_kind_at(i); i++)
        fprintf(out, "  %-10s %s\n", plot_kind_at(i)->name, plot_kind_at(i)->what);
    fputs("terminals:\n ", out);
    for (size_t i = 0; plot_terminal_at(i); i++)
        fprintf(out, " %s", plot_terminal_at(i)->name);
    fprintf(out, "\n\n%s", text);
    fclose(out);
    return list;
}

static void fail_unknown(const struct argp_state *state, const char *option, const char *name)
{
    argp_error(state, "there is no %s %s; --help lists them", option, name);
}

static bool is_directory(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* The output's suffix decides the terminal, unless --terminal does. */
static void settle(struct plot_options *options, const struct argp_state *state)
{
    const char *suffix;

    if (options->output) {
        const size_t size = strlen(options->output);

        if (!size)
            argp_error(state, "the path after -o is empty");
        options->output_is_directory =
            is_directory(options->output) || (size && options->output[size - 1] == '/');
        if (options->input_count > 1)
            argp_error(state, "-o goes with one input, not with %zu", options->input_count);
    } else if (!strcmp(options->inputs[0], "-")) {
        argp_error(state, "stdin needs -o PATH");
    }
    if (options->terminal)
        return;
    suffix = options->output && !options->output_is_directory ? plot_suffix(options->output) : NULL;
    options->terminal = suffix ? plot_terminal_find(suffix) : plot_terminal_at(0);
    if (!options->terminal)
        argp_error(state, "no terminal draws .%s; name one with --terminal", suffix);
}

static error_t take(int key, char *argument, struct argp_state *state)
{
    struct plot_options *options = state->input;

    switch (key) {
    case 'o':
        options->output = argument;
        return 0;
    case 'k':
        options->kind = plot_kind_find(argument);
        if (!options->kind)
            fail_unknown(state, "kind", argument);
        return 0;
    case 't':
        options->terminal = plot_terminal_find(argument);
        if (!options->terminal)
            fail_unknown(state, "terminal", argument);
        return 0;
    case 'T':
        options->title = argument;
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    case 'h':
        argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
        return 0;
    case 'V':
        puts("pamplot " PAM_PROJECT_VERSION);
        exit(fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS);
    case KEY_USAGE:
        argp_state_help(state, stdout, ARGP_HELP_USAGE | ARGP_HELP_EXIT_OK);
        return 0;
    case ARGP_KEY_ARGS:
        options->inputs = state->argv + state->next;
        options->input_count = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "no capture or CSV file given");
        return 0;
    case ARGP_KEY_SUCCESS:
        settle(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

void plot_options_parse(struct plot_options *options, int argc, char **argv)
{
    static const struct argp argp = {rows,        take, "CAPTURE|CSV...", description, NULL,
                                     list_tables, NULL};

    memset(options, 0, sizeof *options);
    options->kind = plot_kind_at(0);
    argp_err_exit_status = USAGE_STATUS;
    if (argc)
        argv[0] = program_invocation_short_name; /* messages of getopt begin with it */
    /* ARGP_NO_HELP: argp's own help has no -h. */
    argp_parse(&argp, argc, argv, ARGP_NO_HELP, NULL, options);
}
