/* test_parts.c - what a stripped library's function for CPython's loop seldom does is known for a part of it; what another
 * function seldom does is not. */
#include <dlfcn.h>
#include <link.h>
#include <sys/utsname.h>

#include "native_rig.h"
#include "symbols/names.h"
#include "unit.h"

static struct native_rig rig;

static void take(const struct pam_record *record)
{
    native_rig_take(&rig, record);
}

static void take_host(void)
{
    struct utsname name;

    (void)uname(&name);
    take(&(struct pam_record){.type = PAM_host, .host = {.arch = pam_text(name.machine)}});
}

static int take_module(struct dl_phdr_info *file, size_t size, void *context)
{
    (void)size;
    if (strcmp(file->dlpi_name, context) != 0)
        return 0;
    for (size_t i = 0; i < file->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &file->dlpi_phdr[i];
        const uint64_t skip = header->p_vaddr % 4096;

        if (header->p_type == PT_LOAD && header->p_flags & PF_X)
            take(&(struct pam_record){
                .type = PAM_module,
                .module = {.pid = 7, .start = file->dlpi_addr + header->p_vaddr - skip,
                           .size_bytes = header->p_memsz + skip, .file_offset = header->p_offset - skip,
                           .path = pam_text(file->dlpi_name)}});
    }
    return 1;
}

/* The name of where in the library's function `note` is called when it goes that way. */
static void name_of(void *library, const char *function, int way, char text[NATIVE_TEXT_BYTES])
{
    static uint64_t natives;
    void *const symbol = dlsym(library, function);
    int (*call)(int way, void **at);
    unsigned char chain[8];
    void *at = NULL;

    assert_non_null(symbol);
    memcpy(&call, &symbol, sizeof call); /* ISO C has no conversion */
    (void)call(way, &at);
    assert_non_null(at);
    pam_put_le(chain, (uint64_t)(uintptr_t)at, sizeof chain);
    (void)native_rig_names(&rig, &(struct pam_native){.id = ++natives, .thread = 1, .user_chain = {chain, sizeof chain}},
                           false, text);
}

static void parts_are_the_loop(void **state)
{
    char loop[NATIVE_TEXT_BYTES], another[NATIVE_TEXT_BYTES];
    void *library = dlopen(LOOP_LIBRARY, RTLD_NOW);

    (void)state;
    assert_non_null(library);
    native_rig_init(&rig, NULL);
    take_host();
    assert_int_equal(dl_iterate_phdr(take_module, LOOP_LIBRARY), 1);
    for (int way = 1; way <= 2; way++) {
        name_of(library, PAM_LOOP_NAME, way, loop);
        name_of(library, "another", way, another);
        printf("%s, %s\n", loop, another);
        assert_string_equal(loop, PAM_LOOP_NAME);
        assert_string_not_equal(another, PAM_LOOP_NAME);
    }
    native_rig_done(&rig);
    assert_int_equal(dlclose(library), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_the_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
