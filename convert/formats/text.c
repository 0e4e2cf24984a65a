/* text.c - names as the text formats write them. */
#include "formats/text.h"

#include <inttypes.h>

struct pam_bytes pam_thread_label(const struct pam_model *model, size_t thread,
                                  char room[PAM_THREAD_LABEL_BYTES])
{
    const struct pam_thread_model *known = pam_model_thread(model, thread);
    const struct pam_bytes name = pam_model_text(model, known->name);
    const int size = snprintf(room, PAM_THREAD_LABEL_BYTES, "%.*s (%" PRIu64 ")", (int)name.size,
                              (const char *)name.data, known->tid);

    return (struct pam_bytes){(unsigned char *)room, size > 0 ? (size_t)size : 0};
}

/* Size of the UTF-8 sequence at the start of the text, 0 when it is none (RFC 3629). */
static size_t utf8_size(const unsigned char *at, size_t left)
{
    static const struct {
        unsigned char first_min, first_max, second_min, second_max;
        size_t size;
    } forms[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (at[0] < forms[i].first_min || at[0] > forms[i].first_max)
            continue;
        if (forms[i].size > left)
            return 0;
        if (forms[i].size > 1 && (at[1] < forms[i].second_min || at[1] > forms[i].second_max))
            return 0;
        for (size_t k = 2; k < forms[i].size; k++)
            if (at[k] < 0x80 || at[k] > 0xbf)
                return 0;
        return forms[i].size;
    }
    return 0;
}

void pam_put_json(FILE *out, struct pam_bytes text)
{
    fputc('"', out);
    for (size_t i = 0; i < text.size;) {
        const unsigned char c = text.data[i];
        const size_t size = utf8_size(text.data + i, text.size - i);

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
