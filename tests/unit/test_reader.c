/* test_reader.c - captures that are whole, slow, odd, or none at all. */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>
#include <zstd.h>

#include "maker.h"
#include "reader.h"

#include "unit.h"

enum {
    STARTS = PAM_BLOCK_FRAME_STARTS,
    ENDS = PAM_BLOCK_FRAME_ENDS,
    EPOCH = PAM_BLOCK_EPOCH_STARTS | PAM_BLOCK_FRAME_STARTS,
};

static const uint64_t START_NS = UINT64_C(5000000000000);

static struct maker maker;

static int begin(void **state)
{
    (void)state;
    maker_init(&maker);
    maker.clock_base_ns = START_NS;
    return 0;
}

static int end(void **state)
{
    (void)state;
    maker_done(&maker);
    return 0;
}

/* What the events of a capture are, one letter each: E(poch) B(lock) G(ap), and records: t(ick)
 * m(arker) s(tring) . for others. */
static char story[4096];
static struct pam_damage damage;
static uint64_t last_ns;

static int read_story(int fd)
{
    struct pam_reader *reader;
    struct pam_event event;
    struct pam_error error;
    size_t at = 0;
    int r = pam_reader_open(&reader, fd, "x.pamcap", &error);

    memset(story, 0, sizeof story);
    if (r < 0)
        return r;
    while ((r = pam_reader_next(reader, &event, &error)) > 0 && at < sizeof story - 1) {
        static const char kinds[] = {
            [PAM_EVENT_EPOCH] = 'E', [PAM_EVENT_BLOCK] = 'B', [PAM_EVENT_GAP] = 'G'};
        const unsigned type = event.record.type;

        last_ns = event.time_ns;
        story[at++] = event.kind != PAM_EVENT_RECORD ? kinds[event.kind]
                      : type == PAM_tick             ? 't'
                      : type == PAM_marker           ? 'm'
                      : type == PAM_string           ? 's'
                                                     : '.';
    }
    damage = *pam_reader_damage(reader);
    pam_reader_free(reader);
    return r;
}

static int read_maker(void)
{
    const int fd = memory_file(maker.bytes, maker.size);
    const int r = read_story(fd);

    (void)close(fd);
    return r;
}

static void put_marker(void)
{
    maker_put(&maker, PAM_marker, &(struct pam_marker){pam_text("here")});
}

static void no_captures(void **state)
{
    static const struct {
        struct pam_bytes bytes;
        const char *says;
    } rows[] = {
        {BYTES(""), "is empty"},
        {BYTES("\x89PAMCAP\n\1\0\0"), "too short"},
        {BYTES("elapsed_seconds,cpu_percent\r\n"), "not a capture"},
        {BYTES("\x89PAMCAP\r\n\1\0\0\0\0"), "not a capture"}, /* line ends were changed */
        {BYTES("\x89PAMCAP\n\2\0\0\0"), "version 2"},
        {BYTES("\x89PAMCAP\n\0\0\0\0"), "version 0"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const int fd = memory_file(rows[i].bytes.data, rows[i].bytes.size);
        struct pam_reader *reader;
        struct pam_error error;

        assert_row(rows[i].says, pam_reader_open(&reader, fd, "x.pamcap", &error) == PAM_DAMAGED);
        assert_row(rows[i].says, strstr(error.text, rows[i].says) != NULL);
        assert_row(rows[i].says, strstr(error.text, "x.pamcap") == error.text);
        (void)close(fd);
    }
}

static void what_cannot_be_read(void **state)
{
    const int fd = open("/", O_RDONLY | O_DIRECTORY);
    struct pam_reader *reader;
    struct pam_error error;

    (void)state;
    assert_int_equal(pam_reader_open(&reader, fd, "/", &error), PAM_FAILED);
    assert_non_null(strstr(error.text, "directory"));
    (void)close(fd);
}

static void a_header_and_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(read_maker(), 0);
    assert_string_equal(story, "");
    assert_false(damage.cut_tail || damage.complete || damage.skipped_bytes);
}

