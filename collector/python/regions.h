/* regions.h - which parts of the target's memory hold a thread's frames, learnt from failed walks. */
#ifndef PAM_REGIONS_H
#define PAM_REGIONS_H

#include "python/walk.h"

enum {
    PAM_MAX_REGION_BYTES = 8 << 20, /* of one thread: PAM_MAX_DEPTH frames of 2 KiB each */
};

size_t pam_regions_count(const struct pam_py_thread *thread);
size_t pam_regions_bytes(const struct pam_py_thread *thread);

/* Reads where the walk got stuck: a changed C frame or chunk, a frame beyond the copied part of a
 * chunk, a chain of frames on the heap. False when nothing was learnt: the walk hit garbage. */
bool pam_regions_learn(struct pam_remote *remote, const struct pam_layout *layout,
                       const unsigned char *arena, struct pam_py_thread *thread, unsigned pass,
                       uint64_t missing);

/* After a walk: fits what is copied of the chunks to what is in use, and forgets heap frames that
 * no walk has met for a while. */
void pam_regions_age(const struct pam_layout *layout, const unsigned char *arena,
                     struct pam_py_thread *thread);

/* After a sample that was cut or failed, or not. The list of chunks is kept as long as the newest is the
 * same, so what was misread in it would stay: after many bad ones it is read again. */
void pam_regions_doubt(struct pam_py_thread *thread, bool is_bad);

/* Makes room for a stack of `depth` nodes. False when memory is short. */
bool pam_thread_node_room(struct pam_py_thread *thread, uint32_t depth);

#endif
