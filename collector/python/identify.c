/* identify.c - what stands at an address that may be CPython's _PyRuntime. */
#include "python/identify.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "python/objects.h"
#include "target/process.h"

enum {
    MAX_DEBUG_BYTES = 4096, /* of _Py_DebugOffsets; 584 in 3.13, 760 in 3.14 */
    DEBUG_VERSION = 8,      /* in it, after the cookie */
    DEBUG_FREE_THREADED = 16,
    TRIES = 3, /* of looking something up in a dict that may grow meanwhile */
};

/* What is known of a runtime before it is read by a row. */
struct claim {
    uint64_t address;
    uint32_t version_hex; /* 0: the rows that fit tell */
    bool free_threaded;
    bool debug_offsets;   /* it has them */
};

uint32_t pam_version_in_name(const char *path)
{
    const char *at = strstr(pam_base_name(path), "python");
    unsigned major, minor;

    return at && isdigit((unsigned char)at[6]) && sscanf(at + 6, "%u.%u", &major, &minor) == 2
               ? (uint32_t)(major << 24 | minor << 16) : 0;
}

/* Since 3.13 the runtime itself says of which version and kind it is; 3.11 and 3.12 have the constant
 * Py_Version (Python/getversion.c), which a stripped executable may not show. */
static struct claim claim_of(struct pam_remote *remote, uint64_t address, uint64_t version_address)
{
    struct claim claim = {.address = address};
    unsigned char head[DEBUG_FREE_THREADED + 8];
    unsigned long word = 0;

    if (pam_remote_read(remote, address, head, sizeof head) == 0 && !memcmp(head, "xdebugpy", 8)) {
        claim.debug_offsets = true;
        claim.version_hex = (uint32_t)pam_u64_at(head, DEBUG_VERSION);
        claim.free_threaded = pam_u64_at(head, DEBUG_FREE_THREADED) != 0;
    } else if (version_address &&
               pam_remote_read(remote, version_address, &word, sizeof word) == 0) {
        claim.version_hex = (uint32_t)word;
    }
    return claim;
}

static int another_version(const struct pam_runtime *runtime, pid_t pid, const struct claim *claim,
                           struct pam_error *error)
{
    return pam_fail(error, PAM_UNSUPPORTED, "process %d runs %sCPython %u.%u (%s); this program reads %s",
                    (int)pid, claim->free_threaded ? "a free-threaded build of " : "",
                    claim->version_hex >> 24, claim->version_hex >> 16 & 0xff, runtime->path,
                    pam_layout_versions());
}

static int another_layout(const struct pam_runtime *runtime, pid_t pid, const char *what,
                          struct pam_error *error)
{
    const struct pam_layout *layout = runtime->layout;

    return pam_fail(error, PAM_UNSUPPORTED,
                    "process %d runs a %sbuild of CPython %u.%u with another layout: %s (%s); builds with "
                    "the options of CPython's release or debug ones can be read", (int)pid,
                    layout->free_threaded ? "free-threaded " : "", layout->version >> 8,
                    layout->version & 0xff, what, runtime->path);
}

/* What the process says of its own layout against the row. */
static bool offsets_agree(const struct pam_runtime *runtime, struct pam_remote *remote,
                          struct pam_error *error)
{
    const struct pam_layout *layout = runtime->layout;
    unsigned char told[MAX_DEBUG_BYTES];

    if (!layout->debug_bytes || layout->debug_bytes > sizeof told ||
        pam_remote_read(remote, runtime->runtime, told, layout->debug_bytes) < 0)
        return true; /* what cannot be read is found out by who reads it next */
    for (const struct pam_layout_check *check = layout->checks; check->name; check++) {
        char what[128];

        if (pam_u64_at(told, check->at) == check->expected)
            continue;
        (void)snprintf(what, sizeof what, "its %s is %llu, not %u", check->name,
                       (unsigned long long)pam_u64_at(told, check->at), check->expected);
        (void)another_layout(runtime, remote->pid, what, error);
        return false;
    }
    return true;
}

/* An interpreter's thread states point back to it. */
static enum pam_identity find_interpreter(struct pam_runtime *runtime, struct pam_remote *remote)
{
    const struct pam_layout *layout = runtime->layout;
    uint64_t interpreter, thread, back;

    runtime->interpreter = 0;
    if (pam_remote_read(remote, runtime->runtime + layout->runtime_main_interpreter, &interpreter,
                        sizeof interpreter) < 0)
        return PAM_IS_NO_RUNTIME;
    if (!interpreter)
        return PAM_IS_ASLEEP;
    if (!pam_is_pointer(interpreter) ||
        pam_remote_read(remote, interpreter + layout->interp_threads_head, &thread, sizeof thread) < 0)
        return PAM_IS_NO_RUNTIME;
    if (!thread)
        return PAM_IS_ASLEEP;
    if (!pam_is_pointer(thread) ||
        pam_remote_read(remote, thread + layout->tstate_interp, &back, sizeof back) < 0 ||
        back != interpreter)
        return PAM_IS_NO_RUNTIME;
    runtime->interpreter = interpreter;
    return PAM_IS_RUNTIME;
}

/* The type of code objects, by the code of a function that every interpreter has; all types are of a
 * type that is of itself. */
