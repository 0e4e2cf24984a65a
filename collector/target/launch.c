/* launch.c - starting a command to profile it from its beginning. */
#include "target/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: undo what the collector changed, then become the command. A failure is told to the
 * parent through the pipe, which a successful exec closes. */
static void become(char *const argv[], bool keep_stdout_free, int report)
{
    sigset_t none;
    int error;

    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    if (keep_stdout_free)
        (void)dup2(STDERR_FILENO, STDOUT_FILENO);
    (void)execvp(argv[0], argv);
    error = errno;
    (void)!write(report, &error, sizeof error);
    _exit(127);
}

int pam_launch(char *const argv[], bool keep_stdout_free, pid_t *pid, struct pam_error *error)
{
    int report[2];
    int failure = 0;
    ssize_t got;

    if (pipe2(report, O_CLOEXEC) != 0)
        return pam_fail(error, PAM_LAUNCH, "cannot make a pipe: %s", strerror(errno));
    *pid = fork();
    if (*pid == 0)
        become(argv, keep_stdout_free, report[1]);
    (void)close(report[1]);
    if (*pid < 0) {
        (void)close(report[0]);
        return pam_fail(error, PAM_LAUNCH, "cannot start a process: %s", strerror(errno));
    }
    do
        got = read(report[0], &failure, sizeof failure);
    while (got < 0 && errno == EINTR);
    (void)close(report[0]);
    if (got <= 0)
        return 0;
    (void)waitpid(*pid, NULL, 0);
    if (failure == ENOENT)
        return pam_fail(error, PAM_NOT_FOUND, "there is no command '%s'", argv[0]);
    return pam_fail(error, PAM_NOT_EXECUTABLE, "cannot execute '%s': %s", argv[0],
                    strerror(failure));
}

int pam_launch_status(int wait_status)
{
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}
