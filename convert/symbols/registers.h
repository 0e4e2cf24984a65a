/* registers.h - the registers of a `native` record, by the numbers that perf_event and DWARF give them. */
#ifndef PAM_REGISTERS_H
#define PAM_REGISTERS_H

#include <gelf.h>

#include <pam/record.h>

enum { PAM_MAX_DWARF_REGISTERS = 32 };

struct pam_registers {
    uint64_t values[PAM_MAX_DWARF_REGISTERS]; /* by DWARF number */
    uint32_t known;                           /* bit i: values[i] is there */
    uint64_t pc;
    uint64_t stack_pointer;
};

/* The registers of the caller of code that Python makes under -X perf (CPython Python/asm_trampoline.S,
 * 3.12 to 3.14), from those in it. `words`: what is on its stack: it pushed the frame pointer, or nothing, and
 * above that is the address to which it returns. */
void pam_registers_leave_trampoline(GElf_Half machine, const uint64_t words[2],
                                    struct pam_registers *registers);

/* DWARF's number of the stack pointer; negative when the machine is none that is known. */
int pam_registers_stack_pointer(GElf_Half machine);

/* False when pc or stack pointer is missing, or the machine is none that is known. */
bool pam_registers_read(GElf_Half machine, const struct pam_native *native,
                        struct pam_registers *registers);

#endif
