#!/usr/bin/env python3
"""gen_layout.py - print the row of layout.def for the CPython that runs this script.

Compiles a C program against the interpreter's own headers (python3.X-dev), so that every number is
an offsetof() of CPython's, and runs it. CC names the compiler; with a cross compiler, CCRUN runs the
result (e.g. CC=aarch64-linux-gnu-gcc CCRUN='qemu-aarch64-static -L /usr/aarch64-linux-gnu').
"""
import os
import subprocess
import sys
import sysconfig
import tempfile

VERSION = sys.version_info[:2]


def since(*choices):
    """The expression of the newest (version, expression) that this CPython has reached."""
    return [expression for version, expression in choices if VERSION >= version][-1]


# field of struct pam_layout -> C expression; 0 stands for "this version has none"
FIELDS = {
    "version": "PY_VERSION_HEX >> 16",
    "runtime_main_interpreter": "offsetof(_PyRuntimeState, interpreters.main)",
    "interp_next_thread_id": "offsetof(PyInterpreterState, threads.next_unique_id)",
    "interp_threads_head": "offsetof(PyInterpreterState, threads.head)",
    "interp_modules": since(((3, 11), "offsetof(PyInterpreterState, modules)"),
                            ((3, 12), "offsetof(PyInterpreterState, imports.modules)")),
    "tstate_bytes": "offsetof(PyThreadState, datastack_top) + sizeof(void *)",
    "tstate_next": "offsetof(PyThreadState, next)",
    "tstate_interp": "offsetof(PyThreadState, interp)",
    "tstate_cframe": since(((3, 11), "offsetof(PyThreadState, cframe)"), ((3, 13), "0")),
    "tstate_current": since(((3, 11), "0"), ((3, 13), "offsetof(PyThreadState, current_frame)")),
    "tstate_ident": "offsetof(PyThreadState, thread_id)",
    "tstate_native_id": "offsetof(PyThreadState, native_thread_id)",
    "tstate_unique_id": "offsetof(PyThreadState, id)",
    "tstate_chunk": "offsetof(PyThreadState, datastack_chunk)",
    "tstate_chunk_top": "offsetof(PyThreadState, datastack_top)",
    "cframe_current": since(((3, 11), "offsetof(_PyCFrame, current_frame)"), ((3, 13), "0")),
    "chunk_previous": "offsetof(_PyStackChunk, previous)",
    "chunk_size": "offsetof(_PyStackChunk, size)",
    "chunk_top": "offsetof(_PyStackChunk, top)",
    "chunk_data": "offsetof(_PyStackChunk, data)",
    "frame_bytes": "offsetof(_PyInterpreterFrame, localsplus)",
    "frame_code": since(((3, 11), "offsetof(_PyInterpreterFrame, f_code)"),
                        ((3, 13), "offsetof(_PyInterpreterFrame, f_executable)")),
    "frame_previous": "offsetof(_PyInterpreterFrame, previous)",
    "frame_instruction": since(((3, 11), "offsetof(_PyInterpreterFrame, prev_instr)"),
                               ((3, 13), "offsetof(_PyInterpreterFrame, instr_ptr)")),
    "frame_owner": "offsetof(_PyInterpreterFrame, owner)",
    "frame_words": "FRAME_SPECIALS_SIZE",
    "frame_owned_by_c_stack": since(((3, 11), "0"), ((3, 12), "FRAME_OWNED_BY_CSTACK")),
    "code_units": "offsetof(PyVarObject, ob_size)",
    "code_consts": "offsetof(PyCodeObject, co_consts)",
    "code_names": "offsetof(PyCodeObject, co_names)",
    "code_stack_size": "offsetof(PyCodeObject, co_stacksize)",
    "code_first_line": "offsetof(PyCodeObject, co_firstlineno)",
    "code_locals": "offsetof(PyCodeObject, co_nlocalsplus)",
    "code_local_names": "offsetof(PyCodeObject, co_localsplusnames)",
    "code_file": "offsetof(PyCodeObject, co_filename)",
    "code_name": "offsetof(PyCodeObject, co_name)",
    "code_qualname": "offsetof(PyCodeObject, co_qualname)",
    "code_line_table": "offsetof(PyCodeObject, co_linetable)",
    "code_first_unit": "offsetof(PyCodeObject, co_code_adaptive)",
    "object_type": "offsetof(PyObject, ob_type)",
    "str_length": "offsetof(PyASCIIObject, length)",
    "str_hash": "offsetof(PyASCIIObject, hash)",
    "str_state": "offsetof(PyASCIIObject, state)",
    "str_ascii_data": "sizeof(PyASCIIObject)",
    "str_compact_data": "sizeof(PyCompactUnicodeObject)",
    "bytes_size": "offsetof(PyVarObject, ob_size)",
    "bytes_data": "offsetof(PyBytesObject, ob_sval)",
    "tuple_size": "offsetof(PyVarObject, ob_size)",
    "tuple_items": "offsetof(PyTupleObject, ob_item)",
    "long_size": since(((3, 11), "offsetof(PyVarObject, ob_size)"), ((3, 12), "offsetof(PyLongObject, long_value.lv_tag)")),
    "long_size_shift": since(((3, 11), "0"), ((3, 12), "3 /* NON_SIZE_BITS, pycore_long.h */")),
    "long_digits": since(((3, 11), "offsetof(PyLongObject, ob_digit)"), ((3, 12), "offsetof(PyLongObject, long_value.ob_digit)")),
    "dict_keys": "offsetof(PyDictObject, ma_keys)",
    "dict_values": "offsetof(PyDictObject, ma_values)",
    "keys_log2_index_bytes": "offsetof(PyDictKeysObject, dk_log2_index_bytes)",
    "keys_kind": "offsetof(PyDictKeysObject, dk_kind)",
    "keys_entries": "offsetof(PyDictKeysObject, dk_nentries)",
    "keys_indices": "offsetof(PyDictKeysObject, dk_indices)",
    "module_dict": "sizeof(PyObject) /* PyModuleObject.md_dict, Objects/moduleobject.c */",
    "type_basic_size": "offsetof(PyTypeObject, tp_basicsize)",
    "type_cached_keys": "offsetof(PyHeapTypeObject, ht_cached_keys)",
    # Where an instance keeps its attributes: pycore_object.h. 3.11: a pointer to values before one to
    # a dict; 3.12: one word that is either, told by its lowest bit; 3.13: values inside the object.
    "instance_values_before": since(((3, 11), "4 * sizeof(void *)"), ((3, 12), "3 * sizeof(void *)"), ((3, 13), "0")),
    "instance_values_tag": since(((3, 11), "0"), ((3, 12), "1"), ((3, 13), "0")),
    "instance_dict_before": "3 * sizeof(void *)",
    "values_first": "offsetof(PyDictValues, values)",
    "values_valid": since(((3, 11), "0"), ((3, 13), "offsetof(PyDictValues, valid)")),
}

