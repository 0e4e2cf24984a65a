/* natives.c - the native and kernel stacks of captures: unwound as they come, named when asked for. */
#include "symbols/natives.h"

#include <stdlib.h>
#include <string.h>

#include "symbols/names.h"
#include "symbols/ranges.h"
#include "symbols/server.h"
#include "symbols/unwind.h"
#include "room.h"

enum {
    MAX_KERNEL_FRAMES = PAM_MAX_CHAIN / 8,
    MAX_TOLD = 4, /* files of which a remark tells; of the others only how many */
    FRAME_NAME_BYTES = PAM_FUNCTION_NAME_BYTES + 64,
};

enum frame_kind {
    FRAME_FILE,   /* where: module; address: offset in the file */
    FRAME_RANGES, /* where: set of ranges, of the kernel or of a process */
};

/* A frame as a key: equal places are one frame. */
struct frame_key {
    uint32_t kind, where;
    uint64_t address;
};

struct stack_head {
    uint32_t flags; /* bit 0: whole, bit 1: exact */
    uint32_t user_count;
};

struct named_frame {
    uint32_t first, count; /* of natives->list; 0: not named yet */
    enum pam_native_role role;
};

struct pam_natives {
    struct pam_model *model;
    struct pam_labels *labels;
    const char *no_dw; /* why libdw could not be loaded */
    struct pam_maps maps;
    struct pam_elf_files files;
    struct pam_unwinder *unwinder;
    struct pam_names *names;
    uint64_t capture;
    uint64_t pid; /* of the stack at hand */
    struct pam_range_sets ranges;
    struct pam_table frames, stacks;
    struct named_frame *named; /* by frame */
    size_t named_room;
    uint32_t *list; /* labels of named frames, one after the other */
    size_t list_count, list_room;
    struct pam_unwound unwound;
    struct pam_functions functions;
    bool kernel_unnamed, came_late;
};

/* What the C libraries call the function at the root. */
static const char *const roots[] = {"_start", "__clone", "__clone3", "clone", "clone3", "thread_start"};

static const struct {
    const char *text;
    enum pam_native_role role;
} beginnings[] = {
    {"py::", PAM_ROLE_TRAMPOLINE},
    {"_TAIL_CALL_", PAM_ROLE_HANDLER},
    {"0x", PAM_ROLE_NAMELESS},
};

int pam_natives_new(struct pam_natives **ret, struct pam_model *model, struct pam_labels *labels,
                    const char *sysroot, struct pam_error *error)
{
    *ret = calloc(1, sizeof **ret);
    if (!*ret)
        return pam_fail(error, PAM_MEMORY, "not enough memory for native stacks");
    (*ret)->model = model;
    (*ret)->labels = labels;
    return pam_elf_files_init(&(*ret)->files, &(*ret)->maps, sysroot, error);
}

void pam_natives_free(struct pam_natives *natives)
{
    if (!natives)
        return;
    pam_unwinder_free(natives->unwinder);
    pam_names_free(natives->names);
    pam_elf_files_done(&natives->files);
    pam_maps_done(&natives->maps);
    pam_range_sets_done(&natives->ranges);
    pam_table_done(&natives->frames);
    pam_table_done(&natives->stacks);
    free(natives->named);
    free(natives->list);
    free(natives);
}

static int no_memory(struct pam_error *error)
{
    return pam_fail(error, PAM_MEMORY, "not enough memory for native stacks");
}

/* --- what captures tell ------------------------------------------------------------------------------- */

static int add_range(struct pam_natives *natives, uint64_t pid, const struct pam_range *range,
                     struct pam_error *error)
{
    return pam_range_sets_add(&natives->ranges, natives->capture, pid, range) ? 0 : no_memory(error);
}

/* Loads libdw when it is first needed. Without it there is no unwinder. */
static int load(struct pam_natives *natives, struct pam_error *error)
{
    const struct pam_dw *dw;
    int r;

    if (natives->unwinder || natives->no_dw)
        return 0;
    dw = pam_dw_load(&natives->no_dw);
    if (!dw)
        return 0;
    natives->no_dw = NULL;
    pam_elf_files_use(&natives->files, dw);
    r = pam_unwinder_new(&natives->unwinder, &natives->files, error);
    return r == 0 ? pam_names_new(&natives->names, &natives->files, error) : r;
}

