/* fuzz_lines.c - any bytes as the tables of a code object: positions of its units, names of its
 * calls.
 *
 * Input: a byte that chooses the version, the first line (2 bytes), the sizes of line table,
 * bytecode and names (2 bytes each), then those, then the names of locals. */
#include "fuzz.h"
#include "symbols/callee.h"
#include "symbols/lines.h"

enum { MOST_UNITS = 512 };

static struct pam_bytes piece(struct fuzz_bytes *input, size_t size)
{
    const size_t left = (size_t)(input->end - input->at);
    const struct pam_bytes bytes = {input->at, size < left ? size : left};

    input->at += bytes.size;
    return bytes;
}

static void check_positions(const struct pam_code_model *code)
{
    static struct pam_position positions[MOST_UNITS];

    if (!pam_lines_decode(code->python_version, code->line_table, code->first_line, positions,
                          MOST_UNITS))
        return;
    for (size_t i = 0; i < MOST_UNITS; i++)
        demand(positions[i].column >= -1 && positions[i].end_column >= -1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t versions[] = {0x030b07f0, 0x030c01f0, 0x030d00f0, 0x030e08f0, 0x030a00f0};
    struct fuzz_bytes input = {data, data + size};
    struct pam_code_model code = {.python_version = versions[fuzz_take(&input, 1) % 5]};
    size_t line_table, bytecode, names;

    code.first_line = (uint32_t)fuzz_take(&input, 2);
    line_table = (size_t)fuzz_take(&input, 2);
    bytecode = (size_t)fuzz_take(&input, 2);
    names = (size_t)fuzz_take(&input, 2);
    code.line_table = piece(&input, line_table);
    code.bytecode = piece(&input, bytecode);
    code.names = piece(&input, names);
    code.local_names = piece(&input, size);
    check_positions(&code);
    for (size_t unit = 0; unit < MOST_UNITS; unit++) {
        char name[PAM_CALLEE_BYTES];

        if (pam_callee_name(&code, unit, name))
            demand(memchr(name, '\0', sizeof name) != NULL && name[0] != '\0');
    }
    return 0;
}