# Since 3.13 a running CPython tells some of its offsets itself, in the _Py_DebugOffsets at the start of
# _PyRuntime. Field of struct pam_layout -> member there that must say the same.
CHECKS = {
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

HEADERS = ["Python.h", "internal/pycore_runtime.h", "internal/pycore_interp.h", "internal/pycore_frame.h",
           "internal/pycore_dict.h", "internal/pycore_code.h"]


def checks():
    """C that prints what the _Py_DebugOffsets of this version must hold."""
    if not CHECKS:
        return ""
    rows = [("free_threaded", "free_threaded", "0")]
    rows += [(field, member, FIELDS[field]) for field, member in CHECKS.items()]
    source = '    printf("    .debug_bytes = %lu,\\n    .checks = {\\n", (unsigned long)sizeof(_Py_DebugOffsets));\n'
    for field, member, expression in rows:
        source += f'    printf("        {{\\"{field}\\", %lu, %lu}},\\n", '
        source += f"(unsigned long)offsetof(_Py_DebugOffsets, {member}), (unsigned long)({expression}));\n"
    return source + '    printf("    })\\n");\n'


def main():
    source = "#include <stddef.h>\n#include <stdio.h>\n#define Py_BUILD_CORE 1\n"
    source += "".join(f"#include <{header}>\n" for header in HEADERS)
    source += 'int main(void)\n{\n    printf("ROW(");\n'
    for number, (field, expression) in enumerate(FIELDS.items()):
        form = "0x%04lx" if field == "version" else "%lu"
        comma = "," if number + 1 < len(FIELDS) or CHECKS else ")"
        indent = "" if number == 0 else "    "
        source += f'    printf("{indent}.{field} = {form}{comma}\\n", (unsigned long)({expression}));\n'
    source += checks()
    source += "    return 0;\n}\n"
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "row.c")
        with open(path, "w") as file:
            file.write(source)
        include = sysconfig.get_paths()["include"]
        compiler = os.environ.get("CC", "cc").split()
        subprocess.run(compiler + ["-I", include, "-I", include + "/internal", "-o", path[:-2], path], check=True)
        row = subprocess.run(os.environ.get("CCRUN", "").split() + [path[:-2]], check=True,
                             capture_output=True, text=True).stdout
    print(f"/* CPython {sys.version.split()[0]} */")
    print(row, end="")


main()