static void blocks_and_epochs(void **state)
{
    (void)state;
    put_marker();
    maker_end_block(&maker, EPOCH);
    maker_end_block(&maker, 0); /* a block without a record */
    maker_put_tick(&maker, 5);
    maker_end_block(&maker, ENDS);
    maker.epoch = 7;
    put_marker();
    maker_end_block(&maker, EPOCH); /* its frame never ends */
    maker.epoch = 3;
    maker_end_block(&maker, EPOCH | ENDS);
    maker_put(&maker, PAM_end, &(struct pam_end){pam_text("x")});
    maker_end_block(&maker, STARTS | ENDS | 0xf8); /* flags of the future */
    assert_int_equal(read_maker(), 0);
    assert_string_equal(story, "EBmBBtEBmEBB.");
    assert_true(damage.complete && !damage.cut_tail);
    assert_int_equal(damage.damaged_blocks + damage.lost_blocks + damage.skipped_bytes, 0);
}

static void time_moves_with_ticks(void **state)
{
    (void)state;
    maker_put_tick(&maker, 1500);
    maker_end_block(&maker, EPOCH);
    assert_int_equal(read_maker(), 0);
    assert_true(last_ns == START_NS + 1500000);
    maker.clock_base_ns += 7;
    maker_put_tick(&maker, 0);
    maker_put_tick(&maker, 1);
    maker_end_block(&maker, 0);
    assert_int_equal(read_maker(), 0);
    assert_true(last_ns == START_NS + 7 + 1000);
    maker_put_tick(&maker, UINT64_MAX); /* cannot be */
    maker_end_block(&maker, 0);
    assert_int_equal(read_maker(), 0);
    assert_true(last_ns == START_NS + 7);
}

static void records_of_the_future_and_broken_ones(void **state)
{
    (void)state;
    put_marker();
    maker_put_bytes(&maker, "\x7f\x03xyz", 5);   /* type 127 */
    maker_put_bytes(&maker, "\x12\x02\x05x", 4); /* a marker with a name of 5 bytes in 2 */
    put_marker();
    maker_put_bytes(&maker, "\x12\x40", 2); /* the block ends first */
    maker_end_block(&maker, EPOCH);
    put_marker();
    maker_end_block(&maker, ENDS);
    assert_int_equal(read_maker(), 0);
    assert_string_equal(story, "EBmmBm");
    assert_int_equal(damage.unknown_records, 1);
    assert_int_equal(damage.damaged_records, 2);
    assert_int_equal(damage.damaged_blocks, 0);
    assert_int_equal(damage.first_offset > 0, 1);
}

static void fill_with_random(size_t size)
{
    static unsigned char bytes[PAM_MAX_BLOCK];
    uint32_t random = 1;

    for (size_t i = 0; i < size; i++) {
        random = random * 1664525 + 1013904223;
        bytes[i] = (unsigned char)(random >> 24);
    }
    maker_put_bytes(&maker, "\x7f", 1); /* one record of an unknown type */
    maker.raw_size += pam_put_varint(maker.raw + maker.raw_size, size);
    maker_put_bytes(&maker, bytes, size);
}

static void the_largest_block(void **state)
{
    (void)state;
    fill_with_random(PAM_MAX_BLOCK - 4);
    maker_end_block(&maker, EPOCH);
    fill_with_random(PAM_MAX_BLOCK - 4);
    maker_end_block(&maker, ENDS);
    assert_int_equal(read_maker(), 0);
    assert_string_equal(story, "EBB");
    assert_int_equal(damage.unknown_records, 2);
    assert_int_equal(damage.damaged_blocks + damage.damaged_records, 0);
}

/* A header whose sizes are not those of its payload, with checksums that are right. */
static void sizes_that_are_not_those_of_the_payload(void **state)
{
    static const int steps[] = {-1, 1, 100, -20};

    (void)state;
    for (size_t i = 0; i < COUNT(steps); i++) {
        unsigned char *header;
        size_t stored;

        (void)end(state);
        (void)begin(state);
        for (int k = 0; k < 10; k++)
            put_marker();
        maker_end_block(&maker, EPOCH | ENDS);
        header = maker.bytes + maker.block_at;
        stored = pam_get_le(header + 28, 4);
        pam_put_le(header + 24, (uint64_t)((int64_t)pam_get_le(header + 24, 4) + steps[i]), 4);
        maker_mend(header, stored);
        put_marker();
        maker_end_block(&maker, STARTS | ENDS);
        assert_int_equal(read_maker(), 0);
        assert_string_equal(story, "EBGBm");
        assert_int_equal(damage.damaged_blocks, 1);
        assert_int_equal(damage.first_offset, PAM_FILE_HEADER_BYTES);
    }
}

