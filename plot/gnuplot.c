/* gnuplot.c - starts gnuplot, feeds it, waits for it and reads what it complained about. */
#include "gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COMPLAINT_BYTES = 400 }; /* gnuplot's first lines; it repeats the script's line in them */

/* A file in memory, not a second pipe: two pipes can block each other. */
struct channels {
    int script[2];
    int complaints;
};

static void close_channels(struct channels *channels)
{
    const int all[] = {channels->script[0], channels->script[1], channels->complaints};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] >= 0)
            close(all[i]);
}

static int open_channels(struct channels *channels, struct pam_error *error)
{
    *channels = (struct channels){{-1, -1}, memfd_create("gnuplot-stderr", MFD_CLOEXEC)};
    if (channels->complaints >= 0 && pipe2(channels->script, O_CLOEXEC) == 0)
        return 0;
    pam_fail(error, PAM_FAILED, "cannot make a pipe for gnuplot: %s", strerror(errno));
    close_channels(channels);
    return PAM_FAILED;
}

/* Returns an errno. -d: no start-up file of the user changes the picture. */
static int spawn(pid_t *child, const struct channels *channels, int output_fd)
{
    static char name[] = "gnuplot";
    static char no_startup_files[] = "-d";
    char *const arguments[] = {name, no_startup_files, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t broken_pipe;
    int result;

    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    if (posix_spawn_file_actions_init(&actions) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    result = posix_spawn_file_actions_adddup2(&actions, channels->script[0], 0);
    if (!result)
        result = posix_spawn_file_actions_adddup2(&actions, output_fd, 1);
    if (!result)
        result = posix_spawn_file_actions_adddup2(&actions, channels->complaints, 2);
    if (!result)
        result = posix_spawnattr_setsigdefault(&attributes, &broken_pipe);
    if (!result)
        result = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    if (!result)
        result = posix_spawnp(child, name, &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return result;
}

/* False when gnuplot did not read it all; why is in its status and its complaints. */
static bool feed(int fd, void (*write_script)(FILE *, const void *), const void *context)
{
    FILE *script = fdopen(fd, "w");
    bool whole;

    if (!script) {
        close(fd);
        return false;
    }
    write_script(script, context);
    whole = !ferror(script);
    return fclose(script) == 0 && whole;
}

static int wait_for(pid_t child)
{
    int status;

    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return status;
}

/* As one line: empty lines and the arrow under the script's line say nothing in a sentence. */
static void read_complaints(int fd, char out[COMPLAINT_BYTES])
{
    const ssize_t got = pread(fd, out, COMPLAINT_BYTES - 1, 0);
    size_t size = 0;

    for (ssize_t i = 0; i < got; i++) {
        const bool blank = strchr(" \t\r\n", out[i]);

        if (!blank)
            out[size++] = out[i];
        else if (size && out[size - 1] != ' ')
            out[size++] = ' ';
    }
    while (size && out[size - 1] == ' ')
        size--;
    out[size] = '\0';
}

static int judge(int status, bool fed, const struct channels *channels, int output_fd,
                 struct pam_error *error)
{
    char complaints[COMPLAINT_BYTES];
    struct stat picture;

    if (status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 && fed &&
        fstat(output_fd, &picture) == 0 && picture.st_size > 0)
        return 0;
    read_complaints(channels->complaints, complaints);
    if (status >= 0 && WIFSIGNALED(status))
        return pam_fail(error, PAM_FAILED, "gnuplot was ended by signal %d (%s)%s%s",
                        WTERMSIG(status), strsignal(WTERMSIG(status)), *complaints ? ": " : "",
                        complaints);
    return pam_fail(error, PAM_FAILED, "gnuplot failed: %s",
                    *complaints ? complaints : "it gave no picture and no reason");
}

static int run(void (*write_script)(FILE *, const void *), const void *context, int output_fd,
               struct channels *channels, struct pam_error *error)
{
    pid_t child;
    bool fed;
    const int failed = spawn(&child, channels, output_fd);

    if (failed == ENOENT)
        return pam_fail(error, PAM_FAILED,
                        "gnuplot is not installed; it draws the pictures: "
                        "apt-get install gnuplot-nox");
    if (failed)
        return pam_fail(error, PAM_FAILED, "cannot start gnuplot: %s", strerror(failed));
    close(channels->script[0]);
    fed = feed(channels->script[1], write_script, context);
    channels->script[0] = -1;
    channels->script[1] = -1;
    return judge(wait_for(child), fed, channels, output_fd, error);
}

int plot_gnuplot_run(void (*write_script)(FILE *script, const void *context), const void *context,
                     int output_fd, struct pam_error *error)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;
    struct channels channels;
    int result;

    if (open_channels(&channels, error) < 0)
        return PAM_FAILED;
    sigaction(SIGPIPE, &ignore, &before); /* a gnuplot that gives up must not end us */
    result = run(write_script, context, output_fd, &channels, error);
    sigaction(SIGPIPE, &before, NULL);
    close_channels(&channels);
    return result;
}
