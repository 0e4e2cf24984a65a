/* test_natives.c - this program's own stack as a `native` record: unwound, named, and what becomes of it when
 * files or parts of it are missing. */
#include <link.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <ucontext.h>
#include <unistd.h>

#include "native_rig.h"
#include "unit.h"

enum { MAX_STACK = PAM_MAX_STACK_COPY, MAX_REGISTERS = 40, PATH_BYTES = 4096 };

/* --- this program's own stack ---------------------------------------------------------------------------- */

static struct own {
    uint64_t registers[MAX_REGISTERS]; /* as perf_event numbers them */
    uint64_t mask;
    uint64_t stack_address;
    size_t stack_bytes;
    unsigned char stack[MAX_STACK];
} own;

#if defined(__x86_64__)
static void take_registers(const ucontext_t *context)
{
    static const int from[] = {REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_RBP, REG_RSP,
                               REG_RIP, -1, -1, -1, -1, -1, -1, -1,
                               REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

    for (size_t i = 0; i < COUNT(from); i++)
        if (from[i] >= 0) {
            own.registers[i] = (uint64_t)context->uc_mcontext.gregs[from[i]];
            own.mask |= UINT64_C(1) << i;
        }
    own.stack_address = own.registers[7];
}
#else
static void take_registers(const ucontext_t *context)
{
    for (size_t i = 0; i < 31; i++)
        own.registers[i] = context->uc_mcontext.regs[i];
    own.registers[31] = context->uc_mcontext.sp;
    own.registers[32] = context->uc_mcontext.pc;
    own.mask = (UINT64_C(1) << 33) - 1;
    own.stack_address = own.registers[31];
}
#endif

__attribute__((noinline, no_sanitize("address"))) static void take_own(uint64_t end)
{
    ucontext_t context;

    (void)getcontext(&context);
    take_registers(&context);
    own.stack_bytes = end - own.stack_address < MAX_STACK ? end - own.stack_address : MAX_STACK;
    for (size_t i = 0; i < own.stack_bytes; i++)
        own.stack[i] = ((const volatile unsigned char *)own.stack_address)[i];
}

static __attribute__((always_inline)) inline void inlined_in_middle(uint64_t end)
{
    take_own(end);
    __asm__ volatile("" ::: "memory"); /* no tail call */
}

__attribute__((noinline)) static void middle(uint64_t end)
{
    inlined_in_middle(end);
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) static void outermost(uint64_t end)
{
    middle(end);
    __asm__ volatile("" ::: "memory");
}

/* --- as a capture ------------------------------------------------------------------------------------------ */

static struct native_rig rig;

static unsigned char build_id[PAM_MAX_BUILD_ID]; /* of this program */
static size_t build_id_bytes;
static char program[PATH_BYTES]; /* its file */

static void take(const struct pam_record *record)
{
    native_rig_take(&rig, record);
}

/* The build-id among the notes of a loaded file. */
static struct pam_bytes build_id_of(const struct dl_phdr_info *file)
{
    for (size_t i = 0; i < file->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &file->dlpi_phdr[i];
        const unsigned char *at = (const unsigned char *)(file->dlpi_addr + header->p_vaddr);
        const unsigned char *end = at + header->p_memsz;

        while (header->p_type == PT_NOTE && at + sizeof(ElfW(Nhdr)) <= end) {
            const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)(const void *)at;
            const unsigned char *content = at + sizeof *note + (note->n_namesz + 3U) / 4 * 4;

            if (note->n_type == NT_GNU_BUILD_ID)
                return (struct pam_bytes){content, note->n_descsz};
            at = content + (note->n_descsz + 3U) / 4 * 4;
        }
    }
    return (struct pam_bytes){NULL, 0};
}

/* What a capture would say of this program's files; the program itself is at `path`. */
struct told {
    const char *path; /* NULL: its own */
    struct pam_bytes build_id;
    bool no_files;
    uint64_t pid; /* 0: 7 */
};

