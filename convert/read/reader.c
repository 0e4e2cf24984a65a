/* reader.c - a capture as a sequence of events: blocks found, checked, inflated and decoded. */
#include "reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "input.h"

struct pam_reader {
    const char *name;
    struct pam_input input;
    struct pam_damage damage;
    ZSTD_DCtx *zstd;
    bool decodable;           /* the zstd frame was read from its start without a gap */
    bool any_block;
    uint32_t next_sequence;
    uint32_t epoch;
    uint64_t time_ns;
    struct pam_cursor records; /* what is left of the block in `raw` */
    enum pam_event_kind pending[4]; /* events to tell before the block's records */
    size_t pending_count, pending_told;
    unsigned char raw[PAM_MAX_BLOCK];
};

int pam_reader_open(struct pam_reader **ret, int fd, const char *name, struct pam_error *error)
{
    struct pam_reader *reader = calloc(1, sizeof *reader);
    const unsigned char *header;
    int r = 0;

    if (!reader)
        return pam_fail(error, PAM_MEMORY, "not enough memory to read %s", name);
    reader->name = name;
    reader->zstd = ZSTD_createDCtx();
    if (!reader->zstd || !pam_input_init(&reader->input, fd, PAM_BLOCK_HEADER_BYTES + PAM_MAX_STORED)) {
        pam_reader_free(reader);
        return pam_fail(error, PAM_MEMORY, "not enough memory to read %s", name);
    }
    (void)ZSTD_DCtx_setParameter(reader->zstd, ZSTD_d_windowLogMax, PAM_ZSTD_WINDOW_LOG);
    if (pam_input_look(&reader->input, PAM_FILE_HEADER_BYTES) < PAM_FILE_HEADER_BYTES) {
        if (reader->input.error_number)
            r = pam_fail(error, PAM_FAILED, "cannot read %s: %s", name,
                         strerror(reader->input.error_number));
        else if (reader->input.to == reader->input.from)
            r = pam_fail(error, PAM_DAMAGED, "%s is empty: nothing was captured", name);
        else
            r = pam_fail(error, PAM_DAMAGED, "%s is not a capture: it is too short", name);
    } else {
        header = pam_input_at(&reader->input);
        if (memcmp(header, PAM_MAGIC, PAM_MAGIC_BYTES) != 0)
            r = pam_fail(error, PAM_DAMAGED,
                         "%s is not a capture: it does not start as one (made by pamcollect?)", name);
        else if (header[PAM_MAGIC_BYTES] != PAM_VERSION)
            r = pam_fail(error, PAM_DAMAGED,
                         "%s is a capture of version %u and this program reads version %u: use the "
                         "one that came with its pamcollect",
                         name, header[PAM_MAGIC_BYTES], PAM_VERSION);
    }
    if (r < 0) {
        pam_reader_free(reader);
        return r;
    }
    pam_input_take(&reader->input, PAM_FILE_HEADER_BYTES);
    *ret = reader;
    return 0;
}

void pam_reader_free(struct pam_reader *reader)
{
    if (!reader)
        return;
    pam_input_done(&reader->input);
    (void)ZSTD_freeDCtx(reader->zstd);
    free(reader);
}

const struct pam_damage *pam_reader_damage(const struct pam_reader *reader)
{
    return &reader->damage;
}

uint64_t pam_reader_input_bytes(const struct pam_reader *reader)
{
    return reader->input.offset;
}

static void note_damage(struct pam_reader *reader)
{
    if (!reader->damage.first_offset)
        reader->damage.first_offset = reader->input.offset;
}

static bool header_is_good(const unsigned char *at, struct pam_block_header *header)
{
    return !memcmp(at, PAM_SYNC, PAM_SYNC_BYTES) &&
           pam_get_le(at + PAM_BLOCK_CRC_AT, 4) ==
               crc32(0, at + PAM_BLOCK_CRC_FROM, PAM_BLOCK_HEADER_BYTES - PAM_BLOCK_CRC_FROM) &&
           pam_get_block_header(at, header);
}

/* Moves to the next block header, over bytes that belong to none. False at the end. */
static bool find_header(struct pam_reader *reader, struct pam_block_header *header)
{
    struct pam_input *input = &reader->input;
    bool skipping = false;

    while (pam_input_look(input, PAM_BLOCK_HEADER_BYTES) == PAM_BLOCK_HEADER_BYTES) {
        if (header_is_good(pam_input_at(input), header))
            return true;
        if (!skipping)
            note_damage(reader);
        skipping = true;
        pam_input_take(input, 1);
        reader->damage.skipped_bytes++;
    }
    if (skipping)
        reader->damage.skipped_bytes += input->to - input->from;
    else if (input->to > input->from)
        reader->damage.cut_tail = true;
    pam_input_take(input, input->to - input->from);
    return false;
}

/* Is there a block in what is left of the input, behind the header at hand? */
static bool has_later_header(const struct pam_input *input)
{
    struct pam_block_header header;
    const unsigned char *end = input->buffer + input->to;

    for (const unsigned char *at = pam_input_at(input) + 1; at + PAM_BLOCK_HEADER_BYTES <= end; at++)
        if (header_is_good(at, &header))
            return true;
    return false;
}

