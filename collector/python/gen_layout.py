#!/usr/bin/env python3
"""gen_layout.py - print the row of layout.def for the CPython that runs this script.

Compiles a C program against the interpreter's own headers (python3.X-dev), so that every number is
an offsetof() of CPython's, and runs it. CC names the compiler; with a cross compiler, CCRUN runs the
result (e.g. CC=aarch64-linux-gnu-gcc CCRUN='qemu-aarch64-static -L /usr/aarch64-linux-gnu').
What no header tells (the tasks of asyncio), live_offsets.py finds in this interpreter.
"""
import os
import subprocess
import sys
import sysconfig
import tempfile

import live_offsets

VERSION = sys.version_info[:2]
FREE_THREADED = int(sysconfig.get_config_var("Py_GIL_DISABLED") or 0)
COPIES_BYTECODE = FREE_THREADED and VERSION >= (3, 14)


def since(*choices):
    """The expression of the newest (version, expression) that this CPython has reached."""
    return [expression for version, expression in choices if VERSION >= version][-1]


# field of struct pam_layout -> C expression; 0 stands for "this version has none"
FIELDS = {
    "version": "PY_VERSION_HEX >> 16",
    "free_threaded": FREE_THREADED,
    "runtime_initialized": "offsetof(_PyRuntimeState, initialized)",
    "runtime_interpreters": "offsetof(_PyRuntimeState, interpreters.head)",
    "runtime_main_interpreter": "offsetof(_PyRuntimeState, interpreters.main)",
    "interp_next": "offsetof(PyInterpreterState, next)",
    # The GIL: 3.8-3.11 one in the runtime, since 3.12 a pointer in the interpreter; a free-threaded build's
    # is mostly disabled. Garbage collection: 3.8 in the runtime, then in the interpreter.
    "runtime_gil": since(((3, 8), "offsetof(_PyRuntimeState, ceval.gil)"), ((3, 12), "0")),
    "interp_gil": since(((3, 8), "0"), ((3, 12), "offsetof(PyInterpreterState, ceval.gil)")),
    "gil_enabled": "offsetof(struct _gil_runtime_state, enabled)" if FREE_THREADED else "0",
    "gil_last_holder": "offsetof(struct _gil_runtime_state, last_holder)",
    "gil_locked": "offsetof(struct _gil_runtime_state, locked)",
    "gil_cond": "offsetof(struct _gil_runtime_state, cond)",
    "runtime_collecting": since(((3, 8), "offsetof(_PyRuntimeState, gc.collecting)"), ((3, 9), "0")),
    "interp_collecting": since(((3, 8), "0"), ((3, 9), "offsetof(PyInterpreterState, gc.collecting)")),
    # Before it stands a GIL, with two mutexes of the C library, which are not as large everywhere.
    "interp_stopper": "offsetof(PyInterpreterState, stoptheworld.requester) - 2 * sizeof(pthread_mutex_t)"
                      if FREE_THREADED else "0",
    "interp_next_thread_id": since(((3, 8), "offsetof(PyInterpreterState, tstate_next_unique_id)"),
                                   ((3, 11), "offsetof(PyInterpreterState, threads.next_unique_id)")),
    "interp_threads_head": since(((3, 8), "offsetof(PyInterpreterState, tstate_head)"),
                                 ((3, 11), "offsetof(PyInterpreterState, threads.head)")),
    "interp_modules": since(((3, 8), "offsetof(PyInterpreterState, modules)"),
                            ((3, 12), "offsetof(PyInterpreterState, imports.modules)")),
    "tstate_bytes": since(((3, 8), "offsetof(PyThreadState, id) + sizeof(uint64_t)"),
                          ((3, 11), "offsetof(PyThreadState, datastack_top) + sizeof(void *)")),
    "tstate_next": "offsetof(PyThreadState, next)",
    "tstate_interp": "offsetof(PyThreadState, interp)",
    "tstate_cframe": since(((3, 8), "0"), ((3, 11), "offsetof(PyThreadState, cframe)"), ((3, 13), "0")),
    "tstate_current": since(((3, 8), "offsetof(PyThreadState, frame)"), ((3, 11), "0"),
                            ((3, 13), "offsetof(PyThreadState, current_frame)")),
    "tstate_ident": "offsetof(PyThreadState, thread_id)",
    "tstate_native_id": since(((3, 8), "0"), ((3, 11), "offsetof(PyThreadState, native_thread_id)")),
    "tstate_unique_id": "offsetof(PyThreadState, id)",
    "tstate_chunk": since(((3, 8), "0"), ((3, 11), "offsetof(PyThreadState, datastack_chunk)")),
    "tstate_chunk_top": since(((3, 8), "0"), ((3, 11), "offsetof(PyThreadState, datastack_top)")),
    "cframe_current": since(((3, 8), "0"), ((3, 11), "offsetof(_PyCFrame, current_frame)"), ((3, 13), "0")),
    "chunk_previous": since(((3, 8), "0"), ((3, 11), "offsetof(_PyStackChunk, previous)")),
    "chunk_size": since(((3, 8), "0"), ((3, 11), "offsetof(_PyStackChunk, size)")),
    "chunk_top": since(((3, 8), "0"), ((3, 11), "offsetof(_PyStackChunk, top)")),
    "chunk_data": since(((3, 8), "0"), ((3, 11), "offsetof(_PyStackChunk, data)")),
    "frame_bytes": since(((3, 8), "offsetof(PyFrameObject, f_blockstack)"),
                         ((3, 11), "offsetof(_PyInterpreterFrame, localsplus)")),
    "frame_code": since(((3, 8), "offsetof(PyFrameObject, f_code)"),
                        ((3, 11), "offsetof(_PyInterpreterFrame, f_code)"),
                        ((3, 13), "offsetof(_PyInterpreterFrame, f_executable)")),
    "frame_code_tags": since(((3, 8), "0"), ((3, 14), "Py_TAG_BITS")),
    "frame_previous": since(((3, 8), "offsetof(PyFrameObject, f_back)"),
                            ((3, 11), "offsetof(_PyInterpreterFrame, previous)")),
    "frame_instruction": since(((3, 8), "offsetof(PyFrameObject, f_lasti)"),
                               ((3, 11), "offsetof(_PyInterpreterFrame, prev_instr)"),
                               ((3, 13), "offsetof(_PyInterpreterFrame, instr_ptr)")),
    # Which of the copies of its code's bytecode a frame runs: threads have their own.
    "frame_bytecode": "offsetof(_PyInterpreterFrame, tlbc_index)" if COPIES_BYTECODE else "0",
    "frame_owner": since(((3, 8), "0"), ((3, 11), "offsetof(_PyInterpreterFrame, owner)")),
    "frame_is_entry": since(((3, 8), "0"), ((3, 11), "offsetof(_PyInterpreterFrame, is_entry)"), ((3, 12), "0")),
    "frame_locals": since(((3, 8), "offsetof(PyFrameObject, f_localsplus)"),
                          ((3, 11), "offsetof(_PyInterpreterFrame, localsplus)")),
    "frame_words": since(((3, 8), "0"), ((3, 11), "FRAME_SPECIALS_SIZE")),
    "frame_idle_owner": since(((3, 8), "256 /* none */"), ((3, 12), "FRAME_OWNED_BY_CSTACK"),
                              ((3, 14), "FRAME_OWNED_BY_INTERPRETER")),
    # A frame object: Objects/frameobject.c and Python/ceval.c.
    "frame_lasti_bytes": since(((3, 8), "1"), ((3, 10), "sizeof(_Py_CODEUNIT)"), ((3, 11), "0")),
    "frame_state": since(((3, 8), "offsetof(PyFrameObject, f_executing)"),
                         ((3, 10), "offsetof(PyFrameObject, f_state)"), ((3, 11), "0")),
    "frame_running": since(((3, 8), "1u << 1"), ((3, 10), "1u << FRAME_EXECUTING | 1u << FRAME_UNWINDING"),
                           ((3, 11), "0")),
    "code_header_bytes": since(((3, 8), "offsetof(PyCodeObject, co_zombieframe)"),
                               ((3, 11), "offsetof(PyCodeObject, co_code_adaptive)")),
    "code_units": since(((3, 8), "0"), ((3, 11), "offsetof(PyVarObject, ob_size)")),
    "code_consts": "offsetof(PyCodeObject, co_consts)",
    "code_names": "offsetof(PyCodeObject, co_names)",
    "code_stack_size": "offsetof(PyCodeObject, co_stacksize)",
    "code_first_line": "offsetof(PyCodeObject, co_firstlineno)",
    "code_locals": since(((3, 8), "offsetof(PyCodeObject, co_nlocals)"),
                         ((3, 11), "offsetof(PyCodeObject, co_nlocalsplus)")),
    "code_local_names": since(((3, 8), "offsetof(PyCodeObject, co_varnames)"),
                              ((3, 11), "offsetof(PyCodeObject, co_localsplusnames)")),
    "code_cell_names": since(((3, 8), "offsetof(PyCodeObject, co_cellvars)"), ((3, 11), "0")),
    "code_free_names": since(((3, 8), "offsetof(PyCodeObject, co_freevars)"), ((3, 11), "0")),
    "code_file": "offsetof(PyCodeObject, co_filename)",
    "code_name": "offsetof(PyCodeObject, co_name)",
    "code_qualname": since(((3, 8), "offsetof(PyCodeObject, co_name)"),
                           ((3, 11), "offsetof(PyCodeObject, co_qualname)")),
    "code_line_table": since(((3, 8), "offsetof(PyCodeObject, co_lnotab)"),
                             ((3, 10), "offsetof(PyCodeObject, co_linetable)")),
    "code_bytes": since(((3, 8), "offsetof(PyCodeObject, co_code)"), ((3, 11), "0")),
    "code_first_unit": since(((3, 8), "0"), ((3, 11), "offsetof(PyCodeObject, co_code_adaptive)")),
    "code_bytecodes": "offsetof(PyCodeObject, co_tlbc)" if COPIES_BYTECODE else "0",
    "function_code": "offsetof(PyFunctionObject, func_code)",
    "function_closure": "offsetof(PyFunctionObject, func_closure)",
    "method_function": "offsetof(PyMethodObject, im_func)",
    "method_self": "offsetof(PyMethodObject, im_self)",
    "cell_value": "offsetof(PyCellObject, ob_ref)",
    "object_type": "offsetof(PyObject, ob_type)",
    # Bits of an object's first word that count references: 3.14 has flags in the upper ones; free-threaded
    # builds count twice and defer, so that a count of 0 tells nothing.
    "object_reference_bits": "0" if FREE_THREADED else since(((3, 8), "64"), ((3, 14), "48")),
    "type_name": "offsetof(PyTypeObject, tp_name)",
    "str_length": "offsetof(PyASCIIObject, length)",
    "str_hash": "offsetof(PyASCIIObject, hash)",
    "str_state": "offsetof(PyASCIIObject, state)",
    "str_kind_shift": "kind_shift()",
    "str_ascii_data": "sizeof(PyASCIIObject)",
    "str_compact_data": "sizeof(PyCompactUnicodeObject)",
    "bytes_size": "offsetof(PyVarObject, ob_size)",
    "bytes_data": "offsetof(PyBytesObject, ob_sval)",
    "tuple_size": "offsetof(PyVarObject, ob_size)",
    "tuple_items": "offsetof(PyTupleObject, ob_item)",
    "long_size": since(((3, 8), "offsetof(PyVarObject, ob_size)"),
                       ((3, 12), "offsetof(PyLongObject, long_value.lv_tag)")),
    "long_size_shift": since(((3, 8), "0"), ((3, 12), "3 /* NON_SIZE_BITS, pycore_long.h */")),
    "long_digits": since(((3, 8), "offsetof(PyLongObject, ob_digit)"),
                         ((3, 12), "offsetof(PyLongObject, long_value.ob_digit)")),
    "dict_keys": "offsetof(PyDictObject, ma_keys)",
    "dict_values": "offsetof(PyDictObject, ma_values)",
    # Before 3.11: {refcnt, size, lookup, usable, nentries, indices}, Objects/dict-common.h.
    "keys_size": since(((3, 8), "sizeof(Py_ssize_t)"), ((3, 11), "0")),
    "keys_log2_index_bytes": since(((3, 8), "0"), ((3, 11), "offsetof(PyDictKeysObject, dk_log2_index_bytes)")),
    "keys_kind": since(((3, 8), "0"), ((3, 11), "offsetof(PyDictKeysObject, dk_kind)")),
    "keys_entries": since(((3, 8), "4 * sizeof(Py_ssize_t)"), ((3, 11), "offsetof(PyDictKeysObject, dk_nentries)")),
    "keys_indices": since(((3, 8), "5 * sizeof(Py_ssize_t)"), ((3, 11), "offsetof(PyDictKeysObject, dk_indices)")),
    "module_dict": "sizeof(PyObject) /* PyModuleObject.md_dict, Objects/moduleobject.c */",
    "type_basic_size": "offsetof(PyTypeObject, tp_basicsize)",
    "type_cached_keys": "offsetof(PyHeapTypeObject, ht_cached_keys)",
    # Where an instance keeps its attributes: pycore_object.h. Before 3.11: in a dict, to which its type
    # knows the way; 3.11: a pointer to values before one to a dict; 3.12: one word that is either, told
    # by its lowest bit; 3.13: values inside the object, where a flag of its type says so.
    "type_dict_offset": since(((3, 8), "offsetof(PyTypeObject, tp_dictoffset)"), ((3, 11), "0")),
    "instance_values_before": since(((3, 8), "0"),
                                    ((3, 11), "4 * sizeof(void *)"),
                                    ((3, 12), "3 * sizeof(void *)"),
                                    ((3, 13), "0")),
    "instance_values_tag": since(((3, 8), "0"), ((3, 12), "1"), ((3, 13), "0")),
    "type_flags": "offsetof(PyTypeObject, tp_flags)",
    "type_values_flag": since(((3, 8), "0"), ((3, 13), "Py_TPFLAGS_INLINE_VALUES")),
    "instance_dict_before": "sizeof(void *)" if FREE_THREADED else since(((3, 8), "0"), ((3, 11), "3 * sizeof(void *)")),
    "values_first": since(((3, 8), "0"), ((3, 11), "offsetof(PyDictValues, values)")),
    "values_valid": since(((3, 8), "0"), ((3, 13), "offsetof(PyDictValues, valid)")),
    "code_flags": "offsetof(PyCodeObject, co_flags)",
    # Generators, coroutines and asynchronous generators begin alike: _PyGenObject_HEAD. Before 3.11 they
    # point to a frame object, which points to them and has their state.
    "generator_qualname": "offsetof(PyGenObject, gi_qualname)",
    "generator_code": since(((3, 8), "offsetof(PyGenObject, gi_code)"),
                            ((3, 12), "offsetof(PyGenObject, gi_iframe) + offsetof(_PyInterpreterFrame, f_code)"),
                            ((3, 13), "offsetof(PyGenObject, gi_iframe) + offsetof(_PyInterpreterFrame, f_executable)")),
    "generator_state": since(((3, 8), "0"), ((3, 11), "offsetof(PyGenObject, gi_frame_state)")),
    "generator_frame": since(((3, 8), "0"), ((3, 11), "offsetof(PyGenObject, gi_iframe)")),
    "frame_generator": since(((3, 8), "offsetof(PyFrameObject, f_gen)"), ((3, 11), "0")),
    "frame_created": since(((3, 8), "256 /* no byte */"), ((3, 11), "(unsigned char)FRAME_CREATED")),
    "frame_suspended": since(((3, 8), "0"), ((3, 10), "(unsigned char)FRAME_SUSPENDED")),
    "frame_awaiting": since(((3, 8), "0"), ((3, 10), "(unsigned char)FRAME_SUSPENDED"),
                            ((3, 13), "(unsigned char)FRAME_SUSPENDED_YIELD_FROM")),
    "frame_executing": since(((3, 8), "1"), ((3, 10), "(unsigned char)FRAME_EXECUTING")),
    # _PyGen_yf() of Objects/genobject.c: what follows the instruction of a generator in a `yield from`.
    "await_opcode": since(((3, 8), "YIELD_FROM"), ((3, 11), "RESUME"), ((3, 13), "0")),
    "await_opcode_too": since(((3, 8), "YIELD_FROM"), ((3, 11), "RESUME_QUICK"), ((3, 12), "INSTRUMENTED_RESUME"),
                              ((3, 13), "0")),
    "await_argument": since(((3, 8), "0"), ((3, 11), "2"), ((3, 13), "0")),
    "frame_stack_index": since(((3, 8), "0"), ((3, 10), "offsetof(PyFrameObject, f_stackdepth)"),
                               ((3, 11), "offsetof(_PyInterpreterFrame, stacktop)"), ((3, 14), "0")),
    "frame_stack_base": since(((3, 8), "0"), ((3, 10), "offsetof(PyFrameObject, f_valuestack)"), ((3, 11), "0")),
    "frame_stack_pointer": since(((3, 8), "offsetof(PyFrameObject, f_stacktop)"), ((3, 10), "0"),
                                 ((3, 14), "offsetof(_PyInterpreterFrame, stackpointer)")),
    "type_base": "offsetof(PyTypeObject, tp_base)",
    "type_dict": "offsetof(PyTypeObject, tp_dict)",
    "member_definition": "offsetof(PyMemberDescrObject, d_member)",
    "member_offset": "offsetof(PyMemberDef, offset)",
    "set_mask": "offsetof(PySetObject, mask)",
    "set_table": "offsetof(PySetObject, table)",
    "list_size": "offsetof(PyVarObject, ob_size)",
    "list_items": "offsetof(PyListObject, ob_item)",
    "weakref_object": "offsetof(PyWeakReference, wr_object)",
    "wrapped": "sizeof(PyObject) /* the first field of PyCoroWrapper, futureiterobject and others */",
    # Since 3.14 a thread knows its running task, and tasks are in lists: _PyThreadStateImpl.
    "tstate_running_task": since(((3, 8), "0"), ((3, 14), "offsetof(_PyThreadStateImpl, asyncio_running_task)")),
    "tstate_tasks": since(((3, 8), "0"), ((3, 14), "offsetof(_PyThreadStateImpl, asyncio_tasks_head)")),
    "interp_tasks": since(((3, 8), "0"), ((3, 14), "offsetof(PyInterpreterState, asyncio_tasks_head)")),
    "interp_tasks_debug": None,  # the same, in the struct of a debug build: main()
    **live_offsets.of_tasks(),
}