static int put_module(struct dl_phdr_info *file, size_t size, void *context)
{
    const struct told *told = context;
    const bool is_program = !*file->dlpi_name;
    const char *path = is_program ? (told->path ? told->path : program) : file->dlpi_name;
    char real[PATH_BYTES];

    (void)size;
    if (!is_program && realpath(path, real))
        path = real;
    for (size_t i = 0; i < file->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &file->dlpi_phdr[i];
        const uint64_t skip = header->p_vaddr % 4096;

        if (header->p_type == PT_LOAD && header->p_flags & PF_X)
            take(&(struct pam_record){
                .type = PAM_module,
                .module = {.pid = told->pid ? told->pid : 7, .start = file->dlpi_addr + header->p_vaddr - skip,
                           .size_bytes = header->p_memsz + skip, .file_offset = header->p_offset - skip,
                           .path = pam_text(path),
                           .build_id = is_program ? told->build_id : build_id_of(file)}});
    }
    return 0;
}

static int keep_build_id(struct dl_phdr_info *file, size_t size, void *context)
{
    const struct pam_bytes id = build_id_of(file);

    (void)size;
    (void)context;
    build_id_bytes = id.size;
    memcpy(build_id, id.data, id.size);
    return 1; /* the first is the program */
}

static void set_up(const char *sysroot, const struct told *told)
{
    struct utsname names;
    struct told copy = *told;
    ssize_t size;

    native_rig_init(&rig, sysroot);
    assert_int_equal(uname(&names), 0);
    size = readlink("/proc/self/exe", program, sizeof program - 1);
    assert_true(size > 0);
    (void)dl_iterate_phdr(keep_build_id, NULL);
    assert_true(build_id_bytes > 0);
    if (!told->build_id.size)
        copy.build_id = (struct pam_bytes){build_id, build_id_bytes};
    take(&(struct pam_record){.type = PAM_host, .host = {.arch = pam_text(names.machine)}});
    if (!told->no_files)
        (void)dl_iterate_phdr(put_module, &copy);
}

static struct pam_native own_native(unsigned char bytes[8 * MAX_REGISTERS])
{
    size_t size = 0;

    for (size_t i = 0; i < MAX_REGISTERS; i++)
        if (own.mask >> i & 1) {
            pam_put_le(bytes + size, own.registers[i], 8);
            size += 8;
        }
    return (struct pam_native){.id = 5, .thread = 1, .registers = {bytes, size}, .register_mask = own.mask,
                               .stack_address = own.stack_address, .stack = {own.stack, own.stack_bytes}};
}

static void expect_start(const char *text, const char *start)
{
    if (strncmp(text, start, strlen(start)) != 0)
        fail_msg("'%.200s' does not start with '%s'", text, start);
}

static void expect_remark(const char *part)
{
    char *remarks;
    size_t size;
    FILE *out = open_memstream(&remarks, &size);

    pam_natives_remarks(rig.natives, out);
    assert_int_equal(fclose(out), 0);
    if (part ? !strstr(remarks, part) : *remarks)
        fail_msg("'%s' is not what is to be said: '%s'", remarks, part ? part : "");
    free(remarks);
}

/* --- tests --------------------------------------------------------------------------------------------------- */

static const char inlined[] = "take_own inlined_in_middle middle outermost take_this_stack ";
static const struct told usual;

static void this_stack_is_unwound_and_named(void **state)
{
    unsigned char registers[8 * MAX_REGISTERS];
    const struct pam_native native = own_native(registers);
    struct pam_native_stack stack;
    char text[NATIVE_TEXT_BYTES];

    (void)state;
    set_up(NULL, &usual);
    stack = native_rig_names(&rig, &native, false, text);
    expect_start(text, inlined);
    assert_non_null(strstr(text, " main "));
    assert_string_equal(strrchr(text, ' '), " _start");
    assert_true(stack.whole);
    expect_remark(NULL);
    (void)native_rig_names(&rig, &native, true, text);
    expect_start(text, "take_own(unit_natives) inlined_in_middle(unit_natives)");
    assert_non_null(strstr(text, "(libc.so.6)"));
    native_rig_done(&rig);
}

