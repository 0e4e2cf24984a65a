/* capture.h - the container of a capture: magic, blocks, and every limit with its reason.
 *
 *   capture := file-header block*
 *   file-header := magic[8] version[1] zero[3]
 *   block := block-header payload[stored_bytes]
 *   block-header := sync[4] crc[4] payload_crc[4] flags[1] zero[3]
 *                   sequence[4] epoch[4] raw_bytes[4] stored_bytes[4] clock_base_ns[8]
 *   record := type-varint size-varint field*
 *
 * Integers of the headers are little-endian. `crc` is the CRC-32 (zlib's) of the header after
 * itself, `payload_crc` that of the payload. The payloads of consecutive blocks of one epoch are
 * consecutive pieces of one zstd frame, from a block with PAM_BLOCK_FRAME_STARTS to one with
 * PAM_BLOCK_FRAME_ENDS; each block's piece is flushed, so it can be decoded as soon as it is
 * there, and yields exactly raw_bytes of records. No record crosses a block.
 * docs/capture-format.md says the same in prose, for a second reader. */
#ifndef PAM_CAPTURE_H
#define PAM_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Not text (0x89), and a text-mode transfer that changes line ends breaks it, as in PNG. */
#define PAM_MAGIC "\x89PAMCAP\n"
#define PAM_SYNC  "\xf1PB\x9d"

enum {
    PAM_MAGIC_BYTES = 8,
    PAM_VERSION = 1,
    PAM_FILE_HEADER_BYTES = 12,
    PAM_SYNC_BYTES = 4,
    PAM_BLOCK_HEADER_BYTES = 40,

    PAM_MAX_TEXT = 4096,         /* PATH_MAX on Linux; no name needs more */
    PAM_MAX_BUILD_ID = 64,       /* SHA-1 is 20, SHA-512 would be 64 */
    PAM_MAX_TABLE = 64 << 10,    /* line table or bytecode: a function of ~20,000 lines */
    PAM_MAX_NAMES = 16 << 10,    /* names used by one function */
    PAM_MAX_CHAIN = 2 << 10,     /* 256 frames; perf_event's own bound is 127 */
    PAM_MAX_REGISTERS = 512,     /* 64 registers, as many as register_mask has bits */
    PAM_MAX_STACK_COPY = 64 << 10, /* perf_event's own bound */
    PAM_MAX_PIECE = 64 << 10,    /* of a file; larger parts come in several */
    PAM_MAX_AWAITED = 16 << 10,  /* tasks of one gather(): 5,000 and more */
    PAM_MAX_BLOCK = 256 << 10,   /* raw; the largest record (a code, 161 KiB) must fit into one */
    PAM_MAX_STORED = 264 << 10,  /* ZSTD_compressBound(PAM_MAX_BLOCK) and a flush */
    PAM_ZSTD_WINDOW_LOG = 17,    /* 128 KiB: what a decoder must be ready to keep */
};

enum pam_block_flag {
    PAM_BLOCK_FRAME_STARTS = 1, /* a zstd frame starts here: decoding can start here */
    PAM_BLOCK_FRAME_ENDS = 2,   /* and ends here */
    PAM_BLOCK_EPOCH_STARTS = 4, /* first block of its epoch; implies PAM_BLOCK_FRAME_STARTS */
};

enum pam_sampling {
    PAM_SAMPLING_SCHEDSTAT = 1, /* timer; threads whose schedstat did not move are not read */
    PAM_SAMPLING_READ_ALL = 2,  /* timer; every thread is read at every tick */
    PAM_SAMPLING_PERF = 3,      /* timer; perf_event's switch records tell which threads have run */
};

enum pam_on_cpu_clock {
    PAM_ON_CPU_NONE = 0,
    PAM_ON_CPU_ALL = 1,  /* threads in user and in kernel mode are seen */
    PAM_ON_CPU_USER = 2, /* only those in user mode: more was not permitted */
};

enum pam_sample_flag {
    PAM_SAMPLE_LEAF_CUT = 1,  /* the thread moved during the read: only the root side is known */
    PAM_SAMPLE_FAILED = 2,    /* the stack could not be read; stack_plus1 is 0 and means unknown */
    PAM_SAMPLE_NO_FRAME = 4,  /* the thread had no Python frame; stack_plus1 is 1 */
    PAM_SAMPLE_EXACT = 8,     /* switch records tell when it came on and went off */
    PAM_SAMPLE_FIRST = 16,    /* first sample of the thread: the times are since an unknown start */
    PAM_SAMPLE_HOLDS_GIL = 32,
    PAM_SAMPLE_WAITS_GIL = 64, /* it is off its CPU until it gets it */
    PAM_SAMPLE_COLLECTS = 128, /* a garbage collection was running, and it ran that */
    PAM_SAMPLE_GIL_UNKNOWN = 256, /* it did not hold it, but whether it waited could not be told */
    PAM_SAMPLE_BETWEEN = 512, /* it was calling a Python function or leaving one: it calls no C function */
    PAM_SAMPLE_QUEUED = 1024, /* with 8: it would run, but others did, since before the tick was due */
};

