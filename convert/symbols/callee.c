/* callee.c - the name of what a call instruction calls, as the source wrote it. */
#include "symbols/callee.h"

#include <stdlib.h>
#include <string.h>

#include "symbols/expression.h"
#include "symbols/lines.h"

enum opcode_class { OTHER, CALL, PYCALL, NAME, ATTRIBUTE, SUPER, LOCAL, EXTEND };

struct opcode {
    uint16_t version; /* PY_VERSION_HEX >> 16 */
    uint8_t number;
    uint8_t kind;     /* enum opcode_class */
    uint8_t shift;    /* of the argument, before it is an index */
    uint8_t caches;   /* units that follow and are no instructions */
};

static const struct opcode opcodes[] = {
#define ROW(version, number, kind, shift, caches) {version, number, kind, shift, caches},
#include "symbols/opcodes.def"
#undef ROW
};

static const struct opcode *opcode_for(uint32_t python_version, unsigned number)
{
    static const struct opcode other = {0};

    for (size_t i = 0; i < sizeof opcodes / sizeof *opcodes; i++)
        if (opcodes[i].version == python_version >> 16 && opcodes[i].number == number)
            return &opcodes[i];
    return &other;
}

/* The callable's expression as it grows from instruction to instruction. */
struct expression {
    struct pam_expression source;
    int64_t end_line, end_column; /* of what it covers */
};

static bool ends_before(const struct pam_position *a, int64_t line, int64_t column)
{
    return a->end_line < line || (a->end_line == line && a->end_column < column);
}

/* One instruction that starts where the call does and ends before it. */
static void extend(struct expression *expression, const struct opcode *opcode, uint64_t argument,
                   const struct pam_code_model *code, const struct pam_position *position)
{
    const struct pam_bytes names = opcode->kind == LOCAL ? code->local_names : code->names;
    const char *name = pam_name_at(names, argument >> opcode->shift);
    const bool grows = expression->source.size && !ends_before(position, expression->end_line,
                                                       expression->end_column + 1);

    switch ((enum opcode_class)opcode->kind) {
    case NAME:
    case LOCAL:
        expression->source.size = 0;
        expression->source.text[0] = '\0';
        pam_expression_append(&expression->source, "", name ? name : "?");
        break;
    case ATTRIBUTE:
        /* A method called over several lines starts at its own name: then it stands alone. */
        if (!grows)
            expression->source.size = 0;
        pam_expression_append(&expression->source, grows ? "." : "", name ? name : "?");
        break;
    case SUPER: /* one instruction for what the source has as super().name */
        expression->source.size = 0;
        pam_expression_append(&expression->source, "super().", name ? name : "?");
        break;
    case CALL:
    case PYCALL:
        if (!grows)
            return;
        pam_expression_append(&expression->source, "", "()");
        break;
    case OTHER: /* a subscript, say: what comes of it has no name */
        if (grows)
            expression->source.size = 0;
        return;
    case EXTEND: return;
    }
    expression->end_line = position->end_line;
    expression->end_column = position->end_column;
}

static bool is_load(const struct opcode *opcode)
{
    return opcode->kind == NAME || opcode->kind == ATTRIBUTE || opcode->kind == SUPER ||
           opcode->kind == LOCAL;
}

/* A call of the same range that is not the one at hand (in 3.11 a PRECALL stands before each CALL). */
static bool is_other_call(const struct opcode *opcode, size_t at, size_t unit)
{
    return (opcode->kind == CALL || opcode->kind == PYCALL) && at + 1u + opcode->caches < unit;
}

/* False when the call has no callable that the source names. */
static bool scan(const struct pam_code_model *code, size_t unit,
                 const struct pam_position *positions, struct expression *expression)
{
    const struct pam_position *call = &positions[unit];
    uint64_t argument = 0;

    for (size_t i = 0; i < unit;) {
        const struct opcode *opcode = opcode_for(code->python_version, code->bytecode.data[2 * i]);
        const struct pam_position *position = &positions[i];

        argument = argument << 8 | code->bytecode.data[2 * i + 1];
        if (opcode->kind != EXTEND) {
            if (position->line == call->line && position->column == call->column && position->line) {
                if (ends_before(position, call->end_line, call->end_column))
                    extend(expression, opcode, argument, code, position);
                else if (is_load(opcode))
                    return false; /* not written as a call: a decorator, a `with` */
                else if (is_other_call(opcode, i, unit))
                    expression->source.size = 0; /* the object of a `with`, or the same call, compiled twice */
            }
            argument = 0;
        }
        i += 1u + opcode->caches;
    }
    return expression->source.size > 0;
}

bool pam_callee_name(const struct pam_code_model *code, size_t unit, char name[PAM_CALLEE_BYTES])
{
    struct expression expression = {.source = {.text = name}};
    struct pam_position *positions;
    bool found = false;

    if (pam_callee_may_be_python(code->python_version))
        return pam_callee_name_by_stack(code, unit, name);
    name[0] = '\0';
    if (unit >= code->bytecode.size / 2 ||
        opcode_for(code->python_version, code->bytecode.data[2 * unit])->kind != CALL)
        return false;
    positions = calloc(unit + 1, sizeof *positions);
    if (positions && pam_lines_decode(code->python_version, code->line_table, code->first_line,
                                      positions, unit + 1) &&
        positions[unit].column >= 0)
        found = scan(code, unit, positions, &expression);
    free(positions);
    return found;
}
