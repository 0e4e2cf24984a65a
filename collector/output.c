/* output.c - where the capture goes: the rules of --output and its default. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <pam/naming.h>

#include "kernel/host.h"

static const char default_folder[] = "profiles";

static int check_stdout(struct pam_error *error)
{
    const int flags = fcntl(STDOUT_FILENO, F_GETFL);

    if (flags < 0)
        return pam_fail(error, PAM_USAGE, "standard output is closed: name a file with --output");
    if (isatty(STDOUT_FILENO))
        return pam_fail(error, PAM_USAGE,
                        "a capture is binary and standard output is a terminal: name a file with "
                        "--output, or pipe it into pamconvert");
    if (flags & O_APPEND)
        return pam_fail(error, PAM_USAGE,
                        "standard output appends to a file: a capture would not start at its "
                        "beginning and could not be read; use > instead of >>");
    return 0;
}

/* A pipe or a plain file that somebody redirected us to. */
static bool stdout_is_meant(void)
{
    struct stat status;

    return fstat(STDOUT_FILENO, &status) == 0 &&
           (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) || S_ISREG(status.st_mode));
}

static int join_name(struct pam_output *output, const char *folder, const char *scenario,
                     struct pam_error *error)
{
    struct timespec now;
    char name[256];
    size_t folder_size = strlen(folder);
    int size;

    while (folder_size > 1 && folder[folder_size - 1] == '/')
        folder_size--;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)pam_file_name(name, sizeof name, pam_text(scenario),
                        (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
                        pam_utc_offset_s(), ".pamcap");
    size = snprintf(output->path, sizeof output->path, "%.*s/%s", (int)folder_size, folder, name);
    if (size < 0 || (size_t)size >= sizeof output->path)
        return pam_fail(error, PAM_USAGE, "the name of the folder '%.100s...' is too long", folder);
    return 0;
}

static bool is_folder(const char *path)
{
    struct stat status;
    const size_t size = strlen(path);

    return (size && path[size - 1] == '/') || (stat(path, &status) == 0 && S_ISDIR(status.st_mode));
}

int pam_output_choose(struct pam_output *output, const char *option, bool has_command,
                      const char *scenario, struct pam_error *error)
{
    *output = (struct pam_output){.fd = -1, .path = "-"};
    if (option ? !strcmp(option, "-") : !has_command && stdout_is_meant()) {
        output->is_stdout = true;
        output->fd = STDOUT_FILENO;
        return check_stdout(error);
    }
    if (!option)
        return join_name(output, default_folder, scenario, error);
    if (!*option)
        return pam_fail(error, PAM_USAGE, "--output needs a name");
    if (is_folder(option))
        return join_name(output, option, scenario, error);
    if (strlen(option) >= sizeof output->path)
        return pam_fail(error, PAM_USAGE, "the name '%.100s...' is too long", option);
    strcpy(output->path, option);
    return 0;
}

/* Under sudo, what is made belongs to who called sudo. */
static void give_to_invoker(const char *path)
{
    const char *uid = getenv("SUDO_UID"), *gid = getenv("SUDO_GID");

    if (geteuid() == 0 && uid && gid)
        (void)!lchown(path, (uid_t)strtoul(uid, NULL, 10), (gid_t)strtoul(gid, NULL, 10));
}

static int make_folders(const char *path, struct pam_error *error)
{
    char folder[PAM_OUTPUT_PATH_BYTES];

    (void)snprintf(folder, sizeof folder, "%s", path);
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0777) == 0)
            give_to_invoker(folder);
        else if (errno != EEXIST)
            return pam_fail(error, PAM_FAILED, "cannot make the folder %s: %s", folder,
                            strerror(errno));
        *slash = '/';
    }
    return 0;
}

int pam_output_open(struct pam_output *output, struct pam_error *error)
{
    int r;

    if (output->is_stdout)
        return 0;
    r = make_folders(output->path, error);
    if (r < 0)
        return r;
    output->fd = open(output->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    output->created = output->fd >= 0;
    if (output->fd < 0 && errno == EEXIST)
        output->fd = open(output->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (output->fd < 0)
        return pam_fail(error, PAM_FAILED, "cannot write %s: %s; name another place with --output",
                        output->path, strerror(errno));
    give_to_invoker(output->path);
    return 0;
}

void pam_output_begin(const struct pam_output *output)
{
    if (!output->is_stdout)
        (void)!ftruncate(output->fd, 0); /* fails for what is no file and needs no emptying */
}

void pam_output_abandon(const struct pam_output *output)
{
    if (output->created)
        (void)unlink(output->path);
}
