/* bundle.c - ELF files put together from the pieces that a capture has of them. */
#include "symbols/bundle.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    MAX_FILES = 256,          /* each is a descriptor */
    MAX_FILE_BYTES = 1 << 30, /* of the whole file; its holes take no memory */
    KEY_BYTES = 1 + PAM_MAX_BUILD_ID + PAM_MAX_TEXT,
};

static size_t put_key(unsigned char key[KEY_BYTES], struct pam_bytes path, struct pam_bytes build_id)
{
    key[0] = (unsigned char)build_id.size;
    if (build_id.size)
        memcpy(key + 1, build_id.data, build_id.size);
    if (path.size)
        memcpy(key + 1 + build_id.size, path.data, path.size);
    return 1 + build_id.size + path.size;
}

void pam_bundles_done(struct pam_bundles *bundles)
{
    for (size_t i = 0; i < bundles->names.count && i < bundles->room; i++)
        if (bundles->fds[i] >= 0)
            (void)close(bundles->fds[i]);
    free(bundles->fds);
    pam_table_done(&bundles->names);
    memset(bundles, 0, sizeof *bundles);
}

/* The file that the piece belongs to, made when it is the first; -1 when it cannot be. -2: memory. */
static int file_for(struct pam_bundles *bundles, const struct pam_bundle *piece)
{
    unsigned char key[KEY_BYTES];
    const size_t size = put_key(key, piece->path, piece->build_id);
    int64_t at = pam_table_find(&bundles->names, key, size);

    if (at >= 0)
        return bundles->fds[at];
    if (bundles->names.count == MAX_FILES)
        return -1;
    if (bundles->names.count == bundles->room) {
        const size_t room = bundles->room ? 2 * bundles->room : 16;
        int *grown = realloc(bundles->fds, room * sizeof *grown);

        if (!grown)
            return -2;
        bundles->fds = grown;
        bundles->room = room;
    }
    at = pam_table_id(&bundles->names, key, size);
    if (at < 0)
        return -2;
    bundles->fds[at] = memfd_create("bundle", MFD_CLOEXEC);
    return bundles->fds[at];
}

int pam_bundles_add(struct pam_bundles *bundles, const struct pam_bundle *piece,
                    struct pam_error *error)
{
    int fd;

    if (piece->file_bytes > MAX_FILE_BYTES || piece->bytes.size > piece->file_bytes ||
        piece->offset > piece->file_bytes - piece->bytes.size)
        return 0;
    fd = file_for(bundles, piece);
    if (fd == -2)
        return pam_fail(error, PAM_MEMORY, "not enough memory for the files in a capture");
    if (fd < 0)
        return 0;
    /* Its size first: what is not there is zero, as in the hole of a file. */
    if (ftruncate(fd, (off_t)piece->file_bytes) != 0 ||
        (piece->bytes.size && pwrite(fd, piece->bytes.data, piece->bytes.size, (off_t)piece->offset) !=
                                  (ssize_t)piece->bytes.size))
        return pam_fail(error, PAM_MEMORY, "not enough memory for the files in a capture");
    return 0;
}

int pam_bundles_find(const struct pam_bundles *bundles, struct pam_bytes path,
                     struct pam_bytes build_id)
{
    unsigned char key[KEY_BYTES];
    const int64_t at = pam_table_find(&bundles->names, key, put_key(key, path, build_id));

    return at < 0 ? -1 : bundles->fds[at];
}
