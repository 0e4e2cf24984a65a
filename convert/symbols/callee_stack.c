/* callee_stack.c - what a call calls, by following its callable down the value stack: CPython 3.8 to 3.10.
 *
 * Their line tables tell no columns. But what a call takes from the stack is known, and backwards from it what
 * each instruction put there, so the instruction that loaded the callable is found; and from that, in the
 * same way, the one that loaded the object of an attribute. */
#include "symbols/expression.h"

enum opcode_class { OTHER, NAME, LOCAL, CELL, ATTRIBUTE, CALL, BRANCH, GOTO, EXTEND };
enum jump { NONE, FROM_NEXT_BYTES, FROM_NEXT_UNITS, FROM_START_BYTES, FROM_START_UNITS };

enum {
    MOST_LINKS = 32,     /* of a chain of attributes and calls: more does not fit a name */
    MOST_STEPS = 1 << 20, /* for one name: instructions looked at, however the code is made */
};

struct opcode {
    uint16_t version; /* PY_VERSION_HEX >> 16 */
    uint8_t number;
    uint8_t kind;     /* enum opcode_class */
    uint8_t pops, pops_each, pops_mask, pushes;
    uint8_t jump;     /* enum jump */
    uint8_t jump_pops;
};

static const struct opcode opcodes[] = {
#define ROW(...) {__VA_ARGS__},
#include "symbols/stack_opcodes.def"
#undef ROW
};

bool pam_callee_may_be_python(uint32_t python_version)
{
    for (size_t i = 0; i < sizeof opcodes / sizeof *opcodes; i++)
        if (opcodes[i].version == python_version >> 16)
            return true;
    return false;
}

/* The code and its opcodes by number; NULL: one that no expression has. */
struct program {
    const struct pam_code_model *code;
    const struct opcode *table[256];
    size_t steps;
};

static struct program program_of(const struct pam_code_model *code)
{
    struct program program = {.code = code};

    for (size_t i = 0; i < sizeof opcodes / sizeof *opcodes; i++)
        if (opcodes[i].version == code->python_version >> 16)
            program.table[opcodes[i].number] = &opcodes[i];
    return program;
}

static const struct opcode *opcode_at(const struct program *program, size_t unit)
{
    return program->table[program->code->bytecode.data[2 * unit]];
}

static bool is_prefix(const struct program *program, size_t unit)
{
    const struct opcode *opcode = opcode_at(program, unit);

    return opcode && opcode->kind == EXTEND;
}

/* The first unit of the instruction whose opcode stands at `unit`: prefixes that extend its argument count. */
static size_t start_of(const struct program *program, size_t unit)
{
    while (unit > 0 && is_prefix(program, unit - 1))
        unit--;
    return unit;
}

static uint32_t argument_at(const struct program *program, size_t unit)
{
    uint32_t argument = 0;

    for (size_t i = start_of(program, unit); i <= unit; i++)
        argument = argument << 8 | program->code->bytecode.data[2 * i + 1];
    return argument;
}

static uint64_t pops_of(const struct opcode *opcode, uint32_t argument)
{
    return opcode->pops + (uint64_t)opcode->pops_each * argument +
           (unsigned)__builtin_popcount(argument & opcode->pops_mask);
}

/* The unit to which the instruction at `unit` jumps; 0, to which none does, when it does not. */
static size_t target_of(const struct program *program, size_t unit)
{
    const struct opcode *opcode = opcode_at(program, unit);
    const uint32_t argument = opcode && opcode->jump != NONE ? argument_at(program, unit) : 0;

    switch (opcode ? (enum jump)opcode->jump : NONE) {
    case FROM_NEXT_BYTES: return unit + 1 + argument / 2;
    case FROM_NEXT_UNITS: return unit + 1 + argument;
    case FROM_START_BYTES: return argument / 2;
    case FROM_START_UNITS: return argument;
    case NONE: break;
    }
    return 0;
}

