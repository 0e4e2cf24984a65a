/* test_elf.c - ELF files whose headers lie: what is there is found, and what is not costs little. */
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "target/elf.h"

#include "unit.h"

enum {
    MOST_MS = 5000,  /* of CPU time for one file; honest ones take 2 ms, sanitizers are slow */
    MOST_MB = 400,   /* more memory than before */
    FILE_BYTES = 1 << 16,
    NAMES_AT = 4096, /* in the file */
    SYMBOLS_AT = 8192,
    SECTIONS_AT = 16384,
    SYMBOLS = 16,
};

static const char names[] = "\0_PyRuntime\0PyCode_Type";

static int fd;

static void put(const void *data, size_t size, uint64_t at)
{
    assert_int_equal(pwrite(fd, data, size, (off_t)at), size);
}

static void put_section(unsigned index, Elf64_Shdr section)
{
    put(&section, sizeof section, SECTIONS_AT + index * sizeof section);
}

static Elf64_Shdr symbol_section(uint64_t count)
{
    return (Elf64_Shdr){.sh_type = SHT_SYMTAB, .sh_offset = SYMBOLS_AT, .sh_link = 2,
                        .sh_size = count * sizeof(Elf64_Sym), .sh_entsize = sizeof(Elf64_Sym)};
}

static Elf64_Ehdr file_header(void)
{
    Elf64_Ehdr header = {.e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
                         .e_shoff = SECTIONS_AT, .e_phoff = sizeof header, .e_phnum = 1,
                         .e_ehsize = sizeof header, .e_phentsize = sizeof(Elf64_Phdr),
                         .e_shentsize = sizeof(Elf64_Shdr), .e_shnum = 3};

    memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    return header;
}

/* Section 1: symbols, of which the last but one is _PyRuntime; section 2: their names. */
static void make_file(uint64_t bytes)
{
    const Elf64_Ehdr header = file_header();
    const Elf64_Phdr segment = {.p_type = PT_LOAD, .p_offset = 0, .p_vaddr = 0x400000};
    const Elf64_Sym runtime = {.st_name = 1, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
                               .st_shndx = 1, .st_value = 0x1234};

    fd = memfd_create("elf", MFD_CLOEXEC);
    assert_true(fd >= 0 && ftruncate(fd, (off_t)bytes) == 0);
    put(&header, sizeof header, 0);
    put(&segment, sizeof segment, sizeof header);
    put(names, sizeof names, NAMES_AT);
    put(&runtime, sizeof runtime, SYMBOLS_AT + (SYMBOLS - 2) * sizeof runtime);
    put_section(1, symbol_section(SYMBOLS));
    put_section(2, (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = NAMES_AT, .sh_size = sizeof names});
}