static int start_capture(struct pam_natives *natives)
{
    natives->capture++;
    pam_maps_clear(&natives->maps);
    if (natives->unwinder)
        pam_unwinder_clear(natives->unwinder);
    return 0;
}

/* --- a stack ------------------------------------------------------------------------------------------ */

static bool is_name(struct pam_bytes name, const char *other)
{
    return name.size == strlen(other) && !memcmp(name.data, other, name.size);
}

static enum pam_native_role role_of(struct pam_bytes name)
{
    if (is_name(name, PAM_LOOP_NAME))
        return PAM_ROLE_EVAL;
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (name.size >= strlen(beginnings[i].text) &&
            !memcmp(name.data, beginnings[i].text, strlen(beginnings[i].text)))
            return beginnings[i].role;
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
        if (is_name(name, roots[i]))
            return PAM_ROLE_ROOT;
    return PAM_ROLE_PLAIN;
}

static int64_t user_frame(struct pam_natives *natives, const struct pam_process_maps *maps,
                          uint64_t pid, uint64_t address)
{
    const struct pam_mapping *mapping = maps ? pam_maps_find(maps, address) : NULL;
    struct frame_key key = {FRAME_FILE, 0, address};

    if (mapping) {
        key.where = mapping->module;
        key.address = address - mapping->start + mapping->file_offset;
    } else {
        const int64_t at = pam_range_sets_id(&natives->ranges, natives->capture, pid);

        if (at < 0)
            return -1;
        key.kind = FRAME_RANGES;
        key.where = (uint32_t)at;
    }
    return pam_table_id(&natives->frames, &key, sizeof key);
}

static int64_t kernel_frame(struct pam_natives *natives, uint64_t address)
{
    const int64_t at = pam_range_sets_id(&natives->ranges, natives->capture, PAM_KERNEL);
    const struct frame_key key = {FRAME_RANGES, (uint32_t)at, address};

    return at < 0 ? -1 : pam_table_id(&natives->frames, &key, sizeof key);
}

/* What is known of code of the process at hand that is in no file. */
static enum pam_made made_at(uint64_t address, void *context)
{
    struct pam_natives *natives = context;
    const int64_t set = pam_range_sets_id(&natives->ranges, natives->capture, natives->pid);
    struct pam_range range;

    if (set < 0 || !pam_range_sets_find(&natives->ranges, (uint32_t)set, address, &range))
        return PAM_MADE_UNKNOWN;
    return role_of(range.name) == PAM_ROLE_TRAMPOLINE ? PAM_MADE_TRAMPOLINE : PAM_MADE_FUNCTION;
}

/* Unwinds, or without libdw takes what the kernel found. */
static void find_addresses(struct pam_natives *natives, const struct pam_process_maps *maps,
                           const struct pam_native *native)
{
    struct pam_unwound *unwound = &natives->unwound;

    unwound->count = 0;
    unwound->whole = false;
    if (natives->unwinder) {
        pam_unwind(natives->unwinder, maps, native, made_at, natives, unwound);
        return;
    }
    for (size_t i = 0; i < native->user_chain.size / 8 && i < PAM_MAX_NATIVE_FRAMES; i++)
        unwound->addresses[unwound->count++] = pam_get_le(native->user_chain.data + 8 * i, 8);
}

static int add_native(struct pam_natives *natives, const struct pam_native *native,
                      struct pam_error *error)
{
    const int64_t thread = pam_model_thread_index(natives->model, native->thread);
    const uint64_t pid = thread < 0 ? 0 : pam_model_thread(natives->model, (size_t)thread)->pid;
    const struct pam_process_maps *maps = pam_maps_of(&natives->maps, pid);
    uint32_t key[2 + PAM_MAX_NATIVE_FRAMES + MAX_KERNEL_FRAMES];
    size_t count = 2;
    int64_t number;
    const bool wants_dw = native->registers.size || native->user_chain.size;
    int r = wants_dw ? load(natives, error) : 0;

