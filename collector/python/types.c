/* types.c - types of the target, read once, known by their address: what an object is. */
#include "python/types.h"

#include <string.h>

enum {
    TYPE_BYTES = 512, /* covers the fields that are read */
    MOST_BASES = 16,  /* of a class that is derived from another that is ... */
};

/* Wrappers keep what they wrap behind their header: Objects/genobject.c (PyCoroWrapper,
 * PyAsyncGenASend, PyAsyncGenAThrow), Objects/iterobject.c (anextawaitableobject),
 * Modules/_asynciomodule.c (futureiterobject); the same in 3.8-3.14. */
static const struct {
    const char *name;
    enum pam_type_kind kind;
} kinds[] = {
    {"str", PAM_TYPE_STR},
    {"int", PAM_TYPE_INT},
    {"list", PAM_TYPE_LIST},
    {"set", PAM_TYPE_SET},
    {"frame", PAM_TYPE_FRAME},
    {"function", PAM_TYPE_FUNCTION},
    {"method", PAM_TYPE_METHOD},
    {"_asyncio.Future", PAM_TYPE_FUTURE},
    {"_asyncio.Task", PAM_TYPE_TASK},
    {"coroutine", PAM_TYPE_COROUTINE},
    {"generator", PAM_TYPE_GENERATOR},
    {"async_generator", PAM_TYPE_ASYNC_GENERATOR},
    {"coroutine_wrapper", PAM_TYPE_WRAPPER},
    {"async_generator_asend", PAM_TYPE_WRAPPER},
    {"async_generator_athrow", PAM_TYPE_WRAPPER},
    {"anext_awaitable", PAM_TYPE_WRAPPER},
    {"_asyncio.FutureIter", PAM_TYPE_WRAPPER},
    {"_GatheringFuture", PAM_TYPE_GATHERING},
};

void pam_types_forget(struct pam_types *types)
{
    memset(types, 0, sizeof *types);
}

static bool read_type(const struct pam_heap *heap, uint64_t address, unsigned char *copy)
{
    const struct pam_layout *layout = heap->layout;
    const size_t size = (layout->type_base > layout->type_basic_size ? layout->type_base
                                                                     : layout->type_basic_size) + 8;

    return pam_is_pointer(address) && size <= TYPE_BYTES &&
           pam_remote_read(heap->remote, address, copy, size) == 0;
}

/* tp_name is a C string; it may be the last of its mapping. */
static bool read_name(const struct pam_heap *heap, uint64_t address, char *name)
{
    for (size_t size = PAM_TYPE_NAME_BYTES - 1; size >= 7; size /= 2) {
        memset(name, 0, PAM_TYPE_NAME_BYTES);
        if (pam_remote_read(heap->remote, address, name, size) == 0)
            return *name;
    }
    return false;
}

static enum pam_type_kind kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].name, name))
            return kinds[i].kind;
    return PAM_TYPE_OTHER;
}

/* The first of the type and its bases that is of a kind decides. A Task of another size is none that
 * the layout is about. */
static enum pam_type_kind kind_by_bases(const struct pam_heap *heap, unsigned char *copy,
                                        const char *own_name)
{
    const struct pam_layout *layout = heap->layout;
    enum pam_type_kind kind = kind_of(own_name);

    for (int i = 0; kind == PAM_TYPE_OTHER && i < MOST_BASES; i++) {
        char name[PAM_TYPE_NAME_BYTES];

        if (!read_type(heap, pam_u64_at(copy, layout->type_base), copy) ||
            !read_name(heap, pam_u64_at(copy, layout->type_name), name))
            return kind;
        kind = kind_of(name) == PAM_TYPE_TASK ? PAM_TYPE_TASK : PAM_TYPE_OTHER;
    }
    if (kind == PAM_TYPE_TASK && pam_u64_at(copy, layout->type_basic_size) != layout->task_bytes)
        return PAM_TYPE_OTHER;
    return kind;
}

const struct pam_type *pam_type_get(struct pam_types *types, const struct pam_heap *heap,
                                    uint64_t address)
{
    struct pam_type *type = &types->slots[(address >> 5 ^ address >> 13) & (PAM_TYPES - 1)];
    unsigned char copy[TYPE_BYTES];

    if (address && type->address == address)
        return type;
    if (!read_type(heap, address, copy) ||
        !read_name(heap, pam_u64_at(copy, heap->layout->type_name), type->name)) {
        type->address = 0;
        return NULL;
    }
    type->address = address;
    type->kind = kind_by_bases(heap, copy, type->name);
    return type;
}