# Fields behind the two mutexes of the GIL that is in an interpreter: these are as large as the C library of the
# architecture makes them, so the row has what is left without them, and the compiler of the collector adds them.
# In a free-threaded build the allocator's part, which begins at a multiple of 64, stands between, and takes up what
# they differ by: offsetof() is the same on x86-64 and arm64.
BEHIND_MUTEXES = {"interp_tasks", "interp_tasks_debug"} if VERSION >= (3, 14) and not FREE_THREADED else set()

# Since 3.13 a running CPython tells some of its offsets itself, in the _Py_DebugOffsets at the start of
# _PyRuntime. Field of struct pam_layout -> member there that must say the same.
CHECKS = {
    "runtime_interpreters": "runtime_state.interpreters_head",
    "interp_next": "interpreter_state.next",
    "interp_threads_head": "interpreter_state.threads_head",
    "interp_modules": "interpreter_state.imports_modules",
    "tstate_next": "thread_state.next",
    "tstate_interp": "thread_state.interp",
    "tstate_current": "thread_state.current_frame",
    "tstate_ident": "thread_state.thread_id",
    "tstate_native_id": "thread_state.native_thread_id",
    "tstate_chunk": "thread_state.datastack_chunk",
    "frame_previous": "interpreter_frame.previous",
    "frame_code": "interpreter_frame.executable",
    "frame_instruction": "interpreter_frame.instr_ptr",
    "frame_bytes": "interpreter_frame.localsplus",
    "frame_owner": "interpreter_frame.owner",
    "code_file": "code_object.filename",
    "code_name": "code_object.name",
    "code_qualname": "code_object.qualname",
    "code_line_table": "code_object.linetable",
    "code_first_line": "code_object.firstlineno",
    "code_local_names": "code_object.localsplusnames",
    "code_first_unit": "code_object.co_code_adaptive",
    "object_type": "pyobject.ob_type",
    "tuple_items": "tuple_object.ob_item",
    "dict_keys": "dict_object.ma_keys",
    "dict_values": "dict_object.ma_values",
    "long_digits": "long_object.ob_digit",
    "bytes_data": "bytes_object.ob_sval",
    "str_state": "unicode_object.state",
    "str_length": "unicode_object.length",
    "str_ascii_data": "unicode_object.asciiobject_size",
} if VERSION >= (3, 13) else {}
CHECKS.update({
    "frame_bytecode": "interpreter_frame.tlbc_index",
    "code_bytecodes": "code_object.co_tlbc",
} if VERSION >= (3, 14) else {})

