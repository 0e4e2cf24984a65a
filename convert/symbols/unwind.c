/* unwind.c - a `native` record's registers and copy of the stack into addresses of code, by libdw. */
#include "symbols/unwind.h"

#include <stdlib.h>
#include <string.h>

#include "symbols/registers.h"

enum {
    MAX_SPACES = 8, /* processes whose files are kept open at a time */
    TID = 1,        /* of the only thread that libdw sees */
    WORD = 8,
};

/* The address space of a process, as libdw sees it: files get there when code in them is met. */
struct space {
    Dwfl *dwfl; /* NULL: free */
    uint64_t pid;
    uint32_t generation;
    uint64_t used; /* when, in stacks */
    bool attached, failed;
    struct pam_table known; /* starts of mappings that were reported, or cannot be */
};

struct pam_unwinder {
    const struct pam_dw *dw;
    struct pam_elf_files *files;
    struct space spaces[MAX_SPACES];
    uint64_t stacks;
    /* the stack at hand: */
    struct space *space;
    const struct pam_process_maps *maps;
    const struct pam_native *native;
    struct pam_registers registers;
    bool again; /* these registers are of a caller, from where it goes on */
    pam_made_at *made;
    void *context;
    struct pam_unwound *unwound;
};

int pam_unwinder_new(struct pam_unwinder **ret, struct pam_elf_files *files, struct pam_error *error)
{
    *ret = calloc(1, sizeof **ret);
    if (!*ret)
        return pam_fail(error, PAM_MEMORY, "not enough memory to unwind stacks");
    (*ret)->dw = files->dw;
    (*ret)->files = files;
    return 0;
}

static void end_space(struct pam_unwinder *unwinder, struct space *space)
{
    if (space->dwfl)
        unwinder->dw->dwfl_end(space->dwfl);
    pam_table_done(&space->known);
    memset(space, 0, sizeof *space);
}

void pam_unwinder_clear(struct pam_unwinder *unwinder)
{
    for (size_t i = 0; i < MAX_SPACES; i++)
        end_space(unwinder, &unwinder->spaces[i]);
}

void pam_unwinder_free(struct pam_unwinder *unwinder)
{
    if (!unwinder)
        return;
    pam_unwinder_clear(unwinder);
    free(unwinder);
}

/* --- what libdw asks for ---------------------------------------------------------------------------- */

static pid_t next_thread(Dwfl *dwfl, void *context, void **thread)
{
    (void)dwfl;
    if (*thread)
        return 0;
    *thread = context;
    return TID;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *context, void **thread)
{
    (void)dwfl;
    *thread = context;
    return tid == TID;
}

/* On ARM a return address may be signed in its upper bits: as many as the addresses of the process leave
 * over, of which there are 39 or 48. */
static uint64_t without_signature(const struct pam_unwinder *unwinder, uint64_t word)
{
    static const uint64_t masks[] = {(UINT64_C(1) << 48) - 1, (UINT64_C(1) << 39) - 1};

    for (size_t i = 0; unwinder->files->machine == EM_AARCH64 && word >> 39 && i < 2; i++)
        if (!pam_maps_find(unwinder->maps, word) && pam_maps_find(unwinder->maps, word & masks[i]))
            return word & masks[i];
    return word;
}

/* A word of what a file holds and the process has mapped. */
static bool read_file(const struct pam_dw *dw, Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *word)
{
    Dwfl_Module *module = dw->dwfl_addrmodule(dwfl, address);
    GElf_Addr offset = address, bias;
    Elf_Scn *section = module ? dw->dwfl_module_address_section(module, &offset, &bias) : NULL;
    const Elf_Data *data = section ? dw->elf_getdata(section, NULL) : NULL;

    if (!data || !data->d_buf || data->d_size < WORD || offset > data->d_size - WORD)
        return false;
    *word = pam_get_le((const unsigned char *)data->d_buf + offset, WORD);
    return true;
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *word, void *context)
{
    const struct pam_unwinder *unwinder = context;
    const struct pam_bytes stack = unwinder->native->stack;
    const uint64_t from = unwinder->native->stack_address;

    if (address < from || stack.size < WORD || address - from > stack.size - WORD)
        return read_file(unwinder->dw, dwfl, address, word);
    *word = without_signature(unwinder, pam_get_le(stack.data + (address - from), WORD));
    return true;
}

