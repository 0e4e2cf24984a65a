/* fuzz_convert.c - records, packed into a valid capture, through pam_convert into all formats.
 *
 * Input: a byte of options, then records. A record of type 126 ends a block: its first byte has the
 * block's flags (enum pam_block_flag), the second how many blocks are missing behind it. An input
 * that starts as a capture is taken as it is. */
#include "convert.h"
#include "fuzz.h"
#include "maker.h"

enum { END_OF_BLOCK = 126, MAX_FORMATS = 16 };

static void end_block(struct maker *maker, struct pam_bytes how)
{
    const unsigned flags = how.size > 0 ? how.data[0] : PAM_BLOCK_FRAME_STARTS;

    if (flags & PAM_BLOCK_EPOCH_STARTS)
        maker->epoch++;
    maker_end_block(maker, flags);
    maker->sequence += how.size > 1 ? how.data[1] : 0;
    maker->clock_base_ns += 1000000000;
}

/* One record off the input; what is none is the rest of the block at hand. */
static void pack_record(struct maker *maker, struct pam_cursor *input)
{
    const unsigned char *from = input->at;
    const uint64_t type = pam_get_varint(input);
    const struct pam_bytes payload = pam_get_bytes(input, PAM_MAX_BLOCK);
    size_t size = (size_t)(input->at - from);

    if (!input->failed && type == END_OF_BLOCK) {
        end_block(maker, payload);
        return;
    }
    if (size > PAM_MAX_BLOCK)
        size = PAM_MAX_BLOCK;
    if (size > PAM_MAX_BLOCK - maker->raw_size)
        end_block(maker, (struct pam_bytes){NULL, 0});
    maker_put_bytes(maker, from, size);
}

static void convert(int fd, unsigned options)
{
    struct pam_filter filter = {
        .on_cpu = options >> 4 & 1,
        .no_idle = options >> 5 & 1,
        .from = {.given = options >> 6 & 1, .seconds = 0.5},
        .to = {.given = options >> 7 & 1, .marker = "here"},
    };
    const struct pam_conversion conversion = {
        .all_columns = options >> 3 & 1,
        .weight = (enum pam_weight)(options % 4),
        .event = "page-faults",
        .filter = &filter,
    };
    const bool live = options >> 2 & 1;
    struct pam_source sources[2] = {{.name = "input", .fd = fd, .live = live}, {.fd = -1}};
    struct pam_output outputs[MAX_FORMATS];
    char again[32];
    struct pam_outcome outcome = {.remarks = NULL};
    struct pam_error error;
    size_t count = 0;

    for (; pam_formats[count]; count++)
        outputs[count] = (struct pam_output){pam_formats[count], "/dev/null"};
    demand(count < MAX_FORMATS);
    (void)snprintf(again, sizeof again, "/proc/self/fd/%d", fd);
    if (!live) /* the same once more, as another capture */
        demand(pam_source_open(&sources[1], again, &error) == 0);
    if (pam_sources_order(sources, live ? 1 : 2, &error) == 0)
        demand(pam_convert(sources, live ? 1 : 2, &conversion, outputs, count, &outcome, &error) <= 0);
    free(outcome.remarks);
    pam_source_close(&sources[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pam_cursor input = pam_cursor(data + 1, size ? size - 1 : 0);
    struct maker maker;

    if (size >= PAM_MAGIC_BYTES && !memcmp(data, PAM_MAGIC, PAM_MAGIC_BYTES)) {
        convert(fuzz_file(data, size), 0);
        return 0;
    }
    if (!size)
        return 0;
    maker_init(&maker);
    maker.clock_base_ns = UINT64_C(5000000000000);
    while (pam_left(&input))
        pack_record(&maker, &input);
    end_block(&maker, (struct pam_bytes){NULL, 0});
    convert(fuzz_file(maker.bytes, maker.size), data[0]);
    maker_done(&maker);
    return 0;
}
