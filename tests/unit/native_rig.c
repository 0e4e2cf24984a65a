/* native_rig.c - native stacks from records made by hand, as names. */
#include "native_rig.h"

#include "unit.h"

void native_rig_init(struct native_rig *rig, const char *sysroot)
{
    memset(rig, 0, sizeof *rig);
    assert_int_equal(pam_model_new(&rig->model, &rig->error), 0);
    assert_int_equal(pam_labels_new(&rig->labels, rig->model, false, &rig->error), 0);
    assert_int_equal(pam_natives_new(&rig->natives, rig->model, rig->labels, sysroot, &rig->error), 0);
    native_rig_take(rig, &(struct pam_record){.type = PAM_thread, .thread = {.id = 1, .pid = 7, .tid = 7}});
}

void native_rig_done(struct native_rig *rig)
{
    pam_natives_free(rig->natives);
    pam_labels_free(rig->labels);
    pam_model_free(rig->model);
}

void native_rig_take(struct native_rig *rig, const struct pam_record *record)
{
    const struct pam_event event = {.kind = PAM_EVENT_RECORD, .record = *record};

    assert_int_equal(pam_model_add(rig->model, &event, &rig->error), 0);
    assert_int_equal(pam_natives_add(rig->natives, &event, &rig->error), 0);
}

struct pam_native_stack native_rig_names(struct native_rig *rig, const struct pam_native *native,
                                         bool files, char text[NATIVE_TEXT_BYTES])
{
    struct pam_native_stack stack;
    size_t size = 0;

    native_rig_take(rig, &(struct pam_record){.type = PAM_native, .native = *native});
    stack = pam_natives_stack(rig->natives, pam_model_native_plus1(rig->model, native->id) - 1);
    text[0] = '\0';
    for (size_t i = 0; i < stack.user_count; i++) {
        struct pam_native_names names;

        assert_int_equal(pam_natives_names(rig->natives, stack.user[i], &names, &rig->error), 0);
        for (size_t j = 0; j < names.count && size < NATIVE_TEXT_BYTES; j++) {
            const struct pam_label label = pam_labels_get(rig->labels, names.labels[j]);

            size += (size_t)snprintf(text + size, NATIVE_TEXT_BYTES - size, "%s%.*s%s%.*s%s",
                                     size ? " " : "", (int)label.name.size,
                                     (const char *)label.name.data, files ? "(" : "",
                                     files ? (int)label.file.size : 0, (const char *)label.file.data,
                                     files ? ")" : "");
        }
    }
    return stack;
}
