/* error.h - what went wrong, as a code with one remedy each and a sentence; parts return it, main.c prints it.
 *
 * Functions of this project return 0 (or a non-negative result) on success and a negative
 * enum pam_result on failure, with the sentence in the struct pam_error they were given. */
#ifndef PAM_ERROR_H
#define PAM_ERROR_H

#include <stdarg.h>
#include <stdio.h>

/* CODE, exit status of the program, when.  Exit statuses are documented in the man pages. */
#define PAM_CODES(ROW)                                                                             \
    ROW(FAILED, 1, "a system call, a disk or a tool failed")                                       \
    ROW(DAMAGED, 1, "the input is not what it should be")                                          \
    ROW(MEMORY, 1, "out of memory")                                                                \
    ROW(USAGE, 2, "the command line is wrong")                                                     \
    ROW(NO_TARGET, 3, "no such process, or it went away")                                          \
    ROW(AMBIGUOUS, 3, "several processes match")                                                   \
    ROW(NOT_PYTHON, 3, "the process has no CPython runtime")                                       \
    ROW(UNSUPPORTED, 3, "a CPython version or build that cannot be read")                          \
    ROW(PERMISSION, 4, "the kernel refuses access to the process")                                 \
    ROW(LAUNCH, 125, "failed before the command was started")                                      \
    ROW(NOT_EXECUTABLE, 126, "the command exists but cannot be executed")                          \
    ROW(NOT_FOUND, 127, "the command does not exist")

enum pam_result_index {
#define PAM_ROW(code, status, when) PAM_INDEX_##code,
    PAM_CODES(PAM_ROW)
#undef PAM_ROW
};

enum pam_result {
#define PAM_ROW(code, status, when) PAM_##code = -1 - PAM_INDEX_##code,
    PAM_CODES(PAM_ROW)
#undef PAM_ROW
};

enum { PAM_ERROR_TEXT_BYTES = 2048 };

/* The sentence of the last failure: what happened, to what, what to do about it. */
struct pam_error {
    char text[PAM_ERROR_TEXT_BYTES];
};

/* Stores the sentence and returns the code, so that a part can write `return pam_fail(...)`. */
__attribute__((format(printf, 3, 4))) static inline int pam_fail(struct pam_error *error,
                                                                 enum pam_result code,
                                                                 const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return code;
}

/* The exit status that belongs to a result: 0 for success. */
static inline int pam_exit_status(int code)
{
    static const int status[] = {
#define PAM_ROW(name, exit_status, when) exit_status,
        PAM_CODES(PAM_ROW)
#undef PAM_ROW
    };
    const int index = -1 - code;

    if (code >= 0)
        return 0;
    return index < (int)(sizeof status / sizeof *status) ? status[index] : 1;
}

#endif