static bool set_registers(Dwfl_Thread *thread, void *context)
{
    const struct pam_unwinder *unwinder = context;
    const struct pam_registers *registers = &unwinder->registers;

    for (int i = 0; i < PAM_MAX_DWARF_REGISTERS; i++) {
        const Dwarf_Word value = without_signature(unwinder, registers->values[i]);

        if (registers->known >> i & 1 &&
            !unwinder->dw->dwfl_thread_state_registers(thread, i, 1, &value))
            return false;
    }
    unwinder->dw->dwfl_thread_state_register_pc(thread, registers->pc);
    return true;
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
    .next_thread = next_thread,
    .get_thread = get_thread,
    .memory_read = read_memory,
    .set_initial_registers = set_registers,
};

/* --- a stack ------------------------------------------------------------------------------------------ */

/* Makes the file that holds the address known to libdw. False when there is none: nobody knows how to go on
 * from there. */
static bool report(struct pam_unwinder *unwinder, uint64_t address)
{
    const struct pam_mapping *mapping = pam_maps_find(unwinder->maps, address);
    struct space *space = unwinder->space;
    const struct pam_elf *elf;
    uint64_t place;

    if (!mapping)
        return false;
    if (pam_table_find(&space->known, &mapping->start, sizeof mapping->start) < 0) {
        if (pam_table_id(&space->known, &mapping->start, sizeof mapping->start) < 0)
            return false;
        elf = pam_elf_find(unwinder->files, mapping->module);
        if (elf && pam_elf_address(elf, address - mapping->start + mapping->file_offset, &place))
            (void)pam_elf_report(unwinder->files, space->dwfl, mapping->module, elf, address - place);
    }
    return unwinder->dw->dwfl_addrmodule(space->dwfl, address) != NULL;
}

/* From a trampoline of Python, of which no file tells how to go on, to its caller. */
static void leave_trampoline(struct pam_unwinder *unwinder, Dwfl_Frame *frame)
{
    const int stack_pointer = pam_registers_stack_pointer(unwinder->files->machine);
    struct pam_registers *registers = &unwinder->registers;
    uint64_t words[2];

    registers->known = 0;
    for (unsigned i = 0; i < PAM_MAX_DWARF_REGISTERS; i++)
        if (unwinder->dw->dwfl_frame_reg(frame, i, &registers->values[i]) == 0)
            registers->known |= 1U << i;
    registers->stack_pointer = registers->values[stack_pointer];
    unwinder->again = registers->known >> stack_pointer & 1 &&
                      read_memory(unwinder->space->dwfl, registers->stack_pointer, &words[0], unwinder) &&
                      read_memory(unwinder->space->dwfl, registers->stack_pointer + WORD, &words[1], unwinder);
    if (unwinder->again)
        pam_registers_leave_trampoline(unwinder->files->machine, words, registers);
}

static int take_frame(Dwfl_Frame *frame, void *context)
{
    struct pam_unwinder *unwinder = context;
    struct pam_unwound *unwound = unwinder->unwound;
    enum pam_made made = PAM_MADE_UNKNOWN;
    Dwarf_Addr address;
    bool interrupted;

    if (unwound->count == PAM_MAX_NATIVE_FRAMES || !unwinder->dw->dwfl_frame_pc(frame, &address, NULL))
        return DWARF_CB_ABORT;
    /* Whether it was interrupted, libdw learns from its caller: by then the file has to be there. */
    (void)report(unwinder, address - 1);
    if (!unwinder->dw->dwfl_frame_pc(frame, &address, &interrupted))
        return DWARF_CB_ABORT;
    if ((!interrupted || unwinder->again) && address)
        address--;
    unwinder->again = false;
    if (!pam_maps_find(unwinder->maps, address)) {
        made = unwinder->made(address, unwinder->context);
        if (unwound->count && made == PAM_MADE_UNKNOWN)
            return DWARF_CB_ABORT; /* no code is there: the step before led astray */
    }
    unwound->addresses[unwound->count++] = address;
    if (made == PAM_MADE_TRAMPOLINE)
        leave_trampoline(unwinder, frame);
    return report(unwinder, address) ? DWARF_CB_OK : DWARF_CB_ABORT;
}

/* The process's space, begun if need be; NULL when it cannot be. */
static struct space *space_for(struct pam_unwinder *unwinder, const struct pam_process_maps *maps)
{
    struct space *oldest = &unwinder->spaces[0];