HEADERS = ["Python.h", "structmember.h", "opcode.h"] + since(
    ((3, 8), ["frameobject.h", "internal/pycore_pystate.h"]),
    ((3, 9), ["frameobject.h", "internal/pycore_runtime.h", "internal/pycore_interp.h"]),
    ((3, 11), ["internal/pycore_runtime.h", "internal/pycore_interp.h", "internal/pycore_frame.h",
               "internal/pycore_dict.h", "internal/pycore_code.h", "internal/pycore_object.h"]))
HEADERS += ["internal/pycore_interpframe.h"] if VERSION >= (3, 14) else []

# offsetof() knows no bit fields.
KIND_SHIFT = """static unsigned long kind_shift(void)
{
    PyASCIIObject text;
    unsigned state;

    memset(&text, 0, sizeof text);
    text.state.kind = 7;
    memcpy(&state, &text.state, sizeof state);
    return (unsigned long)__builtin_ctz(state);
}
"""


def checks():
    """C that prints what the _Py_DebugOffsets of this version must hold."""
    if not CHECKS:
        return ""
    rows = [("free_threaded", "free_threaded", str(FREE_THREADED))]
    rows += [(field, member, FIELDS[field]) for field, member in CHECKS.items()]
    source = '    printf("    .debug_bytes = %lu,\\n    .checks = {\\n", (unsigned long)sizeof(_Py_DebugOffsets));\n'
    for field, member, expression in rows:
        source += f'    printf("        {{\\"{field}\\", %lu, %lu}},\\n", '
        source += f"(unsigned long)offsetof(_Py_DebugOffsets, {member}), (unsigned long)({expression}));\n"
    return source + '    printf("    })\\n");\n'


