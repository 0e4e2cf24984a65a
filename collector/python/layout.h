/* layout.h - where the fields are that we read in a CPython process, one generated row a version
 * and, where it has another layout, kind of build.
 *
 * Offsets in bytes unless the name says otherwise, from `offsetof` on CPython's own headers
 * (gen_layout.py); equal on x86-64 and arm64 for the builds of the same version, but for what is behind
 * mutexes. To support a version: run gen_layout.py with its python and add the row it prints to layout.def. */
#ifndef PAM_LAYOUT_H
#define PAM_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
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
    uint32_t free_threaded; /* 1: built with Py_GIL_DISABLED */

    /* _PyRuntimeState, Include/internal/pycore_runtime.h: an int that is 1 from the end of its start to the
     * begin of its end; the newest interpreter, the main one, and how many there have been, one behind the
     * other */
    uint32_t runtime_initialized;
    uint32_t runtime_interpreters;
    uint32_t runtime_main_interpreter;
    /* struct _gil_runtime_state: in the runtime, or (0) where a pointer in the interpreter leads; and
     * `collecting` of struct _gc_runtime_state: in the runtime, or (0) in the interpreter */
    uint32_t runtime_gil;
    uint32_t interp_gil;
    uint32_t gil_enabled; /* an int; only free-threaded builds have it */
    uint32_t gil_last_holder;
    uint32_t gil_locked;
    uint32_t gil_cond; /* the first of two conditions and two mutexes, to its end */
    uint32_t runtime_collecting;
    uint32_t interp_collecting;
    /* PyInterpreterState, pycore_interp.h: next_unique_id and head of `threads`; sys.modules */
    uint32_t interp_next;
    uint32_t interp_stopper; /* plus the size of two mutexes: who has stopped all other threads; 0: none can */
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
    uint32_t tstate_native_id; /* 0: it does not tell (native_ids.h) */
    uint32_t tstate_unique_id;
    uint32_t tstate_chunk; /* 0: there is no data stack, all frames are objects on the heap */
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
    uint32_t frame_code_tags; /* bits of it that are no part of the address */
    uint32_t frame_previous;
    uint32_t frame_instruction;
    uint32_t frame_bytecode; /* an int32_t: place.h; 0: there is one bytecode for all */
    uint32_t frame_owner;
    uint32_t frame_is_entry; /* a byte, 1 in frames that C called; 0: those come after a frame that runs no code */
    uint32_t frame_locals; /* localsplus: the first argument, other locals, ... */
    uint32_t frame_words; /* FRAME_SPECIALS_SIZE */
    uint32_t frame_idle_owner; /* from this owner on, frames run no code */
    /* PyFrameObject, cpython/frameobject.h, where a frame is one */
    uint32_t frame_lasti_bytes; /* its instruction is an int32_t that counts so many bytes; 0: an address */
    uint32_t frame_state;       /* a byte that tells whether it runs; 0: none does */
    uint32_t frame_running;     /* bit N: it does in state N */
    /* PyCodeObject, cpython/code.h */
    uint32_t code_header_bytes; /* how much of it we read */
    uint32_t code_units; /* ob_size: number of code units; 0: they are in a bytes object */
    uint32_t code_consts;
    uint32_t code_names;
    uint32_t code_stack_size;
    uint32_t code_first_line;
    uint32_t code_locals;
    uint32_t code_local_names;
    uint32_t code_cell_names; /* 0: they and the free ones are among the local names */
    uint32_t code_free_names;
    uint32_t code_file;
    uint32_t code_name;
    uint32_t code_qualname; /* of the plain name where there is none */
    uint32_t code_line_table;
    uint32_t code_bytes;      /* the bytes object that has the code units; 0: they stand in the code, */
    uint32_t code_first_unit; /* from here on */
    uint32_t code_bytecodes;  /* where copies of them are that threads have; 0: there are none */
    /* PyObject and the built-in types */
    uint32_t function_code;
    uint32_t function_closure; /* a tuple of cells */
    uint32_t method_function;
    uint32_t method_self;
    uint32_t cell_value;
    uint32_t object_type;
    uint32_t object_reference_bits; /* of an object's first word; 0: there is no such count */
    uint32_t type_name;
    uint32_t str_length;
    uint32_t str_hash;
    uint32_t str_state;
    uint32_t str_kind_shift; /* in it: 3 bits of kind, compact, ascii */
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
    uint32_t keys_size; /* number of index slots, before 3.11; 0: there is what follows */
    uint32_t keys_log2_index_bytes;
    uint32_t keys_kind;
    uint32_t keys_entries;
    uint32_t keys_indices;
    uint32_t module_dict;
    uint32_t type_basic_size;
    uint32_t type_cached_keys;
    uint32_t type_dict_offset; /* where instances have their dict; 0: it is as follows */
    /* The attributes of an instance: a pointer to values stands so many bytes before it, with its
     * lowest bit set when there is a tag; 0: the values are in the object, behind tp_basicsize. */
    uint32_t instance_values_before;
    uint32_t instance_values_tag;
    uint32_t type_flags;
    uint32_t type_values_flag; /* the values are in the object where the type has this flag */
    uint32_t instance_dict_before;
    uint32_t values_first;
    uint32_t values_valid; /* offset of a byte that is 0 when the values are not in use; 0: none */
    /* Generators, coroutines, asynchronous generators: _PyGenObject_HEAD, and what their state says */
    uint32_t code_flags;
    uint32_t generator_qualname;
    uint32_t generator_code;
    uint32_t generator_state; /* a byte */
    uint32_t generator_frame; /* where the frame stands in it; 0: in an object of its own, which ... */
    uint32_t frame_generator; /* ... points here to its generator, 0 when it is of none */
    uint32_t frame_created;
    uint32_t frame_suspended;
    uint32_t frame_awaiting;  /* suspended in an await or a yield from; or as frame_suspended: see below */
    uint32_t frame_executing;
    /* Where the state does not tell whether a generator is in a `yield from`, the instruction does that
     * follows the one where it stands: it has one of these opcodes, and at least that argument. */
    uint32_t await_opcode;
    uint32_t await_opcode_too;
    uint32_t await_argument;
    uint32_t frame_stack_index;   /* int: how many words are in use, from ... */
    uint32_t frame_stack_base;    /* ... the address on that stands here; 0: from the locals on */
    uint32_t frame_stack_pointer; /* the address behind the last of them; 0: the two above tell */
    /* For asyncio's tasks: containers, and TaskObj of Modules/_asynciomodule.c */
    uint32_t type_base;
    uint32_t type_dict;
    uint32_t member_definition; /* of the descriptor that the type's dict has for a name in __slots__ ... */
    uint32_t member_offset;     /* ... and in that, where instances keep the value */
    uint32_t set_mask;
    uint32_t set_table;
    uint32_t list_size;
    uint32_t list_items;
    uint32_t weakref_object;
    uint32_t wrapped; /* what wrappers wrap: types.c */
    uint32_t tstate_running_task; /* 0: a dict of _asyncio knows it */
    uint32_t tstate_tasks;        /* head of a list of tasks; 0: sets of _asyncio have them */
    uint32_t interp_tasks;        /* the same of threads that are gone; ... */
    uint32_t interp_tasks_debug;  /* ... in debug builds, all else being as in release ones */
    uint32_t task_bytes; /* sizeof(TaskObj) */
    uint32_t task_loop;
    uint32_t task_state; /* an int, enum fut_state: 0 pending */
    uint32_t task_waiter;
    uint32_t task_coroutine;
    uint32_t task_name;
    uint32_t task_node;   /* in the list; 0: there is none */
    uint32_t future_callback;  /* the first; and a list of the others */
    uint32_t future_callbacks;
    uint32_t future_dict; /* 0: as of other instances */
    /* _Py_DebugOffsets, the start of _PyRuntimeState since 3.13; 0: there is none */
    uint32_t debug_bytes;
    struct pam_layout_check checks[PAM_MAX_LAYOUT_CHECKS];
};

/* The i-th row, NULL after the last. */
const struct pam_layout *pam_layout_at(size_t i);

/* NULL when there is no row for that version. */
const struct pam_layout *pam_layout_for(uint32_t version_hex, bool free_threaded);

/* "3.11" or "3.11, 3.12, 3.13, 3.13t": the rows of the table; t for free-threaded. */
const char *pam_layout_versions(void);

#endif
