/* native_rig.h - native stacks from records made by hand, as names. */
#ifndef PAM_NATIVE_RIG_H
#define PAM_NATIVE_RIG_H

#include "symbols/natives.h"

enum { NATIVE_TEXT_BYTES = 16384 };

struct native_rig {
    struct pam_model *model;
    struct pam_labels *labels;
    struct pam_natives *natives;
    struct pam_error error;
};

/* With thread 1 of process 7. `sysroot` may be NULL. */
void native_rig_init(struct native_rig *rig, const char *sysroot);
void native_rig_done(struct native_rig *rig);

void native_rig_take(struct native_rig *rig, const struct pam_record *record);

/* Takes the record and names its frames, innermost first: "f g h", with `files` "f(a.so) g(a.so)". */
struct pam_native_stack native_rig_names(struct native_rig *rig, const struct pam_native *native,
                                         bool files, char text[NATIVE_TEXT_BYTES]);

#endif
