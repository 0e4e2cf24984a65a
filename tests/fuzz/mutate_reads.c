/* mutate_reads.c - the readers of a Python process on one whose memory lies, millions of times: whatever
 * a read returns, they stay within their bounds and count what came out.
 *
 * Usage: mutate_reads [LIES [SEED]]; without LIES as many as PAM_MUTATED_READS says, else 200,000. */
#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>

#include "fuzz.h"
#include "liar.h"
#include "python/stack.h"
#include "python/threads.h"

enum {
    THREADS = 8,
    TARGET_BYTES = 16 << 20,
    FEW_LIES = 200000,
    READS_AN_EPOCH = 2000,
    READS_TO_FORGET = 100,
    /* What one look at the process may cost at most, whatever it says. Of the CPU's time a hundred times
     * what it takes here, since sanitizers and slow machines take longer. */
    CALL_LIMIT = 140000,
    CPU_LIMIT_MS = 20000,
};

static struct process {
    struct target target;
    struct pam_remote remote;
    struct python python;
    struct pam_runtime runtime;
    struct python_thread threads[THREADS]; /* in the target */
    struct pam_py_thread py[THREADS];      /* what the reader knows of them */
    uint64_t codes[12];
    uint64_t text, bytes, tuple, number, dict, split, instance;
} process;

static struct liar liar;
static struct pam_recorder recorder;
static struct pam_codes codes;
static struct pam_health health;
static struct pam_thread_names names;
static struct pam_stack_reader *reader;
static uint64_t now_ns = 1;

/* --- what is looked at ---------------------------------------------------------------------------- */

static uint64_t known(uint64_t address)
{
    liar_knows(&liar, address);
    return address;
}

static void make_objects(void)
{
    struct python *python = &process.python;
    const uint16_t wide[] = {0x41, 0xe9, 0xd800, 0x3b1, 0xffff};
    const uint32_t digits[] = {123456, 7};
    const uint64_t name = known(python_str(python, "_name"));
    uint64_t values[THREADS], keys;
    struct python_entry entries[THREADS];

    process.text = known(python_wide_str(python, 2, wide, sizeof wide / sizeof *wide));
    process.bytes = known(python_bytes(python, "some bytes", 10));
    process.number = known(python_int(python, 2, digits));
    for (size_t i = 0; i < THREADS; i++)
        values[i] = known(python_str(python, i % 2 ? "a-thread" : "another thread"));
    process.tuple = known(python_tuple(python, values, THREADS));
    entries[0] = (struct python_entry){name, values[0]};
    keys = known(python_keys(python, entries, 1, false));
    process.instance = known(python_instance(python, keys, values, 1, 0));
    process.split = known(python_split_dict(python, keys, values, 1));
    for (size_t i = 0; i < THREADS; i++) {
        const uint32_t ident = (uint32_t)(7000 + i);

        entries[i] = (struct python_entry){
            known(python_int(python, 1, &ident)),
            known(i % 2 ? python_instance(python, keys, &values[i], 1, 0)
                        : python_instance(python, 0, NULL, 0,
                                          python_dict(python, &(struct python_entry){name, values[i]},
                                                      1, true)))};
    }
    process.dict = known(python_dict(python, entries, THREADS, true));
}

/* sys.modules["threading"]._active */
static void make_threading(void)
{
    struct python *python = &process.python;
    const uint64_t module = known(target_alloc(&process.target, 256));
    const struct python_entry active = {known(python_str(python, "_active")), process.dict};
    const struct python_entry threading = {known(python_str(python, "threading")), module};

    target_put(&process.target, module + python->layout->module_dict,
               known(python_dict(python, &active, 1, false)), 8);
    target_put(&process.target, python->interpreter + python->layout->interp_modules,
               known(python_dict(python, &threading, 1, false)), 8);
}

