/* parts.c - the parts of a function that its compiler has put elsewhere: those that it jumps into.
 *
 * A jump can also be the call of another function in the place of a return. But such a function begins with the frame
 * that its caller left it, as .eh_frame tells; at a part the frame is what it is at the jump. And two jumps have to
 * lead there: of the bytes of the function it is not known where instructions begin. */
#include "symbols/parts.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbols/registers.h"

enum {
    MAX_FUNCTION_BYTES = 1 << 20, /* CPython's loop has 100 KB */
    JUMP_BYTES = 8,               /* as many are looked at; no jump is longer */
    ENOUGH_JUMPS = 2,
    MAX_JUMPS = 1 << 14,          /* out of the function: CPython's loop has hundreds */
    MAX_CANDIDATES = 64,
};

/* An instruction that jumps: `mask` and `value` of its bytes as a number, where in that the distance is, what its unit
 * is, and from how far behind the instruction it counts. */
static const struct jump {
    GElf_Half machine;
    unsigned step; /* between instructions */
    uint64_t mask, value;
    unsigned shift, bits;
    int64_t unit, behind;
} jumps[] = {
    {EM_X86_64, 1, 0xff, 0xe9, 8, 32, 1, 5},                /* jmp */
    {EM_X86_64, 1, 0xf0ff, 0x800f, 16, 32, 1, 6},           /* jcc */
    {EM_AARCH64, 4, 0xfc000000, 0x14000000, 0, 26, 4, 0},   /* b */
    {EM_AARCH64, 4, 0xff000010, 0x54000000, 5, 19, 4, 0},   /* b.cond */
    {EM_AARCH64, 4, 0x7e000000, 0x34000000, 5, 19, 4, 0},   /* cbz, cbnz */
    {EM_AARCH64, 4, 0x7e000000, 0x36000000, 5, 14, 4, 0},   /* tbz, tbnz */
};

/* What a call leaves on the stack. */
static int64_t pushed_by_call(GElf_Half machine)
{
    return machine == EM_X86_64 ? 8 : 0;
}

struct finding {
    const struct pam_dw *dw;
    const struct pam_elf *elf;
    GElf_Half machine;
    Dwarf_CFI *cfi;
    Dwarf_Addr bias;
    unsigned jumps;
    struct candidate {
        struct pam_eh_range range;
        unsigned jumps;
    } candidates[MAX_CANDIDATES];
    size_t count;
};

/* Where the frame of the caller begins, by a register. */
struct frame_base {
    uint64_t reg;
    int64_t offset;
};

/* --- the function --------------------------------------------------------------------------------------- */

static bool find_function(const struct pam_dw *dw, Dwfl_Module *module, const char *name, GElf_Sym *found)
{
    const int count = dw->dwfl_module_getsymtab(module);

    for (int i = 0; i < count; i++) {
        GElf_Addr address;
        const char *symbol = dw->dwfl_module_getsym_info(module, i, found, &address, NULL, NULL, NULL);

        if (symbol && !strcmp(symbol, name) && GELF_ST_TYPE(found->st_info) == STT_FUNC &&
            found->st_shndx != SHN_UNDEF && found->st_size) {
            found->st_value = address;
            return true;
        }
    }
    return false;
}

/* Its code and JUMP_BYTES of zero; NULL when it is not to be had. */
static unsigned char *read_code(const struct pam_elf *elf, const GElf_Sym *function)
{
    unsigned char *code;

    for (size_t i = 0; i < elf->count; i++) {
        const struct pam_segment *segment = &elf->segments[i];
        const uint64_t at = function->st_value - segment->address;

        if (function->st_value < segment->address || at > segment->size ||
            function->st_size > segment->size - at || function->st_size > MAX_FUNCTION_BYTES)
            continue;
        code = calloc(1, function->st_size + JUMP_BYTES);
        if (code && pread(elf->fd, code, function->st_size, (off_t)(segment->offset + at)) ==
                        (ssize_t)function->st_size)
            return code;
        free(code);
        return NULL;
    }
    return NULL;
}

