/* fuzz_stack.c - the stack reader on a fake target that the input builds, breaks, and changes while
 * it is read.
 *
 * Input: a byte that chooses CPython's version, a byte with the size of chunks, then steps: a byte
 * that tells what, and what it takes. See step(). */
#include <errno.h>
#include <fcntl.h>

#include "fuzz.h"
#include "python.h"
#include "python/regions.h"
#include "python/stack.h"

enum {
    TARGET_BYTES = 48 << 20,
    MOST_STEPS = 400,
    CALL_LIMIT = 60000, /* system calls for one read */
};

static struct target target;
static struct pam_remote remote;
static struct python python;
static struct python_thread thread;
static struct pam_py_thread py;
static struct pam_recorder recorder;
static struct pam_writer *writer;
static struct pam_codes codes;
static struct pam_health health;
static struct pam_stack_reader *reader;
static uint64_t objects[8]; /* code objects and what else there is */
static struct fuzz_bytes input;

/* An address in the target: near the things that are there, or far away. */
static uint64_t take_address(void)
{
    const uint64_t kind = fuzz_take(&input, 1), offset = fuzz_take(&input, 2);

    switch (kind % 6) {
    case 0: return thread.tstate + offset % 400;
    case 1: return thread.cframe + offset % 64;
    case 2: return thread.chunk + offset;
    case 3: return thread.current + offset % 128;
    case 4: return objects[offset % 8] + offset / 8 % 512;
    default: return TARGET_BASE + offset * 16;
    }
}

static void step(void)
{
    const uint64_t what = fuzz_take(&input, 1);
    uint64_t address;

    switch (what % 10) {
    case 0:
    case 1: /* a call */
        (void)(what % 2 ? python_push_heap : python_push)(
            &thread, objects[fuzz_take(&input, 1) % 4], fuzz_take(&input, 1) % 24);
        break;
    case 2: python_pop(&thread); break;
    case 3: python_set_unit(&thread, thread.current, fuzz_take(&input, 1)); break;
    case 4: /* a pointer */
        address = take_address();
        target_put(&target, address & ~UINT64_C(7), take_address(), 8);
        break;
    case 5: /* a small number */
        address = take_address();
        target_put(&target, address & ~UINT64_C(7), fuzz_take(&input, 3), 8);
        break;
    case 6: /* any number */
        address = take_address();
        target_put(&target, address, fuzz_take(&input, 8), 8);
        break;
    case 7: /* a byte */
        address = take_address();
        target_put(&target, address, fuzz_take(&input, 1), 1);
        break;
    case 8: /* something becomes unreadable */
        address = take_address();
        if (target.hole_count < TARGET_HOLES)
            target_hide(&target, address, 1 + (size_t)fuzz_take(&input, 2));
        break;
    default: target_show_all(&target); break;
    }
}

/* The target goes on between the pieces of a read as long as there is input. */
static void go_on(struct target *of, uint64_t address, unsigned seen)
{
    (void)of;
    (void)address;
    (void)seen;
    if (input.at < input.end && fuzz_take(&input, 1) % 4 == 0)
        step();
}

static void set_up_once(struct pam_runtime *runtime)
{
    static struct pam_wake wake;
    struct pam_error error;

    if (writer)
        return;
    demand(pam_writer_start(&writer, open("/dev/null", O_WRONLY | O_CLOEXEC), "nowhere", 0, &wake,
                            &error) == 0);
    demand(pam_recorder_init(&recorder, writer, &error) == 0);
    demand(pam_codes_init(&codes, &python.heap, python.code_type, runtime->version_hex));
    demand(pam_stack_reader_new(&reader, runtime, &remote, &codes, &recorder, &health, &error) ==
           0);
    pam_stack_reader_free(reader);
}

static void set_up(void)
{
    static const uint32_t versions[] = PYTHON_VERSIONS;
    static const char *const names[] = {"main", "serve", "read"};
    static struct pam_runtime runtime;
    struct pam_error error;

    target_init(&target, &remote, TARGET_BYTES);
    python_init(&python, &target, &remote, versions[fuzz_take(&input, 1) % 4]);
    runtime = (struct pam_runtime){.layout = python.layout,
                                   .version_hex = python.layout->version << 16,
                                   .runtime = python.runtime,
                                   .interpreter = python.interpreter,
                                   .interpreters = {python.interpreter},
                                   .interpreter_count = 1,
                                   .code_type = python.code_type};
    set_up_once(&runtime);
    codes.heap = python.heap;
    codes.code_type = python.code_type;
    pam_codes_clear(&codes);
    health = (struct pam_health){0};
    demand(pam_stack_reader_new(&reader, &runtime, &remote, &codes, &recorder, &health, &error) ==
           0);
    while (!pam_recorder_start_epoch(&recorder, 1))
        ; /* the writer is on its way */
    for (size_t i = 0; i < 3; i++) {
        objects[i] = python_code(&python, names[i], 20, (uint32_t)(10 + 700 * i));
        objects[3 + i] = target_get(&target, objects[i] + python.layout->code_qualname, 8);
    }
    objects[6] = target_get(&target, objects[0] + python.layout->code_names, 8);
    objects[7] = target_get(&target, objects[0] + python.layout->code_line_table, 8);
    python_thread(&thread, &python, 1, UINT64_C(256) << fuzz_take(&input, 1) % 15);
    (void)python_push(&thread, objects[0], 1);
    target.forgiving = true;
    py = (struct pam_py_thread){
        .tstate = thread.tstate,
        .unique_id = 1,
        .state = {.address = thread.tstate, .size = python.layout->tstate_bytes},
    };
}

static void read_once(void)
{
    struct pam_py_thread *const threads[] = {&py};
    struct pam_stack_result result = {.outcome = PAM_STACK_FAILED};
    const uint64_t calls = remote.calls;
    const uint64_t told = health.whole + health.truncated + health.failed + health.no_frame;

    target.byte_limit = 2 * PAM_MAX_REGION_BYTES + (64 << 10);
    if (pam_stacks_read(reader, threads, &result, 1, true, NULL, NULL) == 0)
        demand(health.whole + health.truncated + health.failed + health.no_frame == told + 1);
    demand(target.most_bytes <= target.byte_limit);
    demand(remote.calls - calls < CALL_LIMIT);
    demand(py.depth <= PAM_MAX_DEPTH && py.chunk_count <= PAM_MAX_CHUNKS &&
           py.heap_count <= PAM_MAX_HEAP_FRAMES);
    demand(result.outcome != PAM_STACK_WHOLE || result.stack_id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input = (struct fuzz_bytes){data, data + size};
    set_up();
    for (unsigned steps = 0; input.at < input.end && steps < MOST_STEPS; steps++) {
        if (fuzz_take(&input, 1) % 4) {
            step();
            continue;
        }
        target.before_piece = go_on;
        read_once();
        target.before_piece = NULL;
        pam_codes_check(&codes, &recorder);
    }
    read_once();
    pam_py_thread_done(&py);
    pam_stack_reader_free(reader);
    target_done(&target);
    return 0;
}
