/* objects.h - reading str, bytes, tuple, int, dict and instance attributes out of a target.
 *
 * Everything in a target may change or be garbage while it is read: each function checks what it
 * can, obeys a bound, and returns false rather than guess. Layouts: CPython's Include/cpython. */
#ifndef PAM_OBJECTS_H
#define PAM_OBJECTS_H

#include "python/layout.h"
#include "python/remote.h"

enum {
    PAM_MAX_DICT = 1 << 16,  /* entries looked at in one dict: sys.modules of a large program is 5,000 */
    PAM_MAX_TUPLE = 1 << 12, /* names of one function */
};

struct pam_heap {
    struct pam_remote *remote;
    const struct pam_layout *layout;
};

/* 0 when it cannot be read. */
uint64_t pam_word_at(const struct pam_heap *heap, uint64_t address);

/* The beginning of a str object: its header and the first characters of a short ASCII one. */
enum { PAM_STR_COPY_BYTES = 96 };
struct pam_str_copy {
    uint64_t address;
    size_t size; /* of what could be read */
    unsigned char bytes[PAM_STR_COPY_BYTES];
};

/* Its text as UTF-8; what is not in the copy is read. `cut`: it had more than there was room for. */
bool pam_decode_str(const struct pam_heap *heap, const struct pam_str_copy *copy, char *out,
                    size_t room, size_t *size, bool *cut);

/* A str as UTF-8, at most `room` bytes, cut between characters; lone surrogates become U+FFFD. */
bool pam_read_str(const struct pam_heap *heap, uint64_t address, char *out, size_t room,
                  size_t *size);

/* A bytes object. False when it is larger than `room`. */
bool pam_read_bytes(const struct pam_heap *heap, uint64_t address, unsigned char *out, size_t room,
                    size_t *size);

/* A tuple of str, each as UTF-8 closed by a zero byte; false when they need more than `room`. */
bool pam_read_names(const struct pam_heap *heap, uint64_t address, char *out, size_t room,
                    size_t *size);

/* How long the index in front of a dict's entries is, by its copied PyDictKeysObject; false when it is none.
 * Before 3.11 it follows from the number of slots: DK_IXSIZE, Objects/dictobject.c. */
bool pam_dict_index_bytes(const struct pam_layout *layout, const unsigned char *object, uint64_t *index_bytes);

/* Calls `visit` with the key and value addresses of each entry until it returns false. */
typedef bool pam_visit_entry(uint64_t key, uint64_t value, void *context);
bool pam_each_entry(const struct pam_heap *heap, uint64_t dict, pam_visit_entry *visit,
                    void *context);

/* The value for a short ASCII key, 0 when it is not there. */
uint64_t pam_dict_get(const struct pam_heap *heap, uint64_t dict, const char *key);

/* The value of a name in a module of the interpreter, 0 when it is not there. */
uint64_t pam_module_get(const struct pam_heap *heap, uint64_t interpreter, const char *module,
                        const char *name);

/* A non-negative int below 2^64; and of a copy of its first PAM_INT_BYTES. */
enum { PAM_INT_BYTES = 64 };
bool pam_read_int(const struct pam_heap *heap, uint64_t address, uint64_t *value);
bool pam_decode_int(const struct pam_layout *layout, const unsigned char *object, uint64_t *value);

/* The value of an attribute kept in the instance itself, in a slot too; 0 when it is not there. */
uint64_t pam_instance_get(const struct pam_heap *heap, uint64_t object, const char *name);

#endif