static bool find_code_type(const struct pam_heap *heap, struct pam_runtime *runtime)
{
    const struct pam_layout *layout = heap->layout;
    const uint64_t function =
        pam_module_get(heap, runtime->interpreter, "_frozen_importlib", "_find_and_load");
    uint64_t code, type, name, type_type, type_type_type;
    char text[sizeof "code"];

    if (!pam_is_pointer(function) ||
        pam_remote_read(heap->remote, function + layout->function_code, &code, sizeof code) < 0 ||
        !pam_is_pointer(code) ||
        pam_remote_read(heap->remote, code + layout->object_type, &type, sizeof type) < 0 ||
        !pam_is_pointer(type) ||
        pam_remote_read(heap->remote, type + layout->type_name, &name, sizeof name) < 0 ||
        pam_remote_read(heap->remote, name, text, sizeof text) < 0 || memcmp(text, "code", sizeof text) ||
        pam_remote_read(heap->remote, type + layout->object_type, &type_type, sizeof type_type) < 0 ||
        pam_remote_read(heap->remote, type_type + layout->object_type, &type_type_type,
                        sizeof type_type_type) < 0 ||
        type_type != type_type_type)
        return false;
    runtime->code_type = type;
    return true;
}

static bool ignore_entry(uint64_t key, uint64_t value, void *context)
{
    (void)key;
    (void)value;
    (void)context;
    return false;
}

/* Reads sys.hexversion and a code object by the row: who finds both has the right one. An interpreter
 * that starts or ends has a dict of modules that lacks them, or none. */
static enum pam_identity check_objects(struct pam_runtime *runtime, struct pam_remote *remote)
{
    const struct pam_layout *layout = runtime->layout;
    const struct pam_heap heap = {remote, layout};
    uint64_t modules = 0, version;
    bool is_dict = false;

    if (pam_remote_read(remote, runtime->interpreter + layout->interp_modules, &modules, sizeof modules) < 0)
        return PAM_IS_NO_RUNTIME;
    for (int i = 0; modules && i < TRIES; i++) {
        is_dict |= pam_each_entry(&heap, modules, ignore_entry, NULL);
        if (!pam_read_int(&heap, pam_module_get(&heap, runtime->interpreter, "sys", "hexversion"), &version))
            continue;
        if (version >> 16 != layout->version)
            return PAM_IS_NO_RUNTIME;
        if (!find_code_type(&heap, runtime))
            continue;
        runtime->version_hex = (uint32_t)version;
        return PAM_IS_RUNTIME;
    }
    return !modules || is_dict ? PAM_IS_ASLEEP : PAM_IS_NO_RUNTIME;
}

/* By a row that is perhaps not the right one, an interpreter may seem to lack this or that; that there is
 * none at all is what only a runtime before its start says. */
static bool has_interpreter(struct pam_remote *remote, uint64_t address, const struct pam_layout *layout)
{
    uint64_t interpreter = 0;

    return pam_remote_read(remote, address + layout->runtime_main_interpreter, &interpreter,
                           sizeof interpreter) == 0 &&
           interpreter;
}

/* While it starts or ends, its objects may not read as such. */
static bool is_initialized(struct pam_remote *remote, uint64_t address, const struct pam_layout *layout)
{
    int initialized = 0;

    return pam_remote_read(remote, address + layout->runtime_initialized, &initialized,
                           sizeof initialized) == 0 &&
           initialized;
}

static enum pam_identity try_row(struct pam_runtime *runtime, struct pam_remote *remote,
                                 const struct claim *claim, const struct pam_layout *layout,
                                 struct pam_error *error)
{
    enum pam_identity identity;

    runtime->layout = layout;
    runtime->runtime = claim->address;
    runtime->version_hex = claim->version_hex;
    if (!offsets_agree(runtime, remote, error))
        return PAM_IS_UNSUPPORTED;
    identity = find_interpreter(runtime, remote);
    return identity == PAM_IS_RUNTIME ? check_objects(runtime, remote) : identity;
}

enum pam_identity pam_identify(struct pam_runtime *runtime, struct pam_remote *remote, uint64_t address,
                               uint64_t version_address, struct pam_error *error)
{
    struct claim claim = claim_of(remote, address, version_address);
    const uint32_t named = pam_version_in_name(runtime->path);
    const struct pam_layout *layout = NULL;
    bool asleep = false;

    if (!claim.version_hex && !pam_layout_for(named, false))
        claim.version_hex = named; /* 3.10 and before tell it in no other way */
    if (claim.version_hex) {
        layout = pam_layout_for(claim.version_hex, claim.free_threaded);
        if (!layout)
            return another_version(runtime, remote->pid, &claim, error), PAM_IS_UNSUPPORTED;
    }
    for (size_t i = 0; pam_layout_at(i); i++) {
        const struct pam_layout *row = pam_layout_at(i);
        enum pam_identity identity;

        if (layout ? row != layout : (row->debug_bytes != 0) != claim.debug_offsets)
            continue;
        identity = try_row(runtime, remote, &claim, row, error);
        if (identity == PAM_IS_RUNTIME || identity == PAM_IS_UNSUPPORTED)
            return identity;
        asleep |= identity == PAM_IS_ASLEEP && (layout || !has_interpreter(remote, address, row));
    }
    runtime->interpreter = 0;
    if (layout && !asleep && is_initialized(remote, address, layout))
        return another_layout(runtime, remote->pid, "its objects do not read as such", error),
               PAM_IS_UNSUPPORTED;
    return asleep || layout ? PAM_IS_ASLEEP : PAM_IS_NO_RUNTIME;
}