static void make_thread(size_t i)
{
    struct python *python = &process.python;
    const struct pam_layout *layout = python->layout;
    struct python_thread *thread = &process.threads[i];
    const uint64_t head = python->interpreter + layout->interp_threads_head;

    python_thread(thread, python, i + 1, i % 2 ? 4096 : 16384); /* the largest frame fits */
    for (size_t depth = 0; depth < 4 + 5 * i; depth++) {
        const bool coroutine = i % 4 == 3 && depth % 3 == 2;

        known((coroutine ? python_push_heap : python_push)(
            thread, process.codes[(i + depth) % (sizeof process.codes / sizeof *process.codes)],
            1 + depth % 20));
    }
    target_put(&process.target, thread->tstate + layout->tstate_next,
               target_get(&process.target, head, 8), 8);
    target_put(&process.target, head, known(thread->tstate), 8);
    known(thread->cframe);
    known(thread->chunk);
    process.py[i] = (struct pam_py_thread){
        .tstate = thread->tstate,
        .unique_id = i + 1,
        .state = {.address = thread->tstate, .size = layout->tstate_bytes},
    };
}

static void make_process(uint32_t version, uint64_t seed)
{
    static const char *const called[] = {"main", "serve", "read", "write"};

    process = (struct process){0};
    target_init(&process.target, &process.remote, TARGET_BYTES);
    liar_init(&liar, &process.target, &process.remote, seed);
    python_init(&process.python, &process.target, &process.remote, version);
    process.runtime = (struct pam_runtime){.layout = process.python.layout,
                                           .version_hex = version << 16,
                                           .runtime = process.python.runtime,
                                           .interpreter = process.python.interpreter,
                                           .interpreters = {process.python.interpreter},
                                           .interpreter_count = 1,
                                           .code_type = process.python.code_type};
    for (size_t i = 0; i < sizeof process.codes / sizeof *process.codes; i++)
        process.codes[i] = known(python_code(&process.python, called[i % 4], 20, (uint32_t)(10 + 30 * i)));
    make_objects();
    make_threading();
    for (size_t i = 0; i < THREADS; i++)
        make_thread(i);
}

/* --- looks at it ---------------------------------------------------------------------------------- */

static uint64_t outcomes(void)
{
    return health.whole + health.truncated + health.failed + health.no_frame;
}

static void read_stacks(void)
{
    struct pam_py_thread *threads[THREADS];
    struct pam_stack_result results[THREADS] = {0};
    const struct pam_health before = health;
    const uint64_t told = outcomes();

    for (size_t i = 0; i < THREADS; i++)
        threads[i] = &process.py[i];
    (void)pam_stacks_read(reader, threads, results, THREADS, true, NULL, NULL);
    demand(outcomes() == told + THREADS);
    demand(health.frames_kept - before.frames_kept <= (uint64_t)THREADS * PAM_MAX_DEPTH);
    demand(health.failed == health.fail_read + health.fail_pointer + health.fail_code +
                                health.fail_geometry + health.fail_unstable + health.fail_depth);
    for (size_t i = 0; i < THREADS; i++)
        demand(process.py[i].depth <= PAM_MAX_DEPTH &&
               (results[i].outcome != PAM_STACK_WHOLE || results[i].stack_id));
}

static void check_codes(void)
{
    pam_codes_check(&codes, &recorder);
}

static void list_threads(void)
{
    static struct pam_tstate states[2 * THREADS];
    size_t count;

    (void)pam_tstates_list(&process.remote, &process.runtime, states, 2 * THREADS, &count);
}

static bool is_utf8(const unsigned char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        const unsigned char first = text[i];
        const size_t more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;

        if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || more >= size - i)
            return false;
        for (size_t k = 1; k <= more; k++)
            if (text[i + k] >> 6 != 2)
                return false;
        i += 1 + more;
    }
    return true;
}