static uint64_t cpu_ms(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* In a process of its own, so that what it takes does not count for the next. */
static void read_it(void *context)
{
    struct pam_symbol symbols[] = {{"_PyRuntime", 0}, {"PyCode_Type", 0}};
    struct rusage before, after;
    const uint64_t start = cpu_ms();
    struct pam_elf elf;
    bool ok;

    (void)getrusage(RUSAGE_SELF, &before);
    ok = pam_elf_read(fd, &elf, symbols, COUNT(symbols), false);
    (void)getrusage(RUSAGE_SELF, &after);
    if (cpu_ms() - start > MOST_MS || after.ru_maxrss - before.ru_maxrss > MOST_MB << 10)
        _exit(1);
    if (context && (!ok || symbols[0].value != 0x1234 || symbols[1].value || elf.first_load != 0x400000))
        _exit(2);
}

static void expect_survival(void)
{
    assert_true(survives(read_it, NULL));
    (void)close(fd);
}

static void an_honest_file(void **state)
{
    (void)state;
    make_file(FILE_BYTES);
    assert_true(survives(read_it, state));
    (void)close(fd);
}

static void one_table_many_times(void **state)
{
    enum { TIMES = 4000 };
    Elf64_Ehdr header = file_header();

    (void)state;
    make_file(64 << 20);
    for (unsigned i = 3; i < TIMES; i++)
        put_section(i, symbol_section((60 << 20) / sizeof(Elf64_Sym)));
    header.e_shnum = TIMES;
    put(&header, sizeof header, 0);
    expect_survival();
}

/* More sections than 65,279 are counted by the first one. */
static void more_sections_than_memory(void **state)
{
    const uint64_t counts[] = {1 << 20, 1 << 24, UINT32_MAX, UINT64_MAX / 64};

    (void)state;
    for (size_t i = 0; i < COUNT(counts); i++) {
        Elf64_Ehdr header = file_header();

        make_file(UINT64_C(1) << 38); /* all but the first pages are a hole */
        header.e_shnum = 0;
        header.e_phnum = PN_XNUM;
        put(&header, sizeof header, 0);
        put_section(0, (Elf64_Shdr){.sh_size = counts[i], .sh_info = (uint32_t)counts[i]});
        expect_survival();
    }
}

static void names_without_end(void **state)
{
    enum { BYTES = 60 << 20, MANY = 200000 };
    const Elf64_Sym symbol = {.st_name = 5, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
                              .st_shndx = 1, .st_value = 1};
    const uint64_t symbols_at = UINT64_C(1) << 28;
    Elf64_Shdr section = symbol_section(MANY);
    char *text = malloc(BYTES);

    (void)state;
    assert_non_null(text);
    memset(text, 'x', BYTES);
    make_file(UINT64_C(1) << 29);
    put(text, BYTES, 1 << 20);
    free(text);
    for (uint64_t i = 0; i < MANY; i++)
        put(&symbol, sizeof symbol, symbols_at + i * sizeof symbol);
    section.sh_offset = symbols_at;
    put_section(1, section);
    put_section(2, (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = 1 << 20, .sh_size = BYTES});
    expect_survival();
}

static void tables_larger_than_memory(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++) {
        Elf64_Shdr section = symbol_section(SYMBOLS);

        make_file(UINT64_C(1) << 38);
        section.sh_size = UINT64_C(1) << 35;
        if (which == 1)
            section.sh_entsize = 1;
        if (which == 2)
            section = (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_size = UINT64_C(1) << 35};
        put_section(which == 2 ? 2 : 1, section);
        expect_survival();
    }
}

static void what_is_no_file(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    fd = ends[0]; /* nobody writes: who reads would wait for ever */
    (void)alarm(60);
    expect_survival();
    (void)alarm(0);
    (void)close(ends[1]);
}

static atomic_bool done;

static void *cut_off(void *context)
{
    (void)context;
    while (!atomic_load(&done))
        if (ftruncate(fd, NAMES_AT) != 0 || ftruncate(fd, FILE_BYTES) != 0)
            _exit(1);
    return NULL;
}

/* Whoever may write the file may make it shorter while it is read. */
static void read_while_it_is_cut_off(void *context)
{
    pthread_t thread;

    (void)context;
    make_file(FILE_BYTES);
    if (pthread_create(&thread, NULL, cut_off, NULL) != 0)
        _exit(1);
    for (int i = 0; i < 3000; i++) {
        struct pam_symbol symbol = {"_PyRuntime", 0};
        struct pam_elf elf;

        (void)pam_elf_read(fd, &elf, &symbol, 1, false);
    }
    atomic_store(&done, true);
    (void)pthread_join(thread, NULL);
}

static void a_file_that_becomes_shorter(void **state)
{
    (void)state;
    atomic_store(&done, false);
    assert_true(survives(read_while_it_is_cut_off, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_honest_file),
        cmocka_unit_test(one_table_many_times),
        cmocka_unit_test(more_sections_than_memory),
        cmocka_unit_test(names_without_end),
        cmocka_unit_test(tables_larger_than_memory),
        cmocka_unit_test(what_is_no_file),
        cmocka_unit_test(a_file_that_becomes_shorter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
