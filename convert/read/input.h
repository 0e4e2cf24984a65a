/* input.h - a window onto a stream of bytes that can be looked at before it is taken. */
#ifndef PAM_INPUT_H
#define PAM_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pam_input {
    int fd;
    bool at_end;           /* the stream has ended; what is left is in the window */
    int error_number;      /* of a failed read, 0 when there was none */
    uint64_t offset;       /* of the window's first byte in the stream */
    unsigned char *buffer;
    size_t room, from, to; /* the window is buffer[from, to) */
};

/* `most` is the largest look that will be asked for. False when memory is short. */
bool pam_input_init(struct pam_input *input, int fd, size_t most);
void pam_input_done(struct pam_input *input);

/* How many bytes, up to `wanted`, can be looked at; fewer only at the end or after an error. Waits
 * for a pipe. The bytes are at pam_input_at(), which holds until the next look. */
size_t pam_input_look(struct pam_input *input, size_t wanted);

static inline const unsigned char *pam_input_at(const struct pam_input *input)
{
    return input->buffer + input->from;
}

/* Takes bytes that were looked at. */
void pam_input_take(struct pam_input *input, size_t size);

#endif