/* --- where it jumps to ---------------------------------------------------------------------------------- */

static bool base_at(const struct finding *finding, uint64_t address, struct frame_base *base)
{
    Dwarf_Frame *frame = NULL;
    Dwarf_Op *operations = NULL;
    size_t count = 0;
    bool found = false;

    if (finding->dw->dwarf_cfi_addrframe(finding->cfi, address - finding->bias, &frame) == 0)
        found = finding->dw->dwarf_frame_cfa(frame, &operations, &count) == 0 && count == 1 &&
                operations->atom == DW_OP_bregx;
    if (found)
        *base = (struct frame_base){operations->number, (int64_t)operations->number2};
    free(frame);
    return found;
}

static bool is_part(const struct finding *finding, uint64_t from, uint64_t to)
{
    struct frame_base here, there;

    return base_at(finding, from, &here) && base_at(finding, to, &there) && here.reg == there.reg &&
           here.offset == there.offset &&
           !(there.reg == (uint64_t)pam_registers_stack_pointer(finding->machine) &&
             there.offset == pushed_by_call(finding->machine));
}

static void take_jump(struct finding *finding, uint64_t from, uint64_t to)
{
    struct pam_eh_range range;
    size_t at = 0;

    if (finding->jumps++ >= MAX_JUMPS || !pam_eh_table_find(finding->elf, to, &range) || !is_part(finding, from, to))
        return;
    while (at < finding->count && finding->candidates[at].range.start != range.start)
        at++;
    if (at == MAX_CANDIDATES)
        return;
    if (at == finding->count)
        finding->candidates[finding->count++] = (struct candidate){.range = range};
    finding->candidates[at].jumps++;
}

static int64_t distance(const struct jump *jump, uint64_t word)
{
    const uint64_t sign = UINT64_C(1) << (jump->bits - 1);
    const uint64_t value = word >> jump->shift & (2 * sign - 1);

    return (int64_t)((value ^ sign) - sign) * jump->unit + jump->behind;
}

static void follow(struct finding *finding, const GElf_Sym *function, const unsigned char *code,
                   const struct jump *jump)
{
    for (uint64_t at = 0; at < function->st_size; at += jump->step) {
        const uint64_t word = pam_get_le(code + at, JUMP_BYTES), from = function->st_value + at;
        const uint64_t to = from + (uint64_t)distance(jump, word);

        if ((word & jump->mask) == jump->value && to - function->st_value >= function->st_size)
            take_jump(finding, from, to);
    }
}

/* --- for those who ask -------------------------------------------------------------------------------- */

void pam_parts_find(const struct pam_dw *dw, Dwfl_Module *module, const struct pam_elf *elf, GElf_Half machine,
                    const char *function, struct pam_parts *parts)
{
    struct finding finding = {.dw = dw, .elf = elf, .machine = machine};
    unsigned char *code;
    GElf_Sym symbol;

    parts->count = 0;
    finding.cfi = dw->dwfl_module_eh_cfi(module, &finding.bias);
    if (!finding.cfi || !find_function(dw, module, function, &symbol))
        return;
    code = read_code(elf, &symbol);
    for (size_t i = 0; code && i < sizeof jumps / sizeof *jumps; i++)
        if (jumps[i].machine == machine)
            follow(&finding, &symbol, code, &jumps[i]);
    free(code);
    for (size_t i = 0; i < finding.count && parts->count < PAM_MAX_PARTS; i++)
        if (finding.candidates[i].jumps >= ENOUGH_JUMPS)
            parts->entries[parts->count++] = finding.candidates[i].range;
}

bool pam_parts_has(const struct pam_parts *parts, uint64_t address)
{
    for (size_t i = 0; i < parts->count; i++)
        if (address >= parts->entries[i].start && address < parts->entries[i].end)
            return true;
    return false;
}
