/* test_plt.c - stubs of the procedure linkage table have the names that objdump gives them. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbols/plt.h"

#include "unit.h"

enum { LINE_BYTES = 4096 };

static const struct pam_dw *load(void)
{
    const char *why;
    const struct pam_dw *dw = pam_dw_load(&why);

    assert_non_null(dw);
    return dw;
}

/* Each stub of the file, at its first byte and at its last jump; how many there are. */
static unsigned check_file(const char *path)
{
    struct pam_elf elf = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
    char command[256], line[LINE_BYTES], expected[512] = "", name[PAM_FUNCTION_NAME_BYTES];
    unsigned long long address;
    char behind;
    unsigned count = 0;
    FILE *listing;

    assert_true(elf.fd >= 0);
    (void)snprintf(command, sizeof command, "objdump -d -j .plt -j .plt.sec -j .plt.got %s 2>/dev/null", path);
    listing = popen(command, "r");
    assert_non_null(listing);
    while (fgets(line, sizeof line, listing)) {
        if (sscanf(line, "%llx <%500[^>]>:", &address, expected) == 2) {
            if (expected[0] == '*' || strpbrk(expected, "+-")) /* nobody's, or what is before the first */
                expected[0] = '\0';
            count += expected[0] != '\0';
        } else if (sscanf(line, " %llx%c", &address, &behind) != 2 || behind != ':' || !expected[0] || strstr(line, "push") || strstr(line, "nop")) {
            continue;
        }
        if (pam_plt_name(load(), &elf, EM_X86_64, address, name) != (expected[0] != '\0'))
            fail_msg("%s: %llx is '%s'", path, address, expected);
        if (expected[0])
            assert_string_equal(name, expected);
    }
    assert_int_equal(pclose(listing), 0);
    (void)close(elf.fd);
    return count;
}

static void as_objdump_names_them(void **state)
{
    char own[200] = "";
    unsigned count;

    (void)state;
#ifndef __x86_64__
    skip();
#endif
    assert_true(readlink("/proc/self/exe", own, sizeof own - 1) > 0);
    count = check_file(own);
    if (access("/usr/bin/python3.11", R_OK) == 0)
        count += check_file("/usr/bin/python3.11");
    print_message("%u stubs\n", count);
    assert_true(count > 20);
}

/* --- a file of 64-bit ARM ------------------------------------------------------------------------------- */

enum {
    CODE_AT = 0x1000,        /* in the file, and as it says */
    WORDS_AT = 0x20000,      /* what the dynamic linker sets */
    RELOCATIONS_AT = 0x2000, /* in the file, like the rest */
    SYMBOLS_AT = 0x3000,
    NAMES_AT = 0x4000,
    SECTIONS_AT = 0x5000,
};

/* As GNU ld 2.40 writes them: the beginning, a stub, and one with branch protection. */
static const uint32_t code[] = {
    0xa9bf7bf0, 0xf00000f0, 0xf947fe11, 0x913fe210, 0xd61f0220, 0xd503201f, 0xd503201f, 0xd503201f,
    0xf00000f0, 0xf9400611, 0x91002210, 0xd61f0220,
    0xd503245f, 0xf00000f0, 0xf9400a11, 0x91004210, 0xd61f0220, 0xd503201f,
};

static const char strings[] = "\0.plt\0.rela.plt\0.dynsym\0.dynstr\0malloc\0free";

static void put(int fd, const void *data, size_t size, uint64_t at)
{
    assert_int_equal(pwrite(fd, data, size, (off_t)at), size);
}

static int make_arm64(void)
{
    const Elf64_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT}, .e_type = ET_DYN,
                               .e_machine = EM_AARCH64, .e_version = EV_CURRENT, .e_shoff = SECTIONS_AT,
                               .e_ehsize = sizeof header, .e_shentsize = sizeof(Elf64_Shdr), .e_shnum = 5, .e_shstrndx = 4};
    const Elf64_Rela relocations[] = {{WORDS_AT + 8, ELF64_R_INFO(1, R_AARCH64_JUMP_SLOT), 0},
                                      {WORDS_AT + 16, ELF64_R_INFO(2, R_AARCH64_JUMP_SLOT), 0}};
    const Elf64_Sym symbols[] = {{0}, {.st_name = 32}, {.st_name = 39}};
    const Elf64_Shdr sections[] = {
        {0},
        {.sh_name = 1, .sh_type = SHT_PROGBITS, .sh_addr = CODE_AT, .sh_offset = CODE_AT, .sh_size = sizeof code, .sh_entsize = 16},
        {.sh_name = 6, .sh_type = SHT_RELA, .sh_offset = RELOCATIONS_AT, .sh_size = sizeof relocations, .sh_link = 3,
         .sh_entsize = sizeof *relocations},
        {.sh_name = 16, .sh_type = SHT_DYNSYM, .sh_offset = SYMBOLS_AT, .sh_size = sizeof symbols, .sh_link = 4,
         .sh_entsize = sizeof *symbols},
        {.sh_name = 24, .sh_type = SHT_STRTAB, .sh_offset = NAMES_AT, .sh_size = sizeof strings},
    };
    const int fd = memfd_create("arm64", MFD_CLOEXEC);

    assert_true(fd >= 0);
    put(fd, &header, sizeof header, 0);
    put(fd, code, sizeof code, CODE_AT);
    put(fd, relocations, sizeof relocations, RELOCATIONS_AT);
    put(fd, symbols, sizeof symbols, SYMBOLS_AT);
    put(fd, strings, sizeof strings, NAMES_AT);
    put(fd, sections, sizeof sections, SECTIONS_AT);
    return fd;
}

static void of_arm64(void **state)
{
    static const char *const expected[] = {
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, /* the beginning is nobody's */
        "malloc@plt", "malloc@plt", "malloc@plt", "malloc@plt",
        "free@plt", "free@plt", "free@plt", "free@plt", "free@plt", "free@plt",
    };
    struct pam_elf elf = {.fd = make_arm64()};
    char name[PAM_FUNCTION_NAME_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof code / sizeof *code; i++) {
        const bool found = pam_plt_name(load(), &elf, EM_AARCH64, CODE_AT + 4 * i, name);

        assert_int_equal(found, expected[i] != NULL);
        if (found)
            assert_string_equal(name, expected[i]);
    }
    assert_false(pam_plt_name(load(), &elf, EM_AARCH64, CODE_AT - 4, name));
    assert_false(pam_plt_name(load(), &elf, EM_AARCH64, CODE_AT + sizeof code, name));
    (void)close(elf.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_objdump_names_them),
        cmocka_unit_test(of_arm64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
