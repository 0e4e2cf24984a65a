/* test_labels.c - which frames are one label, and the place in the source that a label has. */
#include "symbols/labels.h"

#include "feed.h"
#include "unit.h"

enum { FIRST_LINE = 10, CODES = 3, FRAMES = 6 };

/* Of 3.11: two units at 10:4-10:8, one at 10:12-10:20, one without a place, one at 11 without columns. */
static const struct pam_bytes table = BYTES("\x81\x44\xd0\x0c\x14\xf8\xe8\x02");
/* Of 3.9: two units on line 10, then line 11. */
static const struct pam_bytes lnotab = BYTES("\x04\x01");

static const struct {
    uint64_t version;
    const struct pam_bytes *table;
} codes[CODES] = {{0x030b00f0, &table}, {0x030900f0, &lnotab}, {0x030b00f0, NULL}};

struct rig {
    struct pam_model *model;
    struct pam_labels *labels;
    struct pam_error error;
};

/* Stack FRAMES * code + i of the model is that of unit i - 1 of that code: 0 is before the first unit, the last behind
 * the table. */
static void set_up(struct rig *rig, bool positions)
{
    memset(rig, 0, sizeof *rig);
    assert_int_equal(pam_model_new(&rig->model, &rig->error), 0);
    assert_int_equal(pam_labels_new(&rig->labels, rig->model, positions, &rig->error), 0);
    pam_model_add(rig->model, RECORD_EVENT(0, string, 1, pam_text("f.py")), &rig->error);
    for (uint64_t code = 0; code < CODES; code++) {
        const struct pam_bytes of_code = codes[code].table ? *codes[code].table : pam_text("");

        pam_model_add(rig->model, RECORD_EVENT(0, string, code + 2, {(const unsigned char *)"abc" + code, 1}),
                      &rig->error);
        pam_model_add(rig->model, RECORD_EVENT(0, code, .id = code, .python_version = codes[code].version, .file = 1,
                                               .name = code + 2, .qualname = code + 2, .first_line = FIRST_LINE,
                                               .line_table = of_code), &rig->error);
        for (uint64_t i = 0; i < FRAMES; i++) {
            const uint64_t id = 1 + FRAMES * code + i;

            pam_model_add(rig->model, RECORD_EVENT(0, frame, .id = id, .code = code, .unit_plus1 = i), &rig->error);
            pam_model_add(rig->model, RECORD_EVENT(0, stack, .id = id, .frame = id), &rig->error);
        }
    }
}

static void tear_down(struct rig *rig)
{
    pam_labels_free(rig->labels);
    pam_model_free(rig->model);
}

static struct pam_label label_of(struct rig *rig, uint32_t stack)
{
    static uint32_t labels[PAM_MAX_LABELS_A_STACK];

    assert_int_equal(pam_labels_frames(rig->labels, stack, labels, &rig->error), 1);
    return pam_labels_get(rig->labels, labels[0]);
}

static void check(bool positions, const struct pam_position expected[CODES][FRAMES], uint32_t labels)
{
    struct rig rig;

    set_up(&rig, positions);
    for (uint32_t code = 0; code < CODES; code++)
        for (uint32_t i = 0; i < FRAMES; i++) {
            const struct pam_label label = label_of(&rig, FRAMES * code + i);

            assert_memory_equal(&label.at, &expected[code][i], sizeof label.at);
        }
    assert_int_equal(pam_labels_count(rig.labels), labels);
    tear_down(&rig);
}

#define LINE(line) {line, line, -1, -1}

/* What has no place counts as one of the first line, with positions too. */
static void places(void **state)
{
    static const struct pam_position expected[CODES][FRAMES] = {
        {LINE(10), {10, 10, 4, 8}, {10, 10, 4, 8}, {10, 10, 12, 20}, LINE(10), LINE(11)},
        {LINE(10), LINE(10), LINE(10), LINE(11), LINE(11), LINE(11)},
        {LINE(10), LINE(10), LINE(10), LINE(10), LINE(10), LINE(10)},
    };

    (void)state;
    check(true, expected, 4 + 2 + 1);
}

static void lines(void **state)
{
    static const struct pam_position expected[CODES][FRAMES] = {
        {LINE(10), LINE(10), LINE(10), LINE(10), LINE(10), LINE(11)},
        {LINE(10), LINE(10), LINE(10), LINE(11), LINE(11), LINE(11)},
        {LINE(10), LINE(10), LINE(10), LINE(10), LINE(10), LINE(10)},
    };

    (void)state;
    check(false, expected, 2 + 2 + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places),
        cmocka_unit_test(lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
