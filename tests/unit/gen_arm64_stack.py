#!/usr/bin/env python3
"""gen_arm64_stack.py - print arm64_stack.def: a small program of 64-bit ARM, and its registers and stack in a function.

Needs aarch64-linux-gnu-gcc and qemu-aarch64-static. The program calls outermost(), that middle(), and that, with an
inlined function between, take(), which writes what a `native` record holds.
"""
import pathlib
import struct
import subprocess
import tempfile

PROGRAM = r"""
typedef unsigned long u64;

__asm__(".globl _start\n.type _start, %function\n_start:\n.cfi_startproc\n.cfi_undefined x30\n"
        "mov x29, xzr\nmov x0, sp\nbl outermost\nmov x8, 94\nmov x0, 0\nsvc 0\n"
        ".cfi_endproc\n.size _start, . - _start\n");

static void put(const void *from, u64 size)
{
    register u64 number __asm__("x8") = 64, to __asm__("x0") = 1;
    register const void *at __asm__("x1") = from;
    register u64 bytes __asm__("x2") = size;

    __asm__ volatile("svc 0" : "+r"(to) : "r"(number), "r"(at), "r"(bytes) : "memory");
}

__attribute__((noinline)) void take(u64 end)
{
    u64 registers[33];

    __asm__ volatile("stp x0, x1, [%0]\nstp x2, x3, [%0, 16]\nstp x4, x5, [%0, 32]\nstp x6, x7, [%0, 48]\n"
                     "stp x8, x9, [%0, 64]\nstp x10, x11, [%0, 80]\nstp x12, x13, [%0, 96]\n"
                     "stp x14, x15, [%0, 112]\nstp x16, x17, [%0, 128]\nstp x18, x19, [%0, 144]\n"
                     "stp x20, x21, [%0, 160]\nstp x22, x23, [%0, 176]\nstp x24, x25, [%0, 192]\n"
                     "stp x26, x27, [%0, 208]\nstp x28, x29, [%0, 224]\nstr x30, [%0, 240]\n"
                     "mov x9, sp\nstr x9, [%0, 248]\nadr x9, .\nstr x9, [%0, 256]\n"
                     : : "r"(registers) : "x9", "memory");
    put(registers, sizeof registers);
    put((const void *)registers[31], end - registers[31]);
}

static __attribute__((always_inline)) inline void inlined_in_middle(u64 end)
{
    take(end);
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) void middle(u64 end)
{
    inlined_in_middle(end);
    __asm__ volatile("" ::: "memory");
}

void outermost(u64 end)
{
    middle(end);
    __asm__ volatile("" ::: "memory");
}
"""
GCC = ["aarch64-linux-gnu-gcc", "-O1", "-g", "-gz=none", "-static", "-nostdlib", "-fno-stack-protector",
       "-fasynchronous-unwind-tables", "-fomit-frame-pointer", "-Wl,--build-id=sha1", "-Wl,-z,max-page-size=4096"]


def rows(data):
    return "\n".join("    " + ", ".join(map(str, data[at : at + 24])) + "," for at in range(0, len(data), 24))


def main():
    with tempfile.TemporaryDirectory() as folder:
        source, program = pathlib.Path(folder, "program.c"), pathlib.Path(folder, "program")
        source.write_text(PROGRAM)
        subprocess.run([*GCC, "-o", program, source], check=True, cwd=folder)
        out = subprocess.run(["qemu-aarch64-static", program], check=True, capture_output=True).stdout
        elf = program.read_bytes()
        notes = subprocess.run(["readelf", "-n", program], check=True, capture_output=True, text=True).stdout
        headers = subprocess.run(["readelf", "-lW", program], check=True, capture_output=True, text=True).stdout
    build_id = bytes.fromhex(notes.partition("Build ID: ")[2].split()[0])
    load = next(line.split() for line in headers.splitlines() if line.split()[:1] == ["LOAD"] and " R E " in line)
    registers = struct.unpack("<33Q", out[: 33 * 8])
    print("/* arm64_stack.def - a program of 64-bit ARM, its registers and its stack (gen_arm64_stack.py). */")
    print(f"#define ARM64_START {load[2]}")
    print(f"#define ARM64_OFFSET {load[1]}")
    print(f"#define ARM64_SIZE {load[4]}")
    print(f"#define ARM64_STACK_ADDRESS UINT64_C({registers[31]:#x})")
    for name, data in (("build_id", build_id), ("program", elf), ("registers", out[: 33 * 8]), ("stack", out[33 * 8 :])):
        print(f"static const unsigned char arm64_{name}[] = {{\n{rows(data)}\n}};")


main()
