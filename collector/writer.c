/* writer.c - the writer thread: blocks into compressed, checksummed bytes on the output. */
#include "writer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "kernel/clocks.h"

enum {
    BUFFERS = 8,
    /* Level 3 is within 3 % of level 9 here and takes a tenth of its time. */
    ZSTD_LEVEL = 3,
    /* Its tables would take 0.8 MB; with these, 2 % of the file pay for 0.1. */
    ZSTD_TABLE_LOG = 14,
    /* Half of what the format allows: 1 % of the file pays for 0.15 MB of buffers. */
    ZSTD_WINDOW_LOG = PAM_ZSTD_WINDOW_LOG - 1,
    /* A zstd frame ends after so many blocks (~25 s): less makes the file larger, more loses more
     * to a damaged block. */
    BLOCKS_A_FRAME = 32,
};

struct pam_writer {
    int fd;
    struct pam_wake *wake;
    const char *name;
    uint64_t sync_ns;
    uint64_t synced_ns;
    bool is_file;
    off_t good_size; /* of a file: what is whole, should the next write fail */

    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t given;
    struct pam_buffer *free[BUFFERS];
    size_t free_count;
    struct pam_buffer *queue[BUFFERS]; /* oldest first */
    size_t queue_count;
    bool finishing;

    ZSTD_CCtx *zstd;
    unsigned blocks_in_frame;
    atomic_int state;
    atomic_ullong bytes;
    int error_number;
    unsigned char out[PAM_BLOCK_HEADER_BYTES + PAM_MAX_STORED];
    struct pam_buffer buffers[BUFFERS];
};

/* Ends writing. A block that was written in part is cut off again, so that a full disk leaves a
 * capture that ends with a whole block. */
static void give_up(struct pam_writer *writer, int error_number)
{
    writer->error_number = error_number;
    if (writer->is_file)
        (void)!ftruncate(writer->fd, writer->good_size);
    atomic_store(&writer->state, error_number == EPIPE ? PAM_WRITER_CLOSED_PIPE : PAM_WRITER_FAILED);
    pam_wake_call(writer->wake);
}

static bool write_all(struct pam_writer *writer, const unsigned char *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        const ssize_t wrote = write(writer->fd, data + done, size - done);

        if (wrote >= 0) {
            done += (size_t)wrote;
        } else if (errno == EAGAIN) {
            struct pollfd writable = {.fd = writer->fd, .events = POLLOUT};

            (void)poll(&writable, 1, -1);
        } else if (errno != EINTR) {
            give_up(writer, errno);
            return false;
        }
    }
    writer->good_size += (off_t)size;
    atomic_fetch_add(&writer->bytes, size);
    return true;
}

/* Compresses the next piece of the zstd frame into writer->out, behind the block header. */
static bool compress_block(struct pam_writer *writer, struct pam_buffer *buffer)
{
    struct pam_block_header *header = &buffer->header;
    ZSTD_inBuffer in = {buffer->data, buffer->size, 0};
    ZSTD_outBuffer out = {writer->out + PAM_BLOCK_HEADER_BYTES, PAM_MAX_STORED, 0};
    bool ends;
    size_t left;

    if (header->flags & PAM_BLOCK_FRAME_STARTS || writer->blocks_in_frame == 0) {
        (void)ZSTD_CCtx_reset(writer->zstd, ZSTD_reset_session_only);
        header->flags |= PAM_BLOCK_FRAME_STARTS;
        writer->blocks_in_frame = 0;
    }
    ends = ++writer->blocks_in_frame == BLOCKS_A_FRAME || header->flags & PAM_BLOCK_FRAME_ENDS;
    left = ZSTD_compressStream2(writer->zstd, &out, &in, ends ? ZSTD_e_end : ZSTD_e_flush);
    if (ZSTD_isError(left) || left != 0 || in.pos != in.size) {
        give_up(writer, EIO);
        return false;
    }
    if (ends) {
        header->flags |= PAM_BLOCK_FRAME_ENDS;
        writer->blocks_in_frame = 0;
    }
    header->raw_bytes = (uint32_t)buffer->size;
    header->stored_bytes = (uint32_t)out.pos;
    return true;
}

static void write_block(struct pam_writer *writer, struct pam_buffer *buffer)
{
    struct pam_block_header *header = &buffer->header;
    unsigned char *out = writer->out;

    if (!compress_block(writer, buffer))
        return;
    header->payload_crc =
        (uint32_t)crc32(0, out + PAM_BLOCK_HEADER_BYTES, header->stored_bytes);
    pam_put_block_header(out, header);
    pam_put_le(out + PAM_BLOCK_CRC_AT,
               crc32(0, out + PAM_BLOCK_CRC_FROM, PAM_BLOCK_HEADER_BYTES - PAM_BLOCK_CRC_FROM), 4);
    if (!write_all(writer, out, PAM_BLOCK_HEADER_BYTES + header->stored_bytes))
        return;
    if (writer->is_file && writer->sync_ns && pam_monotonic_ns() - writer->synced_ns >= writer->sync_ns) {
        (void)fdatasync(writer->fd);
        writer->synced_ns = pam_monotonic_ns();
    }
}

