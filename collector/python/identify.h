/* identify.h - what stands at an address that may be CPython's _PyRuntime: its version, its kind of
 * build, its main interpreter; or that it is none. */
#ifndef PAM_IDENTIFY_H
#define PAM_IDENTIFY_H

#include "python/runtime.h"

enum pam_identity {
    PAM_IS_NO_RUNTIME,
    PAM_IS_ASLEEP,      /* its interpreter has not started, or has ended */
    PAM_IS_UNSUPPORTED, /* it is one of another version or build; the error says which */
    PAM_IS_RUNTIME,
};

/* Fills `runtime` (but for `path`, which is set) for PAM_IS_RUNTIME. `version_address` is that of
 * Py_Version, 0 when it is not known. */
enum pam_identity pam_identify(struct pam_runtime *runtime, struct pam_remote *remote, uint64_t address,
                               uint64_t version_address, struct pam_error *error);

/* Major and minor of .../libpython3.10.so.1.0 or .../python3.10, as in PY_VERSION_HEX; 0: it tells none. */
uint32_t pam_version_in_name(const char *path);

#endif
