/* dw.c - loads libdw and finds its functions. */
#include "symbols/dw.h"

#include <dlfcn.h>
#include <string.h>

#define LIBRARY "libdw.so.1"

/* ISO C has no conversion from an object pointer to that of a function. */
static bool find(void *library, const char *name, void *function)
{
    void *const found = dlsym(library, name);

    memcpy(function, &found, sizeof found);
    return found != NULL;
}

const struct pam_dw *pam_dw_load(const char **why)
{
    static struct pam_dw dw;
    static bool loaded;
    void *library;

    if (loaded)
        return &dw;
    library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        *why = dlerror();
        return NULL;
    }
#define FIND(name)                                                                                 \
    if (!find(library, #name, &dw.name)) {                                                         \
        *why = LIBRARY " has no " #name "()";                                                      \
        return NULL;                                                                               \
    }
    PAM_DW_FUNCTIONS(FIND)
#undef FIND
    loaded = dw.elf_version(EV_CURRENT) != EV_NONE;
    *why = LIBRARY " knows no version of ELF";
    return loaded ? &dw : NULL;
}