    if (r < 0)
        return r;
    natives->pid = pid;
    find_addresses(natives, maps, native);
    key[0] = natives->unwound.whole | (native->flags & PAM_NATIVE_EXACT ? 2U : 0);
    key[1] = (uint32_t)natives->unwound.count;
    for (size_t i = 0; i < natives->unwound.count; i++) {
        const int64_t frame = user_frame(natives, maps, pid, natives->unwound.addresses[i]);

        if (frame < 0)
            return no_memory(error);
        key[count++] = (uint32_t)frame;
    }
    for (size_t i = 0; i < native->kernel_chain.size / 8; i++) {
        const uint64_t address = pam_get_le(native->kernel_chain.data + 8 * i, 8);
        const int64_t frame = kernel_frame(natives, address - (i ? 1 : 0));

        if (frame < 0)
            return no_memory(error);
        key[count++] = (uint32_t)frame;
    }
    number = pam_table_id(&natives->stacks, key, count * sizeof *key);
    return number < 0 || pam_model_set_native(natives->model, native->id, (uint32_t)number) < 0
               ? no_memory(error) : 0;
}

static int add_record(struct pam_natives *natives, const struct pam_record *record,
                      struct pam_error *error)
{
    const struct pam_kernel_symbol *symbol = &record->kernel_symbol;
    const struct pam_jit_symbol *jit = &record->jit_symbol;

    natives->came_late |= natives->stacks.count &&
                          (record->type == PAM_bundle || record->type == PAM_jit_symbol);

    switch (record->type) {
    case PAM_host: pam_elf_files_host(&natives->files, &record->host); return 0;
    case PAM_module: return pam_maps_add(&natives->maps, &record->module, error);
    case PAM_native: return add_native(natives, &record->native, error);
    case PAM_kernel_symbol:
        return add_range(natives, PAM_KERNEL,
                         &(struct pam_range){symbol->address, symbol->size_bytes, symbol->name,
                                             symbol->module}, error);
    case PAM_jit_symbol:
        return add_range(natives, jit->pid,
                         &(struct pam_range){jit->start, jit->size_bytes, jit->name, pam_text("[jit]")},
                         error);
    case PAM_bundle:
        return pam_elf_files_bundle(&natives->files, &record->bundle, error);
    default: return 0;
    }
}

int pam_natives_add(struct pam_natives *natives, const struct pam_event *event,
                    struct pam_error *error)
{
    if (event->kind == PAM_EVENT_CAPTURE)
        return start_capture(natives);
    return event->kind == PAM_EVENT_RECORD ? add_record(natives, &event->record, error) : 0;
}

struct pam_native_stack pam_natives_stack(const struct pam_natives *natives, uint32_t number)
{
    const struct pam_bytes key = pam_table_key(&natives->stacks, number);
    const uint32_t *words = (const uint32_t *)(const void *)key.data;

    return (struct pam_native_stack){
        .whole = words[0] & 1,
        .exact = words[0] >> 1 & 1,
        .user = words + 2,
        .user_count = words[1],
        .kernel = words + 2 + words[1],
        .kernel_count = key.size / sizeof *words - 2 - words[1],
    };
}

/* --- names -------------------------------------------------------------------------------------------- */

/* "libc.so.6" of "/usr/lib/libc.so.6". */
static struct pam_bytes base_name(struct pam_bytes path)
{
    for (size_t i = path.size; i > 0; i--)
        if (path.data[i - 1] == '/')
            return (struct pam_bytes){path.data + i, path.size - i};
    return path;
}

static int put_label(struct pam_natives *natives, struct named_frame *frame,
                     const struct pam_label *label, struct pam_error *error)
{
    const int64_t id = pam_labels_add(natives->labels, label);
    uint32_t *list = pam_with_room(natives->list, &natives->list_room, natives->list_count, sizeof *list);

    if (list)
        natives->list = list;
    if (id < 0 || !list)
        return no_memory(error);
    list[natives->list_count++] = (uint32_t)id;
    frame->role = role_of(label->name); /* of the outermost, which comes last */
    frame->count++;
    return 0;
}

static int name_in_file(struct pam_natives *natives, const struct frame_key *key,
                        struct named_frame *frame, struct pam_error *error)
{
    const struct pam_module_name module = pam_maps_module(&natives->maps, key->where);
    struct pam_functions *functions = &natives->functions;
    struct pam_label label = {.kind = PAM_LABEL_NATIVE, .file = base_name(module.path)};
    char address[32];
    int r = 0;