/* The oldest given buffer, or NULL when finishing and there are no more. */
static struct pam_buffer *next_buffer(struct pam_writer *writer)
{
    struct pam_buffer *buffer = NULL;

    (void)pthread_mutex_lock(&writer->lock);
    while (!writer->queue_count && !writer->finishing)
        (void)pthread_cond_wait(&writer->given, &writer->lock);
    if (writer->queue_count) {
        buffer = writer->queue[0];
        writer->queue_count--;
        memmove(writer->queue, writer->queue + 1, writer->queue_count * sizeof *writer->queue);
    }
    (void)pthread_mutex_unlock(&writer->lock);
    return buffer;
}

static void *run(void *context)
{
    struct pam_writer *writer = context;
    struct pam_buffer *buffer;

    (void)pthread_setname_np(pthread_self(), "pam-writer");
    while ((buffer = next_buffer(writer))) {
        if (pam_writer_state(writer) == PAM_WRITER_RUNNING)
            write_block(writer, buffer);
        (void)pthread_mutex_lock(&writer->lock);
        writer->free[writer->free_count++] = buffer;
        (void)pthread_mutex_unlock(&writer->lock);
    }
    return NULL;
}

static int init(struct pam_writer *writer, struct pam_error *error)
{
    unsigned char header[PAM_FILE_HEADER_BYTES];
    struct stat status;
    int r;

    writer->zstd = ZSTD_createCCtx();
    if (!writer->zstd)
        return pam_fail(error, PAM_MEMORY, "not enough memory to compress");
    (void)ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
    (void)ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_windowLog, ZSTD_WINDOW_LOG);
    (void)ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_hashLog, ZSTD_TABLE_LOG);
    (void)ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_chainLog, ZSTD_TABLE_LOG);
    (void)ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_checksumFlag, 1);
    for (size_t i = 0; i < BUFFERS; i++)
        writer->free[writer->free_count++] = &writer->buffers[i];
    writer->is_file = fstat(writer->fd, &status) == 0 && S_ISREG(status.st_mode);
    if (writer->is_file)
        writer->good_size = lseek(writer->fd, 0, SEEK_CUR);
    writer->synced_ns = pam_monotonic_ns();
    pam_put_file_header(header);
    (void)write_all(writer, header, sizeof header); /* a failure shows in the state */
    (void)pthread_mutex_init(&writer->lock, NULL);
    (void)pthread_cond_init(&writer->given, NULL);
    r = pthread_create(&writer->thread, NULL, run, writer);
    return r == 0 ? 0
                  : pam_fail(error, PAM_FAILED, "cannot start the writer thread: %s", strerror(r));
}

int pam_writer_start(struct pam_writer **ret, int fd, const char *name, uint64_t sync_ns,
                     struct pam_wake *wake, struct pam_error *error)
{
    struct pam_writer *writer = calloc(1, sizeof *writer);
    int r;

    if (!writer)
        return pam_fail(error, PAM_MEMORY, "not enough memory for the writer");
    writer->fd = fd;
    writer->name = name;
    writer->sync_ns = sync_ns;
    writer->wake = wake;
    r = init(writer, error);
    if (r < 0) {
        (void)ZSTD_freeCCtx(writer->zstd);
        free(writer);
        return r;
    }
    *ret = writer;
    return 0;
}

struct pam_buffer *pam_writer_take(struct pam_writer *writer)
{
    struct pam_buffer *buffer = NULL;

    (void)pthread_mutex_lock(&writer->lock);
    if (writer->free_count)
        buffer = writer->free[--writer->free_count];
    (void)pthread_mutex_unlock(&writer->lock);
    return buffer;
}

void pam_writer_give(struct pam_writer *writer, struct pam_buffer *buffer)
{
    (void)pthread_mutex_lock(&writer->lock);
    writer->queue[writer->queue_count++] = buffer;
    (void)pthread_cond_signal(&writer->given);
    (void)pthread_mutex_unlock(&writer->lock);
}

enum pam_writer_state pam_writer_state(const struct pam_writer *writer)
{
    return (enum pam_writer_state)atomic_load(&writer->state);
}

uint64_t pam_writer_bytes(const struct pam_writer *writer)
{
    return atomic_load(&writer->bytes);
}

int pam_writer_finish(struct pam_writer *writer, uint64_t *bytes, struct pam_error *error)
{
    int r = 0;

    (void)pthread_mutex_lock(&writer->lock);
    writer->finishing = true;
    (void)pthread_cond_signal(&writer->given);
    (void)pthread_mutex_unlock(&writer->lock);
    (void)pthread_join(writer->thread, NULL);
    if (pam_writer_state(writer) == PAM_WRITER_RUNNING && writer->is_file && writer->sync_ns &&
        fdatasync(writer->fd) != 0)
        give_up(writer, errno);
    if (pam_writer_state(writer) == PAM_WRITER_FAILED)
        r = pam_fail(error, PAM_FAILED, "writing %s failed: %s; what was written before is whole",
                     writer->name, strerror(writer->error_number));
    *bytes = pam_writer_bytes(writer);
    (void)pthread_mutex_destroy(&writer->lock);
    (void)pthread_cond_destroy(&writer->given);
    (void)ZSTD_freeCCtx(writer->zstd);
    free(writer);
    return r;
}
