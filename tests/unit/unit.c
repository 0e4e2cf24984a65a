/* unit.c - what most unit tests use: children that may crash, files in memory. */
#include "unit.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

bool survives(void (*act)(void *context), void *context)
{
    static const int caught[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGSYS};
    int status = 0;
    pid_t child;

    (void)fflush(NULL);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        /* Else cmocka would go on with the next test, in the child. */
        for (size_t i = 0; i < COUNT(caught); i++)
            (void)signal(caught[i], SIG_DFL);
        (void)setenv("CMOCKA_TEST_ABORT", "1", 1);
        act(context);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int memory_file(const void *bytes, size_t size)
{
    const int fd = memfd_create("unit", MFD_CLOEXEC);

    assert_true(fd >= 0);
    for (size_t done = 0; done < size;) {
        const ssize_t wrote = write(fd, (const char *)bytes + done, size - done);

        assert_true(wrote > 0);
        done += (size_t)wrote;
    }
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

char *file_text(int fd, size_t *size)
{
    const off_t end = lseek(fd, 0, SEEK_END);
    char *text;

    assert_true(end >= 0);
    text = malloc((size_t)end + 1);
    assert_non_null(text);
    assert_int_equal(pread(fd, text, (size_t)end, 0), end);
    text[end] = '\0';
    *size = (size_t)end;
    return text;
}
