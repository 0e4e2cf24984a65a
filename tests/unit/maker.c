/* maker.c - captures made by hand, record by record and block by block, for tests and fuzzers. */
#include "maker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { PID = 4711 };

static void require(int condition, const char *what)
{
    if (condition)
        return;
    (void)fprintf(stderr, "maker: %s\n", what);
    abort();
}

void maker_init(struct maker *maker)
{
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    unsigned char header[PAM_FILE_HEADER_BYTES];

    *maker = (struct maker){.raw = malloc(PAM_MAX_BLOCK), .epoch = 1, .zstd = zstd};
    require(zstd && maker->raw, "not enough memory");
    (void)ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, PAM_ZSTD_WINDOW_LOG);
    (void)ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
    pam_put_file_header(header);
    maker_append(maker, header, sizeof header);
}

void maker_done(struct maker *maker)
{
    free(maker->bytes);
    free(maker->raw);
    (void)ZSTD_freeCCtx(maker->zstd);
    memset(maker, 0, sizeof *maker);
}

void maker_append(struct maker *maker, const void *bytes, size_t size)
{
    if (maker->room - maker->size < size) {
        maker->room = 2 * (maker->size + size);
        maker->bytes = realloc(maker->bytes, maker->room);
        require(maker->bytes != NULL, "not enough memory");
    }
    if (size)
        memcpy(maker->bytes + maker->size, bytes, size);
    maker->size += size;
}

void maker_put(struct maker *maker, enum pam_record_id id, const void *body)
{
    const size_t size =
        pam_record_encode(id, body, maker->raw + maker->raw_size, PAM_MAX_BLOCK - maker->raw_size);

    require(size > 0, "the block is full");
    maker->raw_size += size;
}

void maker_put_bytes(struct maker *maker, const void *bytes, size_t size)
{
    require(size <= PAM_MAX_BLOCK - maker->raw_size, "the block is full");
    if (size)
        memcpy(maker->raw + maker->raw_size, bytes, size);
    maker->raw_size += size;
}

void maker_mend(unsigned char *block, size_t stored_bytes)
{
    pam_put_le(block + 8, crc32(0, block + PAM_BLOCK_HEADER_BYTES, (uInt)stored_bytes), 4);
    pam_put_le(block + PAM_BLOCK_CRC_AT,
               crc32(0, block + PAM_BLOCK_CRC_FROM, PAM_BLOCK_HEADER_BYTES - PAM_BLOCK_CRC_FROM),
               4);
}

void maker_end_block(struct maker *maker, unsigned flags)
{
    static unsigned char block[PAM_BLOCK_HEADER_BYTES + PAM_MAX_STORED];
    ZSTD_inBuffer in = {maker->raw, maker->raw_size, 0};
    ZSTD_outBuffer out = {block + PAM_BLOCK_HEADER_BYTES, PAM_MAX_STORED, 0};
    size_t left;

    if (flags & PAM_BLOCK_FRAME_STARTS)
        (void)ZSTD_CCtx_reset(maker->zstd, ZSTD_reset_session_only);
    left = ZSTD_compressStream2(maker->zstd, &out, &in,
                                flags & PAM_BLOCK_FRAME_ENDS ? ZSTD_e_end : ZSTD_e_flush);
    require(left == 0 && in.pos == in.size, "compression failed");
    pam_put_block_header(block, &(struct pam_block_header){.flags = (uint8_t)flags,
                                                           .sequence = maker->sequence++,
                                                           .epoch = maker->epoch,
                                                           .raw_bytes = (uint32_t)maker->raw_size,
                                                           .stored_bytes = (uint32_t)out.pos,
                                                           .clock_base_ns = maker->clock_base_ns});
    maker_mend(block, out.pos);
    maker->block_at = maker->size;
    maker_append(maker, block, PAM_BLOCK_HEADER_BYTES + out.pos);
    maker->raw_size = 0;
}

void maker_put_string(struct maker *maker, uint64_t id, const char *text)
{
    maker_put(maker, PAM_string, &(struct pam_string){id, pam_text(text)});
}

void maker_put_code(struct maker *maker, uint64_t id, uint64_t file, uint64_t name)
{
    maker_put(maker, PAM_code,
              &(struct pam_code){.id = id,
                                 .python_version = 0x030b07f0,
                                 .file = file,
                                 .name = name,
                                 .qualname = name,
                                 .first_line = 10 * id});
}

void maker_put_frame(struct maker *maker, uint64_t id, uint64_t code, uint64_t unit_plus1)
{
    maker_put(maker, PAM_frame, &(struct pam_frame){id, code, unit_plus1});
}

void maker_put_stack(struct maker *maker, uint64_t id, uint64_t parent, uint64_t frame)
{
    maker_put(maker, PAM_stack, &(struct pam_stack){.id = id, .parent = parent, .frame = frame});
}

void maker_put_thread(struct maker *maker, uint64_t id, uint64_t tid, uint64_t name)
{
    maker_put(
        maker, PAM_thread,
        &(struct pam_thread){.id = id, .pid = PID, .tid = tid, .name = name, .has_python = 1});
}

void maker_put_tick(struct maker *maker, uint64_t delta_us)
{
    maker_put(maker, PAM_tick, &(struct pam_tick){.delta_us = delta_us});
}

void maker_put_sample(struct maker *maker, uint64_t thread, uint64_t stack_plus1, uint64_t cpu_us)
{
    maker_put(maker, PAM_sample,
              &(struct pam_sample){.thread = thread, .stack_plus1 = stack_plus1, .cpu_steps = cpu_us});
}
