/* input.c - a window onto a stream of bytes that can be looked at before it is taken. */
#include "input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool pam_input_init(struct pam_input *input, int fd, size_t most)
{
    *input = (struct pam_input){.fd = fd, .room = 2 * most};
    input->buffer = malloc(input->room);
    return input->buffer != NULL;
}

void pam_input_done(struct pam_input *input)
{
    free(input->buffer);
    input->buffer = NULL;
}

size_t pam_input_look(struct pam_input *input, size_t wanted)
{
    if (input->room - input->from < wanted) {
        memmove(input->buffer, input->buffer + input->from, input->to - input->from);
        input->to -= input->from;
        input->from = 0;
    }
    while (input->to - input->from < wanted && !input->at_end) {
        const ssize_t got = read(input->fd, input->buffer + input->to, input->room - input->to);

        if (got > 0) {
            input->to += (size_t)got;
        } else if (got == 0) {
            input->at_end = true;
        } else if (errno != EINTR) {
            input->error_number = errno;
            input->at_end = true;
        }
    }
    return input->to - input->from < wanted ? input->to - input->from : wanted;
}

void pam_input_take(struct pam_input *input, size_t size)
{
    input->from += size;
    input->offset += size;
}