static bool take_name(const struct pam_thread_name *name, void *context)
{
    (void)context;
    demand(name->text.size <= PAM_THREAD_NAME_BYTES && is_utf8(name->text.data, name->text.size));
    return true;
}

static void read_names(void)
{
    pam_thread_names_each(&names, take_name, NULL);
}

static bool take_entry(uint64_t key, uint64_t value, void *context)
{
    (void)key;
    (void)value;
    return ++*(uint64_t *)context <= PAM_MAX_DICT;
}

static void read_objects(void)
{
    static char text[PAM_MAX_NAMES];
    const struct pam_heap *heap = &process.python.heap;
    const uint64_t objects[] = {process.text,  process.bytes, process.tuple,   process.number,
                                process.dict,  process.split, process.instance, process.codes[0]};
    const uint64_t object = objects[liar_random(&liar) % 8]; /* not always of the kind that is expected */
    uint64_t value, entries = 0;
    size_t size;

    if (pam_read_str(heap, object, text, sizeof text, &size))
        demand(size <= sizeof text && is_utf8((unsigned char *)text, size));
    if (pam_read_bytes(heap, process.bytes, (unsigned char *)text, sizeof text, &size))
        demand(size <= sizeof text);
    if (pam_read_names(heap, process.tuple, text, sizeof text, &size))
        demand(size <= sizeof text && is_utf8((unsigned char *)text, size));
    (void)pam_read_int(heap, object, &value);
    (void)pam_each_entry(heap, object, take_entry, &entries);
    demand(entries <= PAM_MAX_DICT);
    (void)pam_instance_get(heap, object, "_name");
    (void)pam_dict_get(heap, process.split, "_name");
}

/* --- many times ----------------------------------------------------------------------------------- */

static struct look {
    const char *what;
    void (*act)(void);
    unsigned share;
    uint64_t count, most_calls, most_bytes, most_ns;
} looks[] = {
    {"stacks", read_stacks, 8, 0, 0, 0, 0}, {"codes", check_codes, 1, 0, 0, 0, 0},
    {"thread list", list_threads, 2, 0, 0, 0, 0}, {"thread names", read_names, 2, 0, 0, 0, 0},
    {"objects", read_objects, 6, 0, 0, 0, 0},
};
enum { LOOKS = sizeof looks / sizeof *looks };

static uint64_t cpu_ns(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void note(uint64_t *most, uint64_t value)
{
    if (value > *most)
        *most = value;
}

static void look(struct look *at)
{
    const uint64_t calls = process.remote.calls, bytes = process.remote.bytes, start = cpu_ns();

    at->act();
    at->count++;
    note(&at->most_calls, process.remote.calls - calls);
    note(&at->most_bytes, process.remote.bytes - bytes);
    note(&at->most_ns, cpu_ns() - start);
    demand(at->most_calls <= CALL_LIMIT && at->most_ns / 1000000 <= CPU_LIMIT_MS);
}

static void look_at_any(void)
{
    unsigned choice = (unsigned)(liar_random(&liar) % 19); /* the sum of the shares */
    size_t i = 0;

    while (choice >= looks[i].share)
        choice -= looks[i++].share;
    look(&looks[i]);
}

static void start_epoch(void)
{
    while (!pam_recorder_start_epoch(&recorder, now_ns += 1000000))
        ; /* the writer is on its way */
    pam_codes_clear(&codes);
    for (size_t i = 0; i < THREADS; i++)
        process.py[i].depth = 0;
}

/* The process calls and returns between two looks. */
static void go_on(void)
{
    struct python_thread *thread = &process.threads[liar_random(&liar) % THREADS];
    const uint64_t random = liar_random(&liar);

    if (random & 1 && thread->current != 0)
        python_pop(thread);
    else if (process.target.used < TARGET_BYTES / 2)
        python_push(thread, process.codes[random / 2 % 12], random >> 16 & 15);
}

static uint64_t all_lies(void)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < LIE_KINDS; i++)
        sum += liar.told[i];
    return sum;
}