static void equal_stacks_are_one(void **state)
{
    unsigned char registers[8 * MAX_REGISTERS];
    struct pam_native native = own_native(registers);

    (void)state;
    set_up(NULL, &usual);
    take(&(struct pam_record){.type = PAM_native, .native = native});
    native.id = 6;
    take(&(struct pam_record){.type = PAM_native, .native = native});
    assert_int_equal(pam_model_native_plus1(rig.model, 5), pam_model_native_plus1(rig.model, 6));
    assert_int_equal(pam_model_native_plus1(rig.model, 7), 0);
    native_rig_done(&rig);
}

/* A file of another build tells nothing: neither names nor how to go on. */
static void another_build_is_not_used(void **state)
{
    static const unsigned char other[20] = {1, 2, 3};
    unsigned char registers[8 * MAX_REGISTERS];
    const struct pam_native native = own_native(registers);
    const struct told told = {.build_id = {other, sizeof other}};
    struct pam_native_stack stack;
    char text[NATIVE_TEXT_BYTES];

    (void)state;
    set_up(NULL, &told);
    stack = native_rig_names(&rig, &native, true, text);
    assert_int_equal(stack.user_count, 1);
    assert_false(stack.whole);
    expect_start(text, "0x");
    assert_non_null(strstr(text, "(unit_natives)"));
    expect_remark("is another build than in the capture and is not used");
    native_rig_done(&rig);
}

static void a_file_that_is_not_here(void **state)
{
    unsigned char registers[8 * MAX_REGISTERS];
    const struct pam_native native = own_native(registers);
    const struct told told = {.path = "/of/the/board"};
    char text[NATIVE_TEXT_BYTES];

    (void)state;
    set_up(NULL, &told);
    (void)native_rig_names(&rig, &native, true, text);
    expect_start(text, "0x");
    expect_remark("/of/the/board is not here: its frames are addresses; name a copy of the board's files with "
                  "--sysroot");
    native_rig_done(&rig);
}

static void files_are_found_under_a_sysroot(void **state)
{
    unsigned char registers[8 * MAX_REGISTERS];
    const struct pam_native native = own_native(registers);
    const struct told told = {.path = "/of/program (deleted)"};
    char folder[] = "/tmp/pam-unit-XXXXXX", path[64], text[NATIVE_TEXT_BYTES];

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/of", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/of/program", folder);
    assert_int_equal(symlink("/proc/self/exe", path), 0);
    set_up(folder, &told);
    assert_true(native_rig_names(&rig, &native, false, text).whole);
    expect_start(text, inlined);
    expect_remark(NULL);
    native_rig_done(&rig);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof path, "%s/of", folder);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* Pieces in any order. A process whose files were not there before goes on without them. */
static void files_come_with_the_capture(void **state)
{
    unsigned char registers[8 * MAX_REGISTERS];
    struct pam_native native = own_native(registers);
    const struct told told = {.path = "/of/the/board"};
    struct told copy = {.path = "/of/the/board", .pid = 8};
    char text[NATIVE_TEXT_BYTES], *content;
    struct stat status;
    FILE *file;

    (void)state;
    set_up(NULL, &told);
    take(&(struct pam_record){.type = PAM_native, .native = native});
    file = fopen("/proc/self/exe", "re");
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &status), 0);
    content = malloc((size_t)status.st_size);
    assert_int_equal(fread(content, 1, (size_t)status.st_size, file), status.st_size);
    (void)fclose(file);
    for (off_t at = (status.st_size - 1) / PAM_MAX_PIECE * PAM_MAX_PIECE; at >= 0; at -= PAM_MAX_PIECE) {
        const off_t left = status.st_size - at;

        take(&(struct pam_record){
            .type = PAM_bundle,
            .bundle = {.build_id = {build_id, build_id_bytes}, .path = pam_text("/of/the/board"),
                       .file_bytes = (uint64_t)status.st_size, .offset = (uint64_t)at,
                       .bytes = {(unsigned char *)content + at,
                                 (size_t)(left < PAM_MAX_PIECE ? left : PAM_MAX_PIECE)}}});
    }
    free(content);
    native.id = 6;
    take(&(struct pam_record){.type = PAM_thread, .thread = {.id = 1, .pid = 8, .tid = 8}});
    copy.build_id = (struct pam_bytes){build_id, build_id_bytes};
    (void)dl_iterate_phdr(put_module, &copy);
    assert_true(native_rig_names(&rig, &native, false, text).whole);
    expect_start(text, inlined);
    native_rig_done(&rig);
}

