/* bundle.h - the parts of ELF files that unwinding and naming need, packed into the capture. */
#ifndef PAM_BUNDLE_H
#define PAM_BUNDLE_H

#include "native/native.h"
#include "target/modules.h"

enum { PAM_MAX_BUNDLED = 512 }; /* files */

struct pam_bundles {
    struct pam_bundled_file {
        char *path;                                /* as in `module` */
        unsigned char build_id[PAM_MAX_BUILD_ID];
        size_t build_id_size;
        int fd;                                    /* of the file; -1: it could not be opened */
    } files[PAM_MAX_BUNDLED];
    size_t count;
};

/* Opens those modules of the process in which addresses occurred. */
void pam_bundles_collect(struct pam_bundles *bundles, const struct pam_native_process *process,
                         const struct pam_modules *modules);

/* Records them. The recorder must be patient. */
void pam_bundles_record(const struct pam_bundles *bundles, struct pam_recorder *recorder);
void pam_bundles_done(struct pam_bundles *bundles);

/* The kernel's own library, which is in no file: from the process's memory. */
void pam_bundle_vdso(struct pam_native_process *process, const struct pam_module *module,
                     struct pam_recorder *recorder);

#endif
