/* code_cases.h - code objects made by real CPythons (gen_code_cases.py), and what they tell. */
#ifndef PAM_CODE_CASES_H
#define PAM_CODE_CASES_H

#include "symbols/lines.h"
#include "unit.h"

/* What a case is about; see gen_code_cases.py. */
enum code_case_kind { PLAIN, SUBSCRIPT, IMPLICIT };

/* `count` units with the same position. */
struct run {
    int64_t line, end_line, column, end_column;
    unsigned count;
};

struct call {
    unsigned unit;
    const char *callee; /* NULL: it has no name */
};

struct code_case {
    enum code_case_kind kind;
    uint32_t version; /* PY_VERSION_HEX */
    int64_t first_line;
    uint32_t first_cell;
    struct pam_bytes source, line_table, bytecode, adaptive, names, local_names;
    const struct run *runs;
    size_t run_count;
    const struct call *calls;
    size_t call_count;
};

static const struct code_case code_cases[] = {
#include "code_cases_3_11.def"
#include "code_cases_3_12.def"
#include "code_cases_3_13.def"
#include "code_cases_3_14.def"
#include "code_cases_3_8.def"
#include "code_cases_3_9.def"
#include "code_cases_3_10.def"
};

#endif
