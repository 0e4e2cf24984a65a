/* python.h - objects, threads and frames in a fake target, laid out as CPython does. */
#ifndef PAM_FAKE_PYTHON_H
#define PAM_FAKE_PYTHON_H

#include "python/objects.h"
#include "target.h"

/* Those that there are layouts of: PY_VERSION_HEX >> 16, and a bit more for a free-threaded build. */
enum { PYTHON_FREE_THREADED = 0x10000 };
#define PYTHON_VERSIONS \
    {0x0308, 0x0309, 0x030a, 0x030b, 0x030c, 0x030d, 0x030e, \
     PYTHON_FREE_THREADED | 0x030d, PYTHON_FREE_THREADED | 0x030e}

struct python {
    struct target *target;
    const struct pam_layout *layout;
    uint64_t runtime, interpreter, code_type, str_type;
    uint64_t gil;             /* its struct _gil_runtime_state; nobody holds it */
    struct pam_heap heap; /* for the readers of objects */
};

/* `version`: one of PYTHON_VERSIONS. */
void python_init(struct python *python, struct target *target, struct pam_remote *remote,
                 uint32_t version);

/* --- objects: each returns the address ------------------------------------------------------- */

uint64_t python_str(struct python *python, const char *ascii);

/* A str of `length` characters of `kind` bytes each that is not ASCII. */
uint64_t python_wide_str(struct python *python, unsigned kind, const void *characters,
                         size_t length);

uint64_t python_bytes(struct python *python, const void *bytes, size_t size);
uint64_t python_tuple(struct python *python, const uint64_t *items, size_t count);
uint64_t python_int(struct python *python, int64_t digits, const uint32_t *digit);

struct python_entry {
    uint64_t key, value;
};

/* A dict; `general`: its keys may be anything, so the entries have hashes. */
uint64_t python_dict(struct python *python, const struct python_entry *entries, size_t count,
                     bool general);

/* The same entries of a general dict, with other keys and values. */
void python_refill(struct python *python, uint64_t dict, const struct python_entry *entries,
                   size_t count);

/* PyDictKeysObject alone, for split dicts and instances. */
uint64_t python_keys(struct python *python, const struct python_entry *entries, size_t count,
                     bool general);

/* A dict whose values stand apart from its keys. */
uint64_t python_split_dict(struct python *python, uint64_t keys, const uint64_t *values,
                           size_t count);

/* An instance of a heap type; attributes in values with shared keys (`dict` 0) or in a dict. */
uint64_t python_instance(struct python *python, uint64_t keys, const uint64_t *values, size_t count,
                         uint64_t dict);

/* A code object of file "f.py". A frame that runs it has `words` words of locals and stack. */
uint64_t python_code(struct python *python, const char *name, uint32_t units, uint32_t words);

/* --- threads ------------------------------------------------------------------------------------
 */

struct python_thread {
    struct python *python;
    uint64_t tstate, cframe;
    uint64_t chunk, top;  /* as in the thread state */
    uint64_t current;     /* innermost frame */
    uint64_t chunk_bytes; /* of new chunks */
    uint64_t spare[8];    /* chunks that were given back */
    size_t spare_count;
    /* Frame objects that were given back: one is kept for its code, others for any (frame_dealloc() of
     * Objects/frameobject.c). */
    struct {
        uint64_t code, frame;
    } kept[64];
    uint64_t free_frames[64];
    size_t free_count;
};

void python_thread(struct python_thread *thread, struct python *python, uint64_t unique_id,
                   uint64_t chunk_bytes);

/* A call: the frame's address. `unit_plus1` as in a capture. */
uint64_t python_push(struct python_thread *thread, uint64_t code, uint64_t unit_plus1);

/* A generator or coroutine that goes on: its frame is on the heap, where no other was. */
uint64_t python_push_heap(struct python_thread *thread, uint64_t code, uint64_t unit_plus1);

/* The same, whose frame is there already. */
void python_push_at(struct python_thread *thread, uint64_t frame, uint64_t code, uint64_t unit_plus1);

/* A return. */
void python_pop(struct python_thread *thread);

void python_set_unit(struct python_thread *thread, uint64_t frame, uint64_t unit_plus1);

#endif
