/* calls.c - for LD_PRELOAD: counts the calls of each thread that allocate, open or format.
 *
 * Counted are those between COUNT_FROM and COUNT_TO, in seconds after the library was loaded. At the end of
 * the process the file COUNT_INTO gets a line a kind: thread, function, caller as offset in the program, count. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { KINDS = 512 };

static struct kind {
    char thread[16];
    const char *function;
    void *caller;
    atomic_uint count;
} kinds[KINDS];
static atomic_flag busy = ATOMIC_FLAG_INIT;
static double from, to;

static double now(void)
{
    struct timespec at;

    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void count(const char *function, void *caller)
{
    const double at = now();
    char thread[16] = "";

    if (at < from || at >= to)
        return;
    (void)prctl(PR_GET_NAME, thread);
    while (atomic_flag_test_and_set(&busy)) {
    }
    for (struct kind *kind = kinds; kind < kinds + KINDS; kind++) {
        if (kind->function && (kind->function != function || kind->caller != caller ||
                               memcmp(kind->thread, thread, sizeof thread) != 0))
            continue;
        memcpy(kind->thread, thread, sizeof thread);
        kind->function = function;
        kind->caller = caller;
        kind->count++;
        break;
    }
    atomic_flag_clear(&busy);
}

__attribute__((constructor)) static void start(void)
{
    const char *const begin = getenv("COUNT_FROM"), *const end = getenv("COUNT_TO");

    from = now() + (begin ? atof(begin) : 0);
    to = now() + (end ? atof(end) : 1e9);
}

__attribute__((destructor)) static void tell(void)
{
    const char *const path = getenv("COUNT_INTO");
    FILE *file;

    to = 0;
    file = path ? fopen(path, "w") : NULL;
    if (!file)
        return;
    for (struct kind *kind = kinds; kind < kinds + KINDS && kind->function; kind++) {
        Dl_info where = {0};
        const int known = dladdr(kind->caller, &where);

        fprintf(file, "%s\t%s\t%s+0x%lx\t%u\n", kind->thread, kind->function,
                known && where.dli_fname ? where.dli_fname : "?",
                (unsigned long)((uintptr_t)kind->caller - (uintptr_t)where.dli_fbase), kind->count);
    }
    fclose(file);
}

/* dlsym() itself may allocate: glibc's own functions stand in for malloc's family. */
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

#define HERE(name) count(name, __builtin_return_address(0))
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

void *malloc(size_t size) { return HERE("malloc"), __libc_malloc(size); }
void *calloc(size_t n, size_t size) { return HERE("calloc"), __libc_calloc(n, size); }
void *realloc(void *old, size_t size) { return HERE("realloc"), __libc_realloc(old, size); }
void *aligned_alloc(size_t at, size_t size) { return HERE("aligned_alloc"), __libc_memalign(at, size); }

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    HERE("mmap");
    return NEXT(mmap)(at, size, protection, flags, fd, offset);
}

int open(const char *path, int flags, ...)
{
    va_list more;
    mode_t mode;

    HERE("open");
    va_start(more, flags);
    mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return NEXT(open)(path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    va_list more;
    mode_t mode;

    HERE("openat");
    va_start(more, flags);
    mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return NEXT(openat)(folder, path, flags, mode);
}

FILE *fopen(const char *path, const char *mode) { return HERE("fopen"), NEXT(fopen)(path, mode); }
DIR *opendir(const char *path) { return HERE("opendir"), NEXT(opendir)(path); }
DIR *fdopendir(int fd) { return HERE("fdopendir"), NEXT(fdopendir)(fd); }

/* What the compiler makes of snprintf(), with and without _FORTIFY_SOURCE. */
int vsnprintf(char *into, size_t size, const char *format, va_list values)
{
    return HERE("vsnprintf"), NEXT(vsnprintf)(into, size, format, values);
}

int snprintf(char *into, size_t size, const char *format, ...)
{
    va_list values;
    int length;

    HERE("snprintf");
    va_start(values, format);
    length = NEXT(vsnprintf)(into, size, format, values);
    va_end(values);
    return length;
}

int __snprintf_chk(char *into, size_t size, int flags, size_t room, const char *format, ...)
{
    va_list values;
    int length;

    (void)flags, (void)room;
    HERE("snprintf");
    va_start(values, format);
    length = NEXT(vsnprintf)(into, size, format, values);
    va_end(values);
    return length;
}