/* The payload into reader->raw. */
static bool inflate_block(struct pam_reader *reader, const struct pam_block_header *header,
                          const unsigned char *payload)
{
    ZSTD_inBuffer in = {payload, header->stored_bytes, 0};
    ZSTD_outBuffer out = {reader->raw, header->raw_bytes, 0};
    size_t r = 1;

    while (in.pos < in.size && r != 0) {
        const size_t before = in.pos + out.pos;

        r = ZSTD_decompressStream(reader->zstd, &out, &in);
        if (ZSTD_isError(r) || in.pos + out.pos == before)
            return false;
    }
    return out.pos == header->raw_bytes && in.pos == in.size;
}

static void tell(struct pam_reader *reader, enum pam_event_kind kind)
{
    reader->pending[reader->pending_count++] = kind;
}

/* Compares the block with what should come next and says what is new. */
static void place_block(struct pam_reader *reader, const struct pam_block_header *header)
{
    if (header->sequence != reader->next_sequence) {
        /* A collector that dropped blocks leaves their places empty too: data lost, file whole. */
        reader->damage.lost_blocks += header->sequence > reader->next_sequence
                                          ? header->sequence - reader->next_sequence : 1;
        reader->decodable = false;
        tell(reader, PAM_EVENT_GAP);
    }
    if (!reader->any_block || header->epoch != reader->epoch)
        tell(reader, PAM_EVENT_EPOCH);
    tell(reader, PAM_EVENT_BLOCK);
    reader->any_block = true;
    reader->epoch = header->epoch;
    reader->next_sequence = header->sequence + 1;
    if (header->flags & PAM_BLOCK_FRAME_STARTS) {
        (void)ZSTD_DCtx_reset(reader->zstd, ZSTD_reset_session_only);
        reader->decodable = true;
    }
    if (header->clock_base_ns > reader->time_ns)
        reader->time_ns = header->clock_base_ns;
}

/* A block whose content is wrong: what follows within its zstd frame is lost with it. */
static void give_up_block(struct pam_reader *reader)
{
    note_damage(reader);
    reader->damage.damaged_blocks++;
    reader->decodable = false;
    reader->next_sequence++; /* so that the next one does not count as a gap once more */
    tell(reader, PAM_EVENT_GAP);
}

/* Reads the next block. 1: its events and records are ready, also when it was damaged; 0: the end. */
static int next_block(struct pam_reader *reader)
{
    struct pam_input *input = &reader->input;
    struct pam_block_header header;
    const unsigned char *payload;
    size_t size;
    bool whole;

    reader->records = pam_cursor(NULL, 0);
    reader->pending_count = reader->pending_told = 0;
    if (!find_header(reader, &header))
        return 0;
    size = PAM_BLOCK_HEADER_BYTES + header.stored_bytes;
    whole = pam_input_look(input, size) == size;
    if (!whole && !has_later_header(input)) {
        reader->damage.cut_tail = true;
        pam_input_take(input, input->to - input->from);
        return 0;
    }
    payload = pam_input_at(input) + PAM_BLOCK_HEADER_BYTES;
    if (!whole || crc32(0, payload, header.stored_bytes) != header.payload_crc) {
        /* Go on behind this header only: bytes may be missing from the payload. */
        reader->next_sequence = header.sequence;
        give_up_block(reader);
        pam_input_take(input, PAM_BLOCK_HEADER_BYTES);
        return 1;
    }
    place_block(reader, &header);
    if (!reader->decodable) {
        reader->damage.lost_blocks++;
        tell(reader, PAM_EVENT_GAP);
    } else if (!inflate_block(reader, &header, payload)) {
        reader->next_sequence = header.sequence;
        give_up_block(reader);
    } else {
        reader->time_ns = header.clock_base_ns;
        reader->records = pam_cursor(reader->raw, header.raw_bytes);
    }
    pam_input_take(input, size);
    return 1;
}

/* The next record of the block that is worth an event; false when the block is used up. */
static bool next_record(struct pam_reader *reader, struct pam_event *event)
{
    static const uint64_t MAX_DELTA_US = UINT64_C(3600000000) * 24 * 365;

    for (;;) {
        switch (pam_record_decode(&reader->records, &event->record)) {
        case PAM_DECODED_END:
            return false;
        case PAM_DECODED_UNKNOWN:
            reader->damage.unknown_records++;
            break;
        case PAM_DECODED_DAMAGED:
            note_damage(reader);
            reader->damage.damaged_records++;
            break;
        case PAM_DECODED_RECORD:
            if (event->record.type == PAM_tick && event->record.tick.delta_us < MAX_DELTA_US)
                reader->time_ns += event->record.tick.delta_us * 1000;
            if (event->record.type == PAM_end)
                reader->damage.complete = true;
            event->kind = PAM_EVENT_RECORD;
            event->time_ns = reader->time_ns;
            return true;
        }
    }
}

int pam_reader_next(struct pam_reader *reader, struct pam_event *event, struct pam_error *error)
{
    for (;;) {
        if (reader->pending_told < reader->pending_count) {
            event->kind = reader->pending[reader->pending_told++];
            event->time_ns = reader->time_ns;
            return 1;
        }
        if (next_record(reader, event))
            return 1;
        if (!next_block(reader))
            break;
    }
    if (reader->input.error_number)
        return pam_fail(error, PAM_FAILED, "cannot read %s: %s", reader->name,
                        strerror(reader->input.error_number));
    return 0;
}
