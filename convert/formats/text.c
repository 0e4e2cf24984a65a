/* text.c - names and numbers as the text formats write them. */
#include "formats/text.h"

#include <inttypes.h>

#include <pam/utf8.h>

struct pam_bytes pam_thread_label(const struct pam_model *model, size_t thread,
                                  char room[PAM_THREAD_LABEL_BYTES])
{
    const struct pam_thread_model *known = pam_model_thread(model, thread);
    const struct pam_bytes name = pam_model_text(model, known->name);
    const int size = snprintf(room, PAM_THREAD_LABEL_BYTES, "%.*s (%" PRIu64 ")", (int)name.size,
                              (const char *)name.data, known->tid);

    return (struct pam_bytes){(unsigned char *)room, size > 0 ? (size_t)size : 0};
}

struct pam_bytes pam_thread_title(const struct pam_model *model, size_t thread,
                                  char room[PAM_THREAD_LABEL_BYTES])
{
    const struct pam_bytes scenario =
        pam_model_scenario(model, pam_model_thread(model, thread)->capture);
    char label[PAM_THREAD_LABEL_BYTES];
    int size;

    (void)pam_thread_label(model, thread, label);
    size = snprintf(room, PAM_THREAD_LABEL_BYTES, "%.*s%s%s",
                    pam_model_captures(model) > 1 ? (int)scenario.size : 0,
                    (const char *)scenario.data, pam_model_captures(model) > 1 ? ": " : "", label);
    return (struct pam_bytes){(unsigned char *)room,
                              size < PAM_THREAD_LABEL_BYTES ? (size_t)size : PAM_THREAD_LABEL_BYTES - 1};
}

void pam_put_uint(FILE *out, uint64_t value)
{
    char digits[20]; /* of 2^64 - 1 */
    size_t first = sizeof digits;

    do
        digits[--first] = (char)('0' + value % 10);
    while (value /= 10);
    while (first < sizeof digits)
        putc_unlocked(digits[first++], out);
}

void pam_put_json(FILE *out, struct pam_bytes text)
{
    fputc('"', out);
    for (size_t i = 0; i < text.size;) {
        const unsigned char c = text.data[i];
        const size_t size = pam_utf8_size(text.data + i, text.size - i);

        if (!size)
            fputs("\xef\xbf\xbd", out);
        else if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            fprintf(out, "\\u%04x", c);
        else
            fwrite(text.data + i, 1, size, out);
        i += size ? size : 1;
    }
    fputc('"', out);
}
