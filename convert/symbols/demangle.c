/* demangle.c - symbols of C++, Rust and Cython as the source has them. */
#include "symbols/demangle.h"

#include <libiberty/demangle.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A short symbol can stand for an endless name; time is bounded by not trying long ones. */
enum { MAX_MANGLED_BYTES = 2048 };

/* What Cython puts before its name of a function: Cython/Compiler/Naming.py. */
static const char *const cython_prefixes[] = {
    "__pyx_pw_", /* what Python calls */
    "__pyx_pf_", /* the body of a def */
    "__pyx_f_",  /* the body of a cdef */
    "__pyx_gb_", /* the body of a generator */
};

/* What compilers put behind the name of a part or a copy that they make of a function. */
static const char *const copies[] = {".cold", ".constprop.", ".isra.", ".llvm.", ".localalias", ".lto_priv.",
                                     ".part."};

struct buffer {
    char *text;
    size_t size;
};

static void append(const char *text, size_t size, void *context)
{
    struct buffer *buffer = context;
    const size_t room = PAM_FUNCTION_NAME_BYTES - 1 - buffer->size;

    if (size > room)
        size = room;
    memcpy(buffer->text + buffer->size, text, size);
    buffer->size += size;
    buffer->text[buffer->size] = '\0';
}

/* 3pkg_3mod_5Class_7method: lengths before the names around it; before its own a number that counts. */
static bool decode_cython(const char *symbol, struct buffer *buffer)
{
    const char *at = NULL;

    for (size_t i = 0; i < sizeof cython_prefixes / sizeof *cython_prefixes && !at; i++)
        if (!strncmp(symbol, cython_prefixes[i], strlen(cython_prefixes[i])))
            at = symbol + strlen(cython_prefixes[i]);
    if (!at)
        return false;
    for (;;) {
        char *name;
        const unsigned long length = strtoul(at, &name, 10);

        if (name == at || !length || strlen(name) <= length || name[length] != '_') {
            append(name, strlen(name), buffer);
            return buffer->size > 0;
        }
        append(name, length, buffer);
        append(".", 1, buffer);
        at = name + length + 1;
    }
}

/* Where the name of the function itself ends. */
static size_t own_size(const char *symbol)
{
    for (size_t at = 1; symbol[0] && symbol[at]; at++)
        for (size_t i = 0; symbol[at] == '.' && i < sizeof copies / sizeof *copies; i++)
            if (!strncmp(symbol + at, copies[i], strlen(copies[i])))
                return at;
    return strlen(symbol);
}

void pam_demangle(const char *symbol, char name[PAM_FUNCTION_NAME_BYTES])
{
    struct buffer buffer = {name, 0};
    char own[MAX_MANGLED_BYTES];
    const size_t size = own_size(symbol);

    (void)snprintf(own, sizeof own, "%.*s", size < sizeof own ? (int)size : (int)sizeof own - 1, symbol);
    name[0] = '\0';
    if (size < sizeof own && decode_cython(own, &buffer))
        return;
    buffer.size = 0;
    if (size < sizeof own && rust_demangle_callback(own, DMGL_NO_OPTS, append, &buffer))
        return;
    buffer.size = 0;
    if (size < sizeof own && cplus_demangle_v3_callback(own, DMGL_NO_OPTS, append, &buffer))
        return;
    buffer.size = 0;
    append(own, strlen(own), &buffer);
}