static void where_the_copy_ends_frame_pointers_go_on(void **state)
{
    unsigned char registers[8 * MAX_REGISTERS], chain[4 * 8];
    struct pam_native native = own_native(registers);
    struct pam_native_stack whole, stack;
    char text[NATIVE_TEXT_BYTES];

    (void)state;
    set_up(NULL, &usual);
    whole = native_rig_names(&rig, &native, false, text);
    assert_true(whole.user_count > 3);
    native.id = 6;
    native.stack.size = 0;
    stack = native_rig_names(&rig, &native, false, text);
    assert_false(stack.whole);
    assert_true(stack.user_count < whole.user_count);
    native.id = 7;
    pam_put_le(chain, own.registers[own.mask >> 32 & 1 ? 32 : 8], 8); /* where it stands */
    pam_put_le(chain + 8, (uint64_t)(uintptr_t)&middle + 1, 8);
    pam_put_le(chain + 16, (uint64_t)(uintptr_t)&outermost + 1, 8);
    pam_put_le(chain + 24, 77, 8);
    native.user_chain = (struct pam_bytes){chain, sizeof chain};
    (void)native_rig_names(&rig, &native, false, text);
    expect_start(text, "take_own ");
    assert_non_null(strstr(text, " middle outermost 0x4c"));
    native_rig_done(&rig);
}

/* Registers, masks and sizes that cannot be, with files and without. */
static void what_cannot_be_is_survived(void **state)
{
    unsigned char registers[8 * MAX_REGISTERS];
    char text[NATIVE_TEXT_BYTES];

    (void)state;
    for (int no_files = 0; no_files < 2; no_files++) {
        const struct told told = {.no_files = no_files};

        set_up(NULL, &told);
        for (uint64_t i = 1; i < 200; i++) {
            struct pam_native native = own_native(registers);
            uint64_t random = i * UINT64_C(0x9e3779b97f4a7c15);

            native.id = i;
            native.thread = i % 3;
            if (i & 1)
                native.register_mask ^= random;
            if (i & 2)
                native.registers.size = random % (native.registers.size + 1);
            if (i & 4)
                native.stack.size = random % 64;
            if (i & 8)
                native.stack_address = i & 1 ? UINT64_MAX - 4 : random;
            if (i & 16)
                registers[random % sizeof registers] ^= (unsigned char)(random >> 50);
            if (i & 32)
                native.user_chain = (struct pam_bytes){own.stack, 8 * (i % 64) + i % 8};
            assert_true(native_rig_names(&rig, &native, false, text).user_count <= 2048);
        }
        native_rig_done(&rig);
    }
}

/* Keeps what is above it on the stack alive while it is copied. */
__attribute__((noinline)) static int take_this_stack(void **state)
{
    extern void *__libc_stack_end;

    (void)state;
    outermost((uint64_t)(uintptr_t)__libc_stack_end + 64);
    __asm__ volatile("" ::: "memory");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_stack_is_unwound_and_named),
        cmocka_unit_test(equal_stacks_are_one),
        cmocka_unit_test(another_build_is_not_used),
        cmocka_unit_test(a_file_that_is_not_here),
        cmocka_unit_test(files_are_found_under_a_sysroot),
        cmocka_unit_test(files_come_with_the_capture),
        cmocka_unit_test(where_the_copy_ends_frame_pointers_go_on),
        cmocka_unit_test(what_cannot_be_is_survived),
    };

    return cmocka_run_group_tests(tests, take_this_stack, NULL);
}
