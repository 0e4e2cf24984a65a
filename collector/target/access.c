/* access.c - why the kernel refuses access to a process, and the remedy for what was found. */
#include "target/access.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/procfile.h"

static int yama_scope(void)
{
    char text[16];

    if (pam_read_file(AT_FDCWD, "/proc/sys/kernel/yama/ptrace_scope", text, sizeof text) <= 0)
        return 0;
    return atoi(text);
}

/* The real user of the process. The owner of /proc/PID would not do: that is root when the process
 * forbids dumps. */
static bool user_of(const struct pam_target *target, uid_t *uid)
{
    char text[4096];
    uint64_t value;

    if (pam_read_file(target->proc_fd, "status", text, sizeof text) <= 0 ||
        !pam_parse_key(text, "Uid", &value))
        return false;
    *uid = (uid_t)value;
    return true;
}

static void user_name(uid_t uid, char *name, size_t room)
{
    const struct passwd *entry = getpwuid(uid);

    if (entry)
        (void)snprintf(name, room, "%s", entry->pw_name);
    else
        (void)snprintf(name, room, "uid %u", (unsigned)uid);
}

int pam_access_refused(const struct pam_target *target, struct pam_error *error)
{
    static const char capability[] =
        "or let the program do it without: sudo setcap cap_sys_ptrace+ep $(command -v pamcollect)";
    const int scope = yama_scope();
    char owner[64], self[64];
    struct stat status;
    uid_t uid = 0;

    if (!user_of(target, &uid))
        return pam_fail(error, PAM_NO_TARGET, "process %d went away", (int)target->pid);
    user_name(uid, owner, sizeof owner);
    user_name(geteuid(), self, sizeof self);
    if (scope >= 3)
        return pam_fail(error, PAM_PERMISSION,
                        "process %d may not be read, nor any other, not even by root: "
                        "kernel.yama.ptrace_scope is %d, and stays so until the next boot; have it "
                        "set to less in /etc/sysctl.d, and boot",
                        (int)target->pid, scope);
    if (geteuid() == 0)
        return pam_fail(error, PAM_PERMISSION,
                        "process %d may not be read, even by root: this container or its seccomp "
                        "profile takes CAP_SYS_PTRACE away; run on the host, or start the container "
                        "with --cap-add SYS_PTRACE",
                        (int)target->pid);
    if (uid != geteuid())
        return pam_fail(error, PAM_PERMISSION,
                        "process %d belongs to %s and you are %s: run pamcollect with sudo or as "
                        "that user, %s",
                        (int)target->pid, owner, self, capability);
    /* The files of a process that may not be dumped belong to root, whoever runs it. */
    if (fstatat(target->proc_fd, "environ", &status, 0) == 0 && status.st_uid != uid)
        return pam_fail(error, PAM_PERMISSION,
                        "process %d is yours but forbids being read (it has extra rights or called "
                        "prctl(PR_SET_DUMPABLE, 0)): run pamcollect with sudo, %s",
                        (int)target->pid, capability);
    if (scope >= 1)
        return pam_fail(error, PAM_PERMISSION,
                        "process %d is yours, but this kernel lets a program read %s "
                        "(kernel.yama.ptrace_scope = %d): run pamcollect with sudo, %s; or allow it "
                        "for all until the next boot: sudo sysctl kernel.yama.ptrace_scope=0",
                        (int)target->pid, scope == 1 ? "only its children" : "others only as root",
                        scope, capability);
    return pam_fail(error, PAM_PERMISSION,
                    "the kernel refuses to let %s read process %d (it may have rights that you have "
                    "not, or a security module forbids it): run pamcollect with sudo, %s",
                    self, (int)target->pid, capability);
}