def start_of_source(debug):
    """The headers of a release or debug build, whichever of them the interpreter is: a row is for both."""
    source = "#include <pyconfig.h>\n#undef Py_DEBUG\n" + "#define Py_DEBUG 1\n" * debug
    source += "#include <stddef.h>\n#include <stdio.h>\n#include <string.h>\n#define Py_BUILD_CORE 1\n"
    return source + "".join(f"#include <{header}>\n" for header in HEADERS)


def output_of(source):
    """What the C program prints."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "row.c")
        with open(path, "w") as file:
            file.write(source)
        include = sysconfig.get_paths()["include"]
        compiler = os.environ.get("CC", "cc").split()
        folders = [include, include + "/internal", os.path.dirname(include)]  # Debian's pyconfig.h is in the last
        subprocess.run([*compiler, *("-I" + folder for folder in folders), "-o", path[:-2], path], check=True)
        return subprocess.run(os.environ.get("CCRUN", "").split() + [path[:-2]], check=True,
                              capture_output=True, text=True).stdout


def of_debug_build(field):
    """A field's value in a debug build."""
    return output_of(start_of_source(True) + 'int main(void)\n{\n    printf("%lu", '
                     f"(unsigned long)({FIELDS[field]}));\n    return 0;\n}}\n")


def main():
    FIELDS["interp_tasks_debug"] = of_debug_build("interp_tasks")
    source = start_of_source(False) + KIND_SHIFT
    source += 'int main(void)\n{\n    printf("ROW(");\n'
    for number, (field, expression) in enumerate(FIELDS.items()):
        form = "0x%04lx" if field == "version" else "%lu"
        if field in BEHIND_MUTEXES:
            form, expression = "%lu + PAM_GIL_MUTEXES_BYTES", f"{expression} - 2 * sizeof(pthread_mutex_t)"
        comma = "," if number + 1 < len(FIELDS) or CHECKS else ")"
        indent = "" if number == 0 else "    "
        source += f'    printf("{indent}.{field} = {form}{comma}\\n", (unsigned long)({expression}));\n'
    source += checks()
    source += "    return 0;\n}\n"
    print(f"/* CPython {sys.version.split()[0]}{'t' * FREE_THREADED} */")
    print(output_of(source), end="")


main()