/* A window larger than a reader must be ready to keep. */
static void a_window_over_the_bound(void **state)
{
    (void)state;
    (void)ZSTD_CCtx_setParameter(maker.zstd, ZSTD_c_windowLog, 27);
    put_marker();
    maker_end_block(&maker, EPOCH);
    assert_int_equal(read_maker(), 0);
    assert_string_equal(story, "EBG");
    assert_int_equal(damage.damaged_blocks, 1);
}

static void a_block_that_a_collector_dropped(void **state)
{
    (void)state;
    put_marker();
    maker_end_block(&maker, EPOCH);
    maker.sequence += 3;
    put_marker();
    maker_end_block(&maker, 0); /* cannot be decompressed: its frame misses a piece */
    maker.epoch++;
    put_marker();
    maker_end_block(&maker, EPOCH);
    assert_int_equal(read_maker(), 0);
    assert_string_equal(story, "EBmGBGEBm");
    assert_int_equal(damage.lost_blocks, 4);
    assert_int_equal(damage.damaged_blocks + damage.skipped_bytes, 0);
    assert_false(damage.cut_tail);
}

/* A hole in a large block is larger than all that follows: the header promises more than there is,
 * but the blocks behind the hole are there. */
static void a_hole_near_the_end_is_no_cut_tail(void **state)
{
    size_t hole_at, hole = 3000;

    (void)state;
    put_marker();
    maker_end_block(&maker, EPOCH | ENDS);
    fill_with_random(10000);
    maker_end_block(&maker, STARTS | ENDS);
    hole_at = maker.block_at + 5000;
    maker.epoch++;
    put_marker();
    put_marker();
    maker_end_block(&maker, EPOCH | ENDS);
    memmove(maker.bytes + hole_at, maker.bytes + hole_at + hole, maker.size - hole_at - hole);
    maker.size -= hole;
    assert_int_equal(read_maker(), 0);
    assert_non_null(strstr(story, "mm"));
    assert_int_equal(damage.damaged_blocks, 1);
    assert_false(damage.cut_tail);
}

/* --- a stream that grows
 * ---------------------------------------------------------------------------- */

static void *feed_slowly(void *context)
{
    const int fd = *(int *)context;

    for (size_t i = 0; i < maker.size; i++)
        if (write(fd, maker.bytes + i, 1) != 1)
            break;
    (void)close(fd);
    return NULL;
}

static void a_pipe_byte_by_byte(void **state)
{
    int ends[2];
    pthread_t feeder;

    (void)state;
    put_marker();
    maker_end_block(&maker, EPOCH);
    maker_append(&maker, "garbage", 7);
    put_marker();
    maker_end_block(&maker, ENDS);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pthread_create(&feeder, NULL, feed_slowly, &ends[1]), 0);
    assert_int_equal(read_story(ends[0]), 0);
    (void)pthread_join(feeder, NULL);
    (void)close(ends[0]);
    assert_string_equal(story, "EBmBm");
    assert_int_equal(damage.skipped_bytes, 7);
}

/* A block is told as soon as it is there, while the pipe stays open. */
static void a_block_is_told_at_once(void **state)
{
    struct pam_reader *reader;
    struct pam_event event;
    struct pam_error error;
    int ends[2];

    (void)state;
    put_marker();
    maker_end_block(&maker, EPOCH); /* its zstd frame goes on */
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], maker.bytes, maker.size), maker.size);
    assert_int_equal(pam_reader_open(&reader, ends[0], "pipe", &error), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pam_reader_next(reader, &event, &error), 1);
    assert_int_equal(event.record.type, PAM_marker);
    assert_int_equal(pam_reader_input_bytes(reader), maker.size);
    pam_reader_free(reader);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_captures),
        cmocka_unit_test(what_cannot_be_read),
        TEST(a_header_and_nothing_else),
        TEST(blocks_and_epochs),
        TEST(time_moves_with_ticks),
        TEST(records_of_the_future_and_broken_ones),
        TEST(the_largest_block),
        TEST(sizes_that_are_not_those_of_the_payload),
        TEST(a_window_over_the_bound),
        TEST(a_block_that_a_collector_dropped),
        TEST(a_hole_near_the_end_is_no_cut_tail),
        TEST(a_pipe_byte_by_byte),
        TEST(a_block_is_told_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