enum pam_native_flag {
    PAM_NATIVE_EXACT = 1,     /* the thread was off its CPU: it belongs to the very stack of the sample */
    PAM_NATIVE_CUT = 2,       /* the copy of the stack ends at a bound, not at the stack's root */
    PAM_NATIVE_IN_KERNEL = 4, /* it was in the kernel: registers are those with which it went there */
    PAM_NATIVE_NOT_WHOLE = 8, /* part of the stack could not be read */
};

enum pam_task_state {
    PAM_TASK_NOT_STARTED = 1,
    PAM_TASK_WAITS = 2,   /* for a future, which is not done */
    PAM_TASK_READY = 3,   /* what it awaited is done, or it gave way to others: it waits for its turn */
    PAM_TASK_RUNS = 4,
};

enum pam_sensor_kind {
    PAM_SENSOR_TEMPERATURE = 1,    /* thousandths of a degree Celsius */
    PAM_SENSOR_FREQUENCY = 2,      /* kHz */
    PAM_SENSOR_ALARM = 3,          /* 1: the supply's voltage is too low */
    PAM_SENSOR_THROTTLE_COUNT = 4, /* times a CPU was slowed down because of its heat */
    PAM_SENSOR_COOLING = 5,        /* how strongly something is cooled; 0: not at all */
};

enum pam_counter_exclude {
    PAM_EXCLUDE_USER = 1,
    PAM_EXCLUDE_KERNEL = 2,
    PAM_EXCLUDE_HYPERVISOR = 4,
    PAM_EXCLUDE_HOST = 8,
    PAM_EXCLUDE_GUEST = 16,
};

struct pam_block_header {
    uint32_t payload_crc;
    uint8_t flags;
    uint32_t sequence;     /* 0 for the first block, then +1 each; a gap is a lost block */
    uint32_t epoch;        /* ids hold within it */
    uint32_t raw_bytes;    /* <= PAM_MAX_BLOCK */
    uint32_t stored_bytes; /* <= PAM_MAX_STORED */
    uint64_t clock_base_ns; /* CLOCK_MONOTONIC */
};

static inline void pam_put_le(unsigned char *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (unsigned char)(value >> (8 * i));
}

static inline uint64_t pam_get_le(const unsigned char *in, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)in[i] << (8 * i);
    return value;
}

static inline void pam_put_file_header(unsigned char out[PAM_FILE_HEADER_BYTES])
{
    memset(out, 0, PAM_FILE_HEADER_BYTES);
    memcpy(out, PAM_MAGIC, PAM_MAGIC_BYTES);
    out[PAM_MAGIC_BYTES] = PAM_VERSION;
}

/* Everything but `crc`, which the caller computes over out + PAM_BLOCK_CRC_FROM. */
enum { PAM_BLOCK_CRC_AT = PAM_SYNC_BYTES, PAM_BLOCK_CRC_FROM = PAM_SYNC_BYTES + 4 };

static inline void pam_put_block_header(unsigned char out[PAM_BLOCK_HEADER_BYTES],
                                        const struct pam_block_header *header)
{
    memset(out, 0, PAM_BLOCK_HEADER_BYTES);
    memcpy(out, PAM_SYNC, PAM_SYNC_BYTES);
    pam_put_le(out + 8, header->payload_crc, 4);
    out[12] = header->flags;
    pam_put_le(out + 16, header->sequence, 4);
    pam_put_le(out + 20, header->epoch, 4);
    pam_put_le(out + 24, header->raw_bytes, 4);
    pam_put_le(out + 28, header->stored_bytes, 4);
    pam_put_le(out + 32, header->clock_base_ns, 8);
}

/* False when the sizes are over their bounds; the caller has checked sync and crc. */
static inline bool pam_get_block_header(const unsigned char in[PAM_BLOCK_HEADER_BYTES],
                                        struct pam_block_header *header)
{
    header->payload_crc = (uint32_t)pam_get_le(in + 8, 4);
    header->flags = in[12];
    header->sequence = (uint32_t)pam_get_le(in + 16, 4);
    header->epoch = (uint32_t)pam_get_le(in + 20, 4);
    header->raw_bytes = (uint32_t)pam_get_le(in + 24, 4);
    header->stored_bytes = (uint32_t)pam_get_le(in + 28, 4);
    header->clock_base_ns = pam_get_le(in + 32, 8);
    return header->raw_bytes <= PAM_MAX_BLOCK && header->stored_bytes <= PAM_MAX_STORED;
}

#endif