    for (size_t i = 0; i < MAX_SPACES; i++) {
        struct space *space = &unwinder->spaces[i];

        if (space->dwfl && space->pid == maps->pid && space->generation == maps->generation) {
            space->used = unwinder->stacks;
            return space;
        }
        if (space->used < oldest->used)
            oldest = space;
    }
    end_space(unwinder, oldest);
    oldest->dwfl = unwinder->dw->dwfl_begin(&unwinder->files->callbacks);
    oldest->pid = maps->pid;
    oldest->generation = maps->generation;
    oldest->used = unwinder->stacks;
    return oldest->dwfl ? oldest : NULL;
}

/* libdw learns the machine from a file, so the first one has to be there before. */
static bool attach(struct pam_unwinder *unwinder)
{
    struct space *space = unwinder->space;

    if (!report(unwinder, unwinder->registers.pc))
        return false;
    if (!space->attached && !space->failed) {
        space->attached =
            unwinder->dw->dwfl_attach_state(space->dwfl, NULL, TID, &thread_callbacks, unwinder);
        space->failed = !space->attached;
    }
    return space->attached;
}

/* Is this where the thread began? There the description of the frame says that nobody called it; where words
 * are missing, libdw ends in the same way. */
static bool is_root(struct pam_unwinder *unwinder, uint64_t address)
{
    const struct pam_dw *dw = unwinder->dw;
    Dwfl_Module *module = dw->dwfl_addrmodule(unwinder->space->dwfl, address);
    Dwarf_Addr bias = 0;
    Dwarf_CFI *cfi = module ? dw->dwfl_module_eh_cfi(module, &bias) : NULL;
    Dwarf_Frame *frame = NULL;
    Dwarf_Op room[3], *operations = NULL;
    size_t count = 0;
    bool found = false;

    if (cfi && dw->dwarf_cfi_addrframe(cfi, address - bias, &frame) == 0)
        found = dw->dwarf_frame_register(frame, dw->dwarf_frame_info(frame, NULL, NULL, NULL), room,
                                         &operations, &count) == 0 &&
                count == 0 && operations == room;
    free(frame);
    return found;
}

/* What the kernel found by frame pointers, where it goes on from what was unwound. */
static void go_on(struct pam_unwound *unwound, struct pam_bytes chain)
{
    const size_t count = chain.size / WORD;
    const uint64_t last = unwound->count ? unwound->addresses[unwound->count - 1] : 0;
    size_t from = unwound->count ? count : 0;

    for (size_t i = 0; i < count && from == count; i++) {
        const uint64_t address = pam_get_le(chain.data + WORD * i, WORD);

        if (address == last || address - 1 == last)
            from = i + 1;
    }
    for (size_t i = from; i < count && unwound->count < PAM_MAX_NATIVE_FRAMES; i++) {
        const uint64_t address = pam_get_le(chain.data + WORD * i, WORD);

        unwound->addresses[unwound->count] = unwound->count ? address - 1 : address;
        unwound->count++;
    }
}

/* Until the root, or until nobody knows how to go on. */
static bool unwind(struct pam_unwinder *unwinder)
{
    const struct pam_unwound *unwound = unwinder->unwound;
    int r;

    do
        r = unwinder->dw->dwfl_getthread_frames(unwinder->space->dwfl, TID, take_frame, unwinder);
    while (unwinder->again && unwound->count < PAM_MAX_NATIVE_FRAMES);
    return r == 0 && unwound->count && is_root(unwinder, unwound->addresses[unwound->count - 1]);
}

void pam_unwind(struct pam_unwinder *unwinder, const struct pam_process_maps *maps,
                const struct pam_native *native, pam_made_at *made, void *context,
                struct pam_unwound *unwound)
{
    unwound->count = 0;
    unwound->whole = false;
    unwinder->stacks++;
    unwinder->native = native;
    unwinder->maps = maps;
    unwinder->unwound = unwound;
    unwinder->made = made;
    unwinder->context = context;
    unwinder->again = false;
    unwinder->space = maps ? space_for(unwinder, maps) : NULL;
    if (pam_registers_read(unwinder->files->machine, native, &unwinder->registers)) {
        if (unwinder->space && attach(unwinder))
            unwound->whole = unwind(unwinder);
        else
            unwound->addresses[unwound->count++] = unwinder->registers.pc;
    }
    if (!unwound->whole)
        go_on(unwound, native->user_chain);
}
