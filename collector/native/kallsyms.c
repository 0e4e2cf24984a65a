/* kallsyms.c - names of the kernel's functions, read once from /proc/kallsyms. */
#include "native/kallsyms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pam/search.h>

enum {
    MAX_SYMBOLS = 1 << 20,         /* a distribution's kernel with all its modules has ~200,000 */
    MAX_NAME_BYTES = 64 << 20,
    LINE_BYTES = 1024,             /* KSYM_NAME_LEN is 512, MODULE_NAME_LEN 56 */
};

static const uint64_t MAX_FUNCTION_BYTES = 1 << 20; /* behind it come addresses that have no symbol */

struct symbol {
    uint64_t address;
    uint32_t name;   /* places in `names` */
    uint32_t module; /* 0: the kernel itself */
    bool told;
};

struct pam_kallsyms {
    struct symbol *symbols; /* by address */
    size_t count, room;
    char *names;            /* one after the other, closed by zero bytes; an empty one first */
    size_t names_used, names_room;
};

static bool make_room(void **array, size_t *room, size_t wanted, size_t most, size_t size)
{
    const size_t grown_room = *room ? 2 * *room : 4096;
    void *grown;

    if (wanted <= *room)
        return true;
    if (wanted > most)
        return false;
    grown = realloc(*array, grown_room * size);
    if (!grown)
        return false;
    *array = grown;
    *room = grown_room;
    return true;
}

static bool add_text(struct pam_kallsyms *symbols, const char *text, size_t size, uint32_t *place)
{
    if (!make_room((void **)&symbols->names, &symbols->names_room, symbols->names_used + size + 1,
                   MAX_NAME_BYTES, 1))
        return false;
    *place = (uint32_t)symbols->names_used;
    memcpy(symbols->names + symbols->names_used, text, size);
    symbols->names[symbols->names_used + size] = '\0';
    symbols->names_used += size + 1;
    return true;
}

/* Lines of a module stand together. */
static bool add_module(struct pam_kallsyms *symbols, const char *text, size_t size, uint32_t *place)
{
    const uint32_t before = symbols->count ? symbols->symbols[symbols->count - 1].module : 0;

    if (before && !strncmp(symbols->names + before, text, size) && !symbols->names[before + size]) {
        *place = before;
        return true;
    }
    return add_text(symbols, text, size, place);
}

/* "ffffffff81000000 T name\t[module]\n"; functions only. False when there is no room. */
static bool add_line(struct pam_kallsyms *symbols, const char *line)
{
    struct symbol symbol = {0};
    const char *name, *module;
    size_t size;
    char *end;

    symbol.address = strtoull(line, &end, 16);
    if (end == line || end[0] != ' ' || !strchr("tTwW", end[1]) || end[2] != ' ' || !symbol.address)
        return true;
    name = end + 3;
    size = strcspn(name, " \t\n");
    module = strchr(name + size, '[');
    if (!make_room((void **)&symbols->symbols, &symbols->room, symbols->count + 1, MAX_SYMBOLS,
                   sizeof symbol) ||
        !add_text(symbols, name, size, &symbol.name) ||
        (module && !add_module(symbols, module + 1, strcspn(module + 1, "]\n"), &symbol.module)))
        return false;
    symbols->symbols[symbols->count++] = symbol;
    return true;
}

static int by_address(const void *a, const void *b)
{
    const struct symbol *first = a, *second = b;

    return first->address != second->address ? (first->address < second->address ? -1 : 1)
           : first->name != second->name     ? (first->name < second->name ? -1 : 1)
                                             : 0;
}

int pam_kallsyms_read(struct pam_kallsyms **ret, struct pam_error *error)
{
    struct pam_kallsyms *symbols = calloc(1, sizeof *symbols);
    FILE *file = symbols ? fopen("/proc/kallsyms", "re") : NULL;
    char line[LINE_BYTES];
    uint32_t empty;
    bool fits;
    int r = 0;

    fits = file && add_text(symbols, "", 0, &empty);
    while (fits && fgets(line, sizeof line, file))
        fits = add_line(symbols, line);
    if (symbols && !file)
        r = pam_fail(error, PAM_FAILED, "/proc/kallsyms cannot be read (%s)", strerror(errno));
    else if (!fits)
        r = pam_fail(error, PAM_MEMORY, "not enough memory for the kernel's symbols");
    else if (!symbols->count)
        r = pam_fail(error, PAM_PERMISSION, "/proc/kallsyms hides the addresses from who has no CAP_SYSLOG");
    else
        qsort(symbols->symbols, symbols->count, sizeof *symbols->symbols, by_address);
    if (file)
        (void)fclose(file);
    if (r < 0)
        pam_kallsyms_free(symbols);
    else
        *ret = symbols;
    return r;
}

void pam_kallsyms_free(struct pam_kallsyms *symbols)
{
    if (!symbols)
        return;
    free(symbols->symbols);
    free(symbols->names);
    free(symbols);
}

/* The first symbol behind the address. */
static size_t first_behind(const struct pam_kallsyms *symbols, uint64_t address)
{
    return pam_first_above(symbols->symbols, symbols->count, sizeof *symbols->symbols,
                           offsetof(struct symbol, address), address);
}

bool pam_kallsyms_once(struct pam_kallsyms *symbols, uint64_t address, struct pam_kernel_symbol *record)
{
    const size_t behind = first_behind(symbols, address);
    size_t at = behind;
    struct symbol *symbol;

    if (!behind)
        return false;
    while (at > 1 && symbols->symbols[at - 2].address == symbols->symbols[behind - 1].address)
        at--; /* of several names the first */
    symbol = &symbols->symbols[at - 1];
    if (symbol->told || address - symbol->address >= MAX_FUNCTION_BYTES)
        return false;
    symbol->told = true;
    *record = (struct pam_kernel_symbol){
        .address = symbol->address,
        .size_bytes = behind < symbols->count &&
                              symbols->symbols[behind].address - symbol->address < MAX_FUNCTION_BYTES
                          ? symbols->symbols[behind].address - symbol->address
                          : MAX_FUNCTION_BYTES,
        .name = pam_text(symbols->names + symbol->name),
        .module = pam_text(symbols->names + symbol->module),
    };
    return true;
}

void pam_kallsyms_forget(struct pam_kallsyms *symbols)
{
    for (size_t i = 0; i < symbols->count; i++)
        symbols->symbols[i].told = false;
}
