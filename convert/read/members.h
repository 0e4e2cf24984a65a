/* members.h - who is in a model: the captures, the commands of their processes, and their threads. */
#ifndef PAM_MEMBERS_H
#define PAM_MEMBERS_H

#include "model.h"

enum { PAM_MAX_COMMANDS = 4096 }; /* remembered at a time; the collector watches 512 processes */

struct pam_members {
    struct pam_thread_model *threads;
    size_t thread_count, thread_room;
    struct pam_capture_facts { /* of one of several captures */
        uint64_t target_pid;
        uint32_t scenario; /* text */
        enum pam_arch arch;
    } *captures;
    uint32_t capture_count;
    struct pam_command {
        uint64_t pid;
        uint32_t text_plus1;
    } commands[PAM_MAX_COMMANDS]; /* by the pid's remainder; the last one counts */
};

void pam_members_done(struct pam_members *members);

/* What follows is of another capture. 0, or negative when memory is short, like all below. */
int pam_members_start_capture(struct pam_members *members);
int pam_members_add_session(struct pam_members *members, const struct pam_session *session,
                            struct pam_table *texts);
int pam_members_add_process(struct pam_members *members, const struct pam_process *process,
                            struct pam_table *texts);

/* The index of the new thread. */
int64_t pam_members_new_thread(struct pam_members *members, uint64_t id);

/* What a record says of a thread; `name` is the text of its name. */
int pam_members_add_thread(struct pam_members *members, size_t index, const struct pam_thread *thread,
                           uint32_t name, struct pam_table *texts);

void pam_members_order(const struct pam_members *members, size_t *order);

#endif
