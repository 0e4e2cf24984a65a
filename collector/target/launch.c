/* launch.c - starting a command to profile it from its beginning. */
#include "target/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* 0, or the errno of who would execute this file. */
static int check_file(const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return errno;
    return S_ISDIR(status.st_mode) || access(path, X_OK) != 0 ? EACCES : 0;
}

/* As execvp() will look for it. */
static int check_command(const char *name)
{
    const char *path = getenv("PATH");
    int error = ENOENT;

    if (strchr(name, '/'))
        return check_file(name);
    for (const char *at = path ? path : "/bin:/usr/bin"; error; at++) {
        const size_t size = strcspn(at, ":");
        char file[PATH_MAX];
        int failure;

        (void)snprintf(file, sizeof file, "%.*s%s%s", (int)size, at, size ? "/" : "", name);
        failure = check_file(file);
        if (failure != ENOENT && failure != ENOTDIR) /* of several, what is wrong with one is worth telling */
            error = failure;
        at += size;
        if (!*at)
            break;
    }
    return error;
}

static int refuse(int failure, const char *name, struct pam_error *error)
{
    if (failure == ENOENT || failure == ENOTDIR)
        return pam_fail(error, PAM_NOT_FOUND, "there is no command '%s'", name);
    return pam_fail(error, PAM_NOT_EXECUTABLE, "cannot execute '%s': %s", name, strerror(failure));
}

/* In the child: undo what the collector changed, wait for the word, then become the command. A failure
 * is told to the parent through the pipe, which a successful exec closes. */
static void become(char *const argv[], bool keep_stdout_free, int go, int report)
{
    sigset_t none;
    char word;
    int error;

    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    if (keep_stdout_free)
        (void)dup2(STDERR_FILENO, STDOUT_FILENO);
    if (read(go, &word, 1) != 1)
        _exit(127); /* the collector has failed */
    (void)execvp(argv[0], argv);
    error = errno;
    (void)!write(report, &error, sizeof error);
    _exit(127);
}

int pam_launch(struct pam_launch *launch, char *const argv[], bool keep_stdout_free,
               struct pam_error *error)
{
    const int failure = check_command(argv[0]);
    int go[2], report[2];

    if (failure)
        return refuse(failure, argv[0], error);
    if (pipe2(go, O_CLOEXEC) != 0 || pipe2(report, O_CLOEXEC) != 0)
        return pam_fail(error, PAM_LAUNCH, "cannot make a pipe: %s", strerror(errno));
    launch->pid = fork();
    if (launch->pid == 0) {
        (void)close(go[1]);
        become(argv, keep_stdout_free, go[0], report[1]);
    }
    (void)close(go[0]);
    (void)close(report[1]);
    launch->go = go[1];
    launch->report = report[0];
    if (launch->pid > 0)
        return 0;
    launch->pid = 0;
    return pam_fail(error, PAM_LAUNCH, "cannot start a process: %s", strerror(errno));
}

int pam_launch_go(struct pam_launch *launch, const char *name, struct pam_error *error)
{
    int failure = 0;
    ssize_t got;

    (void)!write(launch->go, "", 1); /* if it is gone, the pipe below tells */
    (void)close(launch->go);
    do
        got = read(launch->report, &failure, sizeof failure);
    while (got < 0 && errno == EINTR);
    (void)close(launch->report);
    return got > 0 ? refuse(failure, name, error) : 0;
}

int pam_launch_status(int wait_status)
{
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}
