/* names.c - the functions at a place in an ELF file, those that were inlined there too, by libdw. */
#include "symbols/names.h"

#include <stdlib.h>
#include <string.h>

#include "room.h"
#include "symbols/parts.h"
#include "symbols/plt.h"

enum { MAX_SCOPES = 256 }; /* one in another */

/* A file at the addresses that it says itself. */
struct named_file {
    Dwfl *dwfl;
    Dwfl_Module *module;
    bool tried, parts_sought;
    struct pam_parts loop; /* CPython's */
};

struct pam_names {
    const struct pam_dw *dw;
    struct pam_elf_files *files;
    struct named_file *named; /* by module */
    size_t room;
};

int pam_names_new(struct pam_names **ret, struct pam_elf_files *files, struct pam_error *error)
{
    *ret = calloc(1, sizeof **ret);
    if (!*ret)
        return pam_fail(error, PAM_MEMORY, "not enough memory for the names of functions");
    (*ret)->dw = files->dw;
    (*ret)->files = files;
    return 0;
}

void pam_names_free(struct pam_names *names)
{
    if (!names)
        return;
    for (size_t i = 0; i < names->room; i++)
        if (names->named[i].dwfl)
            names->dw->dwfl_end(names->named[i].dwfl);
    free(names->named);
    free(names);
}

static struct named_file *open_file(struct pam_names *names, uint32_t module, const struct pam_elf *elf)
{
    struct named_file *named = pam_with_room(names->named, &names->room, module, sizeof *named);
    struct named_file *file;

    if (!named)
        return NULL;
    names->named = named;
    file = &named[module];
    if (!file->tried) {
        file->tried = true;
        file->dwfl = names->dw->dwfl_begin(&names->files->callbacks);
        if (file->dwfl)
            file->module = pam_elf_report(names->files, file->dwfl, module, elf, 0);
    }
    return file->module ? file : NULL;
}

/* A name twice is one: the body that Cython makes of a function is inlined in what it makes to be called, and
 * compilers take functions apart. */
static void add(struct pam_functions *functions, const char *symbol)
{
    const size_t at = functions->count;

    if (!symbol || !*symbol || at == PAM_MAX_INLINED)
        return;
    pam_demangle(symbol, functions->names[at]);
    functions->count += at == 0 || strcmp(functions->names[at], functions->names[at - 1]) != 0;
}

/* The unit that has the address, also where no .debug_aranges tells, which compilers other than gcc leave
 * out. */
static Dwarf_Die *unit_of(const struct pam_dw *dw, Dwfl_Module *module, uint64_t address,
                          Dwarf_Addr *bias)
{
    Dwarf_Die *unit = dw->dwfl_module_addrdie(module, address, bias);

    if (unit)
        return unit;
    while ((unit = dw->dwfl_module_nextcu(module, unit, bias)))
        if (dw->dwarf_haspc(unit, address - *bias) == 1)
            return unit;
    return NULL;
}

static const char *die_name(const struct pam_dw *dw, Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    const char *linkage = NULL;

    if (dw->dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute))
        linkage = dw->dwarf_formstring(&attribute);
    return linkage ? linkage : dw->dwarf_diename(die);
}

/* Goes down from a unit to the innermost scope that has the address. Adds the inlined functions on the way,
 * innermost first, and tells the name of the function that they are in. */
static bool go_down(const struct pam_dw *dw, Dwarf_Die *parent, uint64_t address, unsigned depth,
                    struct pam_functions *functions, const char **function)
{
    Dwarf_Die die;

    if (depth == MAX_SCOPES || dw->dwarf_child(parent, &die) != 0)
        return false;
    do {
        const int tag = dw->dwarf_tag(&die);

        if (tag == DW_TAG_namespace && go_down(dw, &die, address, depth + 1, functions, function))
            return true;
        if ((tag != DW_TAG_subprogram && tag != DW_TAG_lexical_block && tag != DW_TAG_inlined_subroutine) ||
            dw->dwarf_haspc(&die, address) != 1)
            continue;
        (void)go_down(dw, &die, address, depth + 1, functions, function);
        if (tag == DW_TAG_inlined_subroutine)
            add(functions, die_name(dw, &die));
        if (tag == DW_TAG_subprogram)
            *function = die_name(dw, &die);
        return true;
    } while (dw->dwarf_siblingof(&die, &die) == 0);
    return false;
}

/* The file's own address of what is at an offset in it, and the file to ask about it; NULL when there is none. */
static struct named_file *find_place(struct pam_names *names, uint32_t module, uint64_t offset,
                                     const struct pam_elf **elf, uint64_t *address)
{
    *elf = pam_elf_find(names->files, module);
    return *elf && pam_elf_address(*elf, offset, address) ? open_file(names, module, *elf) : NULL;
}

void pam_names_find(struct pam_names *names, uint32_t module, uint64_t offset,
                    struct pam_functions *functions)
{
    const char *symbol, *function = NULL;
    const struct pam_elf *elf;
    struct pam_eh_range range;
    struct named_file *file;
    Dwarf_Die *unit;
    Dwarf_Addr bias = 0;
    GElf_Off distance;
    GElf_Sym entry;

    functions->count = 0;
    functions->address = offset;
    file = find_place(names, module, offset, &elf, &functions->address);
    if (!file)
        return;
    unit = unit_of(names->dw, file->module, functions->address, &bias);
    if (unit)
        (void)go_down(names->dw, unit, functions->address - bias, 0, functions, &function);
    if (functions->count == PAM_MAX_INLINED)
        functions->count--;
    symbol = names->dw->dwfl_module_addrinfo(file->module, functions->address, &distance, &entry, NULL, NULL,
                                             NULL);
    add(functions, symbol ? symbol : function);
    if (!functions->count && pam_plt_name(names->dw, elf, names->files->machine, functions->address, functions->names[0]))
        functions->count = 1;
    if (!functions->count && pam_eh_table_find(elf, functions->address, &range))
        functions->address = range.start;
}

bool pam_names_in_loop(struct pam_names *names, uint32_t module, uint64_t offset)
{
    const struct pam_elf *elf;
    uint64_t address;
    struct named_file *file = find_place(names, module, offset, &elf, &address);

    if (!file)
        return false;
    if (!file->parts_sought)
        pam_parts_find(names->dw, file->module, elf, names->files->machine, PAM_LOOP_NAME, &file->loop);
    file->parts_sought = true;
    return pam_parts_has(&file->loop, address);
}