/* When it stops lying, what was learnt of it is soon forgotten, and everything can be read again. */
static void tell_the_truth(void)
{
    uint64_t good;

    liar.one_in = 0;
    start_epoch();
    for (size_t i = 0; i < READS_TO_FORGET; i++)
        read_stacks();
    good = health.whole + health.no_frame;
    read_stacks();
    demand(health.whole + health.no_frame == good + THREADS);
}

static void lie(uint32_t version, uint64_t lies, uint64_t seed)
{
    struct pam_error error;

    make_process(version, seed);
    demand(pam_codes_init(&codes, &process.python.heap, process.python.code_type, version << 16));
    demand(pam_stack_reader_new(&reader, &process.runtime, &process.remote, &codes, &recorder, &health,
                                &error) == 0);
    names = (struct pam_thread_names){.heap = process.python.heap, .runtime = &process.runtime};
    for (uint64_t i = 0; all_lies() < lies; i++) {
        if (i % READS_AN_EPOCH == 0)
            start_epoch();
        liar.one_in = UINT64_C(4) << (liar_random(&liar) % 9);
        pam_recorder_time(&recorder, now_ns += 10000000, 0, true);
        look_at_any();
        go_on();
    }
    tell_the_truth();
    for (size_t i = 0; i < THREADS; i++)
        pam_py_thread_done(&process.py[i]);
    pam_stack_reader_free(reader);
    pam_codes_done(&codes);
    target_done(&process.target);
}

static void tell(uint32_t version)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    (void)printf("CPython %u.%u: %llu pieces read by %llu calls, changed:", version >> 8, version & 0xff,
                 (unsigned long long)liar.pieces, (unsigned long long)liar.calls);
    for (size_t i = 0; i < LIE_KINDS; i++)
        (void)printf(" %s %llu", lie_names[i], (unsigned long long)liar.told[i]);
    (void)printf("\n  stacks: %llu whole, %llu cut, %llu without a frame, %llu failed; %ld MB at most\n",
                 (unsigned long long)health.whole, (unsigned long long)health.truncated,
                 (unsigned long long)health.no_frame, (unsigned long long)health.failed,
                 usage.ru_maxrss >> 10);
    for (size_t i = 0; i < LOOKS; i++)
        (void)printf("  %-12s %8llu looks, at most %6llu calls, %9llu bytes, %6.1f ms\n", looks[i].what,
                     (unsigned long long)looks[i].count, (unsigned long long)looks[i].most_calls,
                     (unsigned long long)looks[i].most_bytes, (double)looks[i].most_ns / 1e6);
}

int main(int argc, char **argv)
{
    const char *const wanted = argc > 1 ? argv[1] : getenv("PAM_MUTATED_READS");
    const uint64_t lies = wanted ? strtoull(wanted, NULL, 10) : FEW_LIES;
    const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    struct pam_writer *writer;
    struct pam_wake wake = {0};
    struct pam_error error;
    uint32_t rows = 0;

    demand(lies > 0);
    demand(pam_writer_start(&writer, open("/dev/null", O_WRONLY | O_CLOEXEC), "nowhere", 0, &wake,
                            &error) == 0);
    demand(pam_recorder_init(&recorder, writer, &error) == 0);
    for (uint32_t version = 0x0300; version < 0x0400; version++)
        rows += pam_layout_for(version << 16, false) != NULL;
    demand(rows > 0);
    for (uint32_t version = 0x0300; version < 0x0400; version++) {
        if (!pam_layout_for(version << 16, false))
            continue;
        health = (struct pam_health){0};
        lie(version, (lies + rows - 1) / rows, seed + version);
        tell(version);
        for (size_t i = 0; i < LOOKS; i++)
            looks[i].count = looks[i].most_calls = looks[i].most_bytes = looks[i].most_ns = 0;
    }
    return 0;
}
