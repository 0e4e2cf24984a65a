/* layout.h - where the fields are that we read in a CPython process, one generated row a version.
 *
 * Offsets in bytes unless the name says otherwise, from `offsetof` on CPython's own headers
 * (gen_layout.py); equal on x86-64 and arm64 for the builds of the same version. To support a
 * version: run gen_layout.py with its python and add the row it prints to layout.def. */
#ifndef PAM_LAYOUT_H
#define PAM_LAYOUT_H

#include <stdint.h>

enum { PAM_MAX_LAYOUT_CHECKS = 40 };

/* What a running CPython must say of itself for a row to be about it. */
struct pam_layout_check {
    const char *name;  /* field of the row; NULL after the last */
    uint32_t at;       /* offset of an uint64_t in _Py_DebugOffsets */
    uint32_t expected;
};

struct pam_layout {
    uint32_t version; /* PY_VERSION_HEX >> 16, e.g. 0x030b */

    /* _PyRuntimeState, Include/internal/pycore_runtime.h */
    uint32_t runtime_main_interpreter;
    /* PyInterpreterState, pycore_interp.h: next_unique_id and head of `threads`; sys.modules */
    uint32_t interp_next_thread_id;
    uint32_t interp_threads_head;
    uint32_t interp_modules;
    /* PyThreadState, cpython/pystate.h */
    uint32_t tstate_bytes; /* how much of it we read: to the end of the last field below */
    uint32_t tstate_next;
    uint32_t tstate_interp;
    uint32_t tstate_cframe;  /* 0: the current frame is in the thread state, at ... */
    uint32_t tstate_current;
    uint32_t tstate_ident;
    uint32_t tstate_native_id;
    uint32_t tstate_unique_id;
    uint32_t tstate_chunk;
    uint32_t tstate_chunk_top;
    /* _PyCFrame */
    uint32_t cframe_current;
    /* _PyStackChunk */
    uint32_t chunk_previous;
    uint32_t chunk_size;
    uint32_t chunk_top;
    uint32_t chunk_data;
    /* _PyInterpreterFrame, pycore_frame.h */
    uint32_t frame_bytes; /* up to localsplus: the part we read */
    uint32_t frame_code;
    uint32_t frame_previous;
    uint32_t frame_instruction;
    uint32_t frame_owner;
    uint32_t frame_words; /* FRAME_SPECIALS_SIZE */
    uint32_t frame_owned_by_c_stack; /* owner of frames that run no code; 0: there are none */
    /* PyCodeObject, cpython/code.h */
    uint32_t code_units; /* ob_size: number of code units */
    uint32_t code_consts;
    uint32_t code_names;
    uint32_t code_stack_size;
    uint32_t code_first_line;
    uint32_t code_locals;
    uint32_t code_local_names;
    uint32_t code_file;
    uint32_t code_name;
    uint32_t code_qualname;
    uint32_t code_line_table;
    uint32_t code_first_unit;
    /* PyObject and the built-in types */
    uint32_t object_type;
    uint32_t str_length;
    uint32_t str_hash;
    uint32_t str_state;
    uint32_t str_ascii_data;
    uint32_t str_compact_data;
    uint32_t bytes_size;
    uint32_t bytes_data;
    uint32_t tuple_size;
    uint32_t tuple_items;
    uint32_t long_size;
    uint32_t long_size_shift;
    uint32_t long_digits;
    uint32_t dict_keys;
    uint32_t dict_values;
    uint32_t keys_log2_index_bytes;
    uint32_t keys_kind;
    uint32_t keys_entries;
    uint32_t keys_indices;
    uint32_t module_dict;
    uint32_t type_basic_size;
    uint32_t type_cached_keys;
    /* The attributes of an instance: a pointer to values stands so many bytes before it, with its
     * lowest bit set when there is a tag; 0: the values are in the object, behind tp_basicsize. */
    uint32_t instance_values_before;
    uint32_t instance_values_tag;
    uint32_t instance_dict_before;
    uint32_t values_first;
    uint32_t values_valid; /* offset of a byte that is 0 when the values are not in use; 0: none */
    /* _Py_DebugOffsets, the start of _PyRuntimeState since 3.13; 0: there is none */
    uint32_t debug_bytes;
    struct pam_layout_check checks[PAM_MAX_LAYOUT_CHECKS];
};

/* NULL when there is no row for that version. */
const struct pam_layout *pam_layout_for(uint32_t version_hex);

/* "3.11" or "3.11, 3.12": the versions of the table. */
const char *pam_layout_versions(void);

#endif
