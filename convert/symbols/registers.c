/* registers.c - the registers of a `native` record, by the numbers that perf_event and DWARF give them. */
#include "symbols/registers.h"

enum { NONE = -1, PC = -2 };

/* DWARF's number of each of perf_event's. */
struct numbering {
    GElf_Half machine;
    size_t count;
    int stack_pointer, frame_pointer;
    int pc; /* also has a number, which descriptions of frames use; NONE */
    signed char dwarf[64];
};

static const struct numbering numberings[] = {
    /* enum perf_event_x86_regs: ax bx cx dx si di bp sp ip flags cs ss ds es fs gs r8 ... r15; System V
     * ABI AMD64, figure 3.36: rax rdx rcx rbx rsi rdi rbp rsp r8 ... r15 rip */
    {EM_X86_64, 24, 7, 6, 16,
     {0, 3, 2, 1, 4, 5, 6, 7, PC, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
      8, 9, 10, 11, 12, 13, 14, 15}},
    /* enum perf_event_arm_regs: x0 ... x30 sp pc; DWARF for the ARM 64-bit Architecture: the same */
    {EM_AARCH64, 33, 31, 29, NONE,
     {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
      17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, PC}},
};

static const struct numbering *numbering_of(GElf_Half machine)
{
    for (size_t i = 0; i < sizeof numberings / sizeof *numberings; i++)
        if (numberings[i].machine == machine)
            return &numberings[i];
    return NULL;
}

int pam_registers_stack_pointer(GElf_Half machine)
{
    const struct numbering *numbering = numbering_of(machine);

    return numbering ? numbering->stack_pointer : NONE;
}

void pam_registers_leave_trampoline(GElf_Half machine, const uint64_t words[2],
                                    struct pam_registers *registers)
{
    const struct numbering *numbering = numbering_of(machine);
    uint64_t *frame_pointer = &registers->values[numbering->frame_pointer];

    /* 3.12 leaves it alone on x86-64 */
    if (registers->known >> numbering->frame_pointer & 1 && *frame_pointer == registers->stack_pointer)
        *frame_pointer = words[0];
    registers->stack_pointer += 2 * sizeof *words;
    registers->values[numbering->stack_pointer] = registers->stack_pointer;
    registers->pc = words[1];
    if (numbering->pc != NONE)
        registers->values[numbering->pc] = words[1];
}

static void take(const struct numbering *numbering, const struct pam_native *native,
                 struct pam_registers *registers, bool *has_pc)
{
    size_t at = 0;

    for (size_t i = 0; i < numbering->count; i++) {
        const int dwarf = numbering->dwarf[i] == PC ? numbering->pc : numbering->dwarf[i];
        uint64_t value;

        if (!(native->register_mask >> i & 1))
            continue;
        if (native->registers.size < at + sizeof value)
            return;
        value = pam_get_le(native->registers.data + at, sizeof value);
        at += sizeof value;
        if (numbering->dwarf[i] == PC) {
            registers->pc = value;
            *has_pc = true;
        }
        if (dwarf != NONE) {
            registers->values[dwarf] = value;
            registers->known |= 1U << dwarf;
        }
    }
}

bool pam_registers_read(GElf_Half machine, const struct pam_native *native,
                        struct pam_registers *registers)
{
    const struct numbering *numbering = numbering_of(machine);
    bool has_pc = false;

    *registers = (struct pam_registers){.known = 0};
    if (!numbering)
        return false;
    take(numbering, native, registers, &has_pc);
    registers->stack_pointer = registers->values[numbering->stack_pointer];
    return has_pc && registers->known >> numbering->stack_pointer & 1;
}