    functions->count = 0;
    functions->address = key->address;
    if (natives->names)
        pam_names_find(natives->names, key->where, key->address, functions);
    for (size_t i = 0; i < functions->count && r == 0; i++) {
        label.name = pam_text(functions->names[i]);
        r = put_label(natives, frame, &label, error);
    }
    if (r < 0 || functions->count)
        return r;
    if (natives->names && pam_names_in_loop(natives->names, key->where, key->address)) {
        label.name = pam_text(PAM_LOOP_NAME);
        return put_label(natives, frame, &label, error);
    }
    (void)snprintf(address, sizeof address, "0x%" PRIx64, functions->address);
    label.name = pam_text(address);
    return put_label(natives, frame, &label, error);
}

static int name_in_ranges(struct pam_natives *natives, const struct frame_key *key,
                          struct named_frame *frame, struct pam_error *error)
{
    const bool is_kernel = pam_range_sets_is_kernel(&natives->ranges, key->where);
    struct pam_label label = {.kind = is_kernel ? PAM_LABEL_KERNEL : PAM_LABEL_NATIVE};
    struct pam_range range;
    char address[32];

    (void)snprintf(address, sizeof address, "0x%" PRIx64, key->address);
    label.name = pam_text(address);
    label.file = pam_text(is_kernel ? "" : "[unknown]");
    if (pam_range_sets_find(&natives->ranges, key->where, key->address, &range)) {
        label.name = range.name;
        label.file = range.module;
    } else {
        natives->kernel_unnamed |= is_kernel;
    }
    return put_label(natives, frame, &label, error);
}

int pam_natives_names(struct pam_natives *natives, uint32_t frame, struct pam_native_names *names,
                      struct pam_error *error)
{
    struct named_frame *named = pam_with_room(natives->named, &natives->named_room, frame, sizeof *named);
    struct frame_key key;
    int r = 0;

    if (!named)
        return no_memory(error);
    natives->named = named;
    named += frame;
    if (!named->count) {
        memcpy(&key, pam_table_key(&natives->frames, frame).data, sizeof key);
        named->first = (uint32_t)natives->list_count;
        r = key.kind == FRAME_FILE ? name_in_file(natives, &key, named, error)
                                   : name_in_ranges(natives, &key, named, error);
    }
    *names = (struct pam_native_names){named->role, natives->list + named->first, named->count};
    return r;
}

/* --- what the user should know -------------------------------------------------------------------------- */

static void remark_files(const struct pam_natives *natives, enum pam_elf_state state,
                         const char *what, FILE *out)
{
    size_t count = 0;

    for (uint32_t i = 0; i < natives->maps.modules.count; i++) {
        const struct pam_module_name name = pam_maps_module(&natives->maps, i);

        if (pam_elf_state_of(&natives->files, i) == state && count++ < MAX_TOLD)
            fprintf(out, "%.*s %s\n", (int)name.path.size, (const char *)name.path.data, what);
    }
    if (count > MAX_TOLD)
        fprintf(out, "the same is true of %zu more files\n", count - MAX_TOLD);
}

void pam_natives_remarks(const struct pam_natives *natives, FILE *out)
{
    if (natives->no_dw)
        fprintf(out, "libdw cannot be loaded (%s), so native frames are addresses: install libdw1\n",
                natives->no_dw);
    if (pam_server_gave_up())
        fprintf(out, "the servers of DEBUGINFOD_URLS did not send a file in time and were asked no more: "
                "DEBUGINFOD_TIMEOUT=SECONDS gives them longer to answer, DEBUGINFOD_MAXTIME=SECONDS to send it\n");
    remark_files(natives, PAM_ELF_DIFFERS, "is another build than in the capture and is not used: its "
                 "frames are addresses; name a copy of the board's files with --sysroot", out);
    remark_files(natives, PAM_ELF_MISSING, "is not here: its frames are addresses; name a copy of the "
                 "board's files with --sysroot", out);
    remark_files(natives, PAM_ELF_UNCHECKED, "has no build-id: it is taken to be the file of the capture",
                 out);
    if (natives->came_late)
        fprintf(out, "names at the end of a capture come too late when it is read from a pipe: save it to a "
                "file first\n");
    if (natives->kernel_unnamed)
        fprintf(out, "some kernel frames are addresses: the collector could not read their names\n");
}