/* The last instruction before `to` that jumps there. */
static bool find_jump(struct program *program, size_t to, size_t *from)
{
    for (size_t i = to; i > 0 && program->steps++ < MOST_STEPS; i--)
        if (target_of(program, i - 1) == to) {
            *from = i - 1;
            return true;
        }
    return false;
}

/* Does a way lead from before `from` to behind it without passing it, up to `to`? */
static bool is_passed_by(struct program *program, size_t from, size_t to)
{
    for (size_t i = 0; i < start_of(program, from) && program->steps++ < MOST_STEPS; i++) {
        const size_t target = target_of(program, i);

        if (target > from && target <= to)
            return true;
    }
    return program->steps >= MOST_STEPS;
}

/* The instruction that put there what is the `depth`-th from the top of the stack before unit `to`. */
static bool find_producer(struct program *program, size_t to, uint64_t depth, size_t *producer)
{
    size_t at = to;

    while (at > 0 && program->steps++ < MOST_STEPS) {
        size_t unit = at - 1;
        const struct opcode *opcode = opcode_at(program, unit);

        if (!opcode)
            return false;
        if (opcode->kind == GOTO) { /* what follows it is reached by a jump only */
            if (!find_jump(program, at, &unit))
                return false;
            depth += opcode_at(program, unit)->jump_pops;
        } else if (depth <= opcode->pushes) {
            *producer = unit;
            return !is_passed_by(program, unit, to);
        } else {
            depth += pops_of(opcode, argument_at(program, unit)) - opcode->pushes;
        }
        at = start_of(program, unit);
    }
    return false;
}

static const char *name_of(const struct program *program, const struct opcode *opcode, uint32_t argument)
{
    const struct pam_code_model *code = program->code;

    if (opcode->kind == LOCAL)
        return pam_name_at(code->local_names, argument);
    if (opcode->kind == CELL)
        return pam_name_at(code->local_names, (uint64_t)code->first_cell + argument);
    return pam_name_at(code->names, argument);
}

static bool callable_of(struct program *program, size_t call, size_t *producer)
{
    return find_producer(program, start_of(program, call),
                         pops_of(opcode_at(program, call), argument_at(program, call)), producer);
}

/* One part of an expression: what the instruction at a unit adds to it. */
struct link {
    const struct opcode *opcode;
    size_t unit;
};

/* From the callable inwards: a.b().c are an attribute, a call, an attribute and a name. */
static size_t find_links(struct program *program, size_t call, struct link links[MOST_LINKS])
{
    size_t count = 0, unit;
    bool found = callable_of(program, call, &unit);

    while (found && count < MOST_LINKS) {
        const struct opcode *opcode = opcode_at(program, unit);

        if (opcode->kind == OTHER || opcode->kind == BRANCH)
            break; /* an item of something, say: that has no name */
        links[count++] = (struct link){opcode, unit};
        if (opcode->kind == ATTRIBUTE)
            found = find_producer(program, start_of(program, unit), 1, &unit);
        else
            found = opcode->kind == CALL && callable_of(program, unit, &unit);
    }
    while (count && links[count - 1].opcode->kind == CALL)
        count--; /* what comes of a call of something without a name */
    return count;
}

bool pam_callee_name_by_stack(const struct pam_code_model *code, size_t unit,
                              char name[PAM_CALLEE_BYTES])
{
    struct program program = program_of(code);
    struct pam_expression expression = {.text = name, .size = 0};
    struct link links[MOST_LINKS];
    size_t count;

    name[0] = '\0';
    if (unit >= code->bytecode.size / 2 || !opcode_at(&program, unit) ||
        opcode_at(&program, unit)->kind != CALL)
        return false;
    count = find_links(&program, unit, links);
    for (size_t i = count; i > 0; i--) {
        const struct link *link = &links[i - 1];
        const char *part = link->opcode->kind == CALL
                               ? "()"
                               : name_of(&program, link->opcode, argument_at(&program, link->unit));

        pam_expression_append(&expression, link->opcode->kind == ATTRIBUTE && i < count ? "." : "",
                              part ? part : "?");
    }
    return expression.size > 0;
}
