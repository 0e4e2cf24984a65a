/* test_natives_arm64.c - a stack of 64-bit ARM is unwound and named on any machine, from what a capture bundles. */
#include "arm64_stack.def"

#include "native_rig.h"
#include "unit.h"

#define BYTES_IN(array) {(array), sizeof(array)}

static void set_up(struct native_rig *rig, const char *arch)
{
    const struct pam_bytes build_id = BYTES_IN(arm64_build_id);

    native_rig_init(rig, NULL);
    native_rig_take(rig, &(struct pam_record){.type = PAM_host, .host = {.arch = pam_text(arch)}});
    native_rig_take(rig, &(struct pam_record){.type = PAM_module,
                                   .module = {.pid = 7, .start = ARM64_START, .size_bytes = 4096,
                                              .file_offset = ARM64_OFFSET, .path = pam_text("/board/program"),
                                              .build_id = build_id}});
    native_rig_take(rig, &(struct pam_record){.type = PAM_bundle,
                                   .bundle = {.build_id = build_id, .path = pam_text("/board/program"),
                                              .file_bytes = sizeof arm64_program,
                                              .bytes = BYTES_IN(arm64_program)}});
}

static const struct pam_native native = {
    .id = 1,
    .thread = 1,
    .registers = BYTES_IN(arm64_registers),
    .register_mask = (UINT64_C(1) << 33) - 1,
    .stack_address = ARM64_STACK_ADDRESS,
    .stack = BYTES_IN(arm64_stack),
};

static const char expected[] = "take inlined_in_middle middle outermost _start";

static void unwound_and_named(void **state)
{
    struct native_rig rig;
    char text[NATIVE_TEXT_BYTES];

    (void)state;
    set_up(&rig, "aarch64");
    assert_true(native_rig_names(&rig, &native, false, text).whole);
    assert_string_equal(text, expected);
    native_rig_done(&rig);
}

/* Where return addresses are signed, the upper bits are no address. */
static void signed_return_addresses(void **state)
{
    unsigned char registers[sizeof arm64_registers], stack[sizeof arm64_stack];
    struct pam_native copy = native;
    struct native_rig rig;
    char text[NATIVE_TEXT_BYTES];
    size_t signed_words = 0;

    (void)state;
    memcpy(registers, arm64_registers, sizeof registers);
    memcpy(stack, arm64_stack, sizeof stack);
    for (size_t at = 0; at < sizeof stack; at += 8) {
        const uint64_t word = pam_get_le(stack + at, 8);

        if (word >= ARM64_START && word < ARM64_START + ARM64_SIZE) {
            pam_put_le(stack + at, word | UINT64_C(0x5a) << 50, 8);
            signed_words++;
        }
    }
    assert_true(signed_words >= 2);
    copy.registers.data = registers;
    copy.stack.data = stack;
    set_up(&rig, "aarch64");
    assert_true(native_rig_names(&rig, &copy, false, text).whole);
    assert_string_equal(text, expected);
    native_rig_done(&rig);
}

/* Its file is that of no other machine. */
static void as_another_machine(void **state)
{
    static const char *const others[] = {"x86_64", "riscv64", ""};

    (void)state;
    for (size_t i = 0; i < COUNT(others); i++) {
        struct native_rig rig;
        char text[NATIVE_TEXT_BYTES] = "";

        set_up(&rig, others[i]);
        assert_false(native_rig_names(&rig, &native, false, text).whole);
        assert_null(strstr(text, "take"));
        native_rig_done(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unwound_and_named),
        cmocka_unit_test(signed_return_addresses),
        cmocka_unit_test(as_another_machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
