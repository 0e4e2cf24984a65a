/* maker.h - captures made by hand, record by record and block by block, for tests and fuzzers.
 *
 * Ends the program when it is misused; knows nothing of cmocka. */
#ifndef PAM_MAKER_H
#define PAM_MAKER_H

#include <stddef.h>
#include <stdint.h>

#include <pam/capture.h>
#include <pam/record.h>

struct maker {
    unsigned char *bytes; /* the capture so far */
    size_t size, room;
    size_t block_at;    /* where the last block stands in it */
    unsigned char *raw; /* the records of the block at hand */
    size_t raw_size;
    uint32_t sequence, epoch;
    uint64_t clock_base_ns;
    void *zstd;
};

/* Starts with a file header and room for a block. */
void maker_init(struct maker *maker);
void maker_done(struct maker *maker);

/* A record into the block at hand, encoded or as bytes that need not be a record. */
void maker_put(struct maker *maker, enum pam_record_id id, const void *body);
void maker_put_bytes(struct maker *maker, const void *bytes, size_t size);

/* Ends the block at hand. `flags`: enum pam_block_flag; where a zstd frame starts is said by them.
 */
void maker_end_block(struct maker *maker, unsigned flags);

/* Bytes behind the last block, whatever they are. */
void maker_append(struct maker *maker, const void *bytes, size_t size);

/* Makes the checksums of a block right again: `block` points to its header. */
void maker_mend(unsigned char *block, size_t stored_bytes);

/* The usual interned things; `id` is theirs. */
void maker_put_string(struct maker *maker, uint64_t id, const char *text);
void maker_put_code(struct maker *maker, uint64_t id, uint64_t file, uint64_t name);
void maker_put_frame(struct maker *maker, uint64_t id, uint64_t code, uint64_t unit_plus1);
void maker_put_stack(struct maker *maker, uint64_t id, uint64_t parent, uint64_t frame);
void maker_put_thread(struct maker *maker, uint64_t id, uint64_t tid, uint64_t name);
void maker_put_tick(struct maker *maker, uint64_t delta_us);
void maker_put_sample(struct maker *maker, uint64_t thread, uint64_t stack_plus1, uint64_t cpu_us);

#endif
