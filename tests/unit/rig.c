/* rig.c - the stack reader on a fake target, with a recording of what it reads. */
#include "rig.h"

#include "spans.h"
#include "unit.h"

void rig_init(struct rig *rig, uint32_t version, uint64_t chunk_bytes)
{
    struct pam_error error;

    memset(rig, 0, sizeof *rig);
    target_init(&rig->target, &rig->remote, RIG_TARGET_BYTES);
    python_init(&rig->python, &rig->target, &rig->remote, version);
    recording_start(&rig->recording, -1, UINT64_C(5000000000000));
    rig->runtime = (struct pam_runtime){.layout = rig->python.layout,
                                        .version_hex = (version & 0xffff) << 16 | 0x07f0,
                                        .runtime = rig->python.runtime,
                                        .interpreter = rig->python.interpreter,
                                        .interpreters = {rig->python.interpreter},
                                        .interpreter_count = 1,
                                        .code_type = rig->python.code_type};
    assert_true(pam_codes_init(&rig->codes, &rig->python.heap, rig->python.code_type,
                               rig->runtime.version_hex));
    assert_true(pam_tasks_init(&rig->tasks, &rig->python.heap, &rig->codes, &rig->recording.recorder,
                               rig->python.interpreter, 77));
    assert_int_equal(pam_stack_reader_new(&rig->reader, &rig->runtime, &rig->remote, &rig->codes,
                                          &rig->recording.recorder, &rig->health, &error),
                     0);
    pam_stack_reader_tell_tasks(rig->reader, &rig->tasks);
    rig_add_thread(rig);
    rig->threads[0].chunk_bytes = chunk_bytes;
}

void rig_add_thread(struct rig *rig)
{
    struct python_thread *thread = &rig->threads[rig->count];

    assert_true(rig->count < RIG_THREADS);
    python_thread(thread, &rig->python, 1000 + rig->count, RIG_CHUNK_BYTES);
    rig->py[rig->count] = (struct pam_py_thread){
        .interpreter = rig->python.interpreter,
        .tstate = thread->tstate,
        .unique_id = 1000 + rig->count,
        .ident = 7000 + rig->count,
        .state = {.address = thread->tstate, .size = rig->python.layout->tstate_bytes},
    };
    rig->count++;
}

int rig_read(struct rig *rig)
{
    struct pam_py_thread *threads[RIG_THREADS];

    for (size_t i = 0; i < rig->count; i++) {
        threads[i] = &rig->py[i];
        rig->results[i] = (struct pam_stack_result){.outcome = PAM_STACK_FAILED};
    }
    return pam_stacks_read(rig->reader, threads, rig->results, rig->count, true, NULL, NULL);
}

void rig_expect_stack(struct rig *rig, uint64_t stack_id, const char *stack)
{
    assert_true(rig->expected_count < RIG_EXPECTATIONS);
    rig->expected[rig->expected_count].stack_id = stack_id;
    rig->expected[rig->expected_count++].text = stack;
}

void rig_expect(struct rig *rig, enum pam_outcome outcome, const char *stack)
{
    assert_int_equal(rig_read(rig), 0);
    assert_int_equal(rig->results[0].outcome, outcome);
    if (stack)
        rig_expect_stack(rig, rig->results[0].stack_id, stack);
}

/* Frame objects are entered from C, each of them; the expectations do not say so. */
static void take_marks(char *text)
{
    char *to = text;

    for (const char *at = text; *at; at++) {
        if (at == text || at[-1] == ';')
            assert_true(*at == '^' || *at == '-');
        if (*at != '^')
            *to++ = *at;
    }
    *to = '\0';
}

static void check_expectations(struct rig *rig)
{
    struct pam_reader *reader = reader_of(rig->recording.fd);
    struct pam_model *model;
    struct pam_event event;
    struct pam_error error;
    char text[SPAN_STACK_BYTES];

    assert_int_equal(pam_model_new(&model, &error), 0);
    while (pam_reader_next(reader, &event, &error) > 0)
        assert_int_equal(pam_model_add(model, &event, &error), 0);
    for (size_t i = 0; i < rig->expected_count; i++) {
        stack_text(model, pam_model_stack(model, rig->expected[i].stack_id), text);
        if (!rig->python.layout->tstate_chunk)
            take_marks(text);
        assert_string_equal(text, rig->expected[i].text);
    }
    pam_model_free(model);
    pam_reader_free(reader);
}

void rig_done(struct rig *rig)
{
    struct pam_error error;

    assert_int_equal(recording_finish(&rig->recording, &error), 0);
    if (rig->expected_count)
        check_expectations(rig);
    rig_free(rig);
}

void rig_free(struct rig *rig)
{
    for (size_t i = 0; i < rig->count; i++)
        pam_py_thread_done(&rig->py[i]);
    pam_stack_reader_free(rig->reader);
    pam_tasks_done(&rig->tasks);
    pam_codes_done(&rig->codes);
    recording_done(&rig->recording);
    target_done(&rig->target);
}

uint64_t rig_code(struct rig *rig, const char *name)
{
    return python_code(&rig->python, name, 20, 10);
}

uint64_t rig_call(struct rig *rig, const char *name, uint64_t unit_plus1)
{
    return python_push(&rig->threads[0], rig_code(rig, name), unit_plus1);
}
