/* utf8.h - is a sequence of bytes UTF-8 (RFC 3629)? Texts in a capture should be, but nobody can be sure. */
#ifndef PAM_UTF8_H
#define PAM_UTF8_H

#include <stddef.h>

/* Size of the UTF-8 sequence at the start of the text, 0 when it is none. */
static inline size_t pam_utf8_size(const unsigned char *at, size_t left)
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

#endif
