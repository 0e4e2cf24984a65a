/* text.c - checks UTF-8 character by character and writes it in gnuplot's single quotes. */
#include "text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const char REPLACEMENT[] = "\xef\xbf\xbd"; /* U+FFFD */
static const char ELLIPSIS[] = "\xe2\x80\xa6";    /* U+2026 */

/* Characters that mean something to gnuplot, and those that only look like them. */
static const struct {
    uint32_t code;
    const char *shown;
} lookalikes[] = {
    {'\'', "\xe2\x80\x99"}, /* U+2019 */
    {'`', "\xcb\x8b"},      /* U+02CB */
    {'\\', "\xe2\x88\x96"}, /* U+2216 */
};

enum { LOOKALIKES = sizeof lookalikes / sizeof *lookalikes };

struct character {
    size_t bytes; /* 1 when invalid, so that the next byte is looked at afresh */
    uint32_t code;
    bool valid;
};

static size_t bytes_by_first(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first < 0xe0)
        return 2;
    if (first >= 0xe0 && first < 0xf0)
        return 3;
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/* Never reads over the closing zero: it is no continuation byte. */
static struct character next_character(const char *text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char first = (unsigned char)*text;
    const size_t bytes = bytes_by_first(first);
    uint32_t code = bytes > 1 ? first & (0xffu >> (bytes + 1)) : first;

    for (size_t i = 1; i < bytes; i++) {
        const unsigned char byte = (unsigned char)text[i];

        if ((byte & 0xc0) != 0x80)
            return (struct character){1, 0, false};
        code = code << 6 | (byte & 0x3f);
    }
    if (!bytes || code < least[bytes] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return (struct character){1, 0, false};
    return (struct character){bytes, code, true};
}

static bool is_harmless(struct character character)
{
    const uint32_t code = character.code;

    if (!character.valid)
        return false;
    if (code < 0x20 || (code >= 0x7f && code < 0xa0))
        return false; /* C0, DEL, C1 */
    if (code == 0x2028 || code == 0x2029 || code == 0xfeff)
        return false; /* line and paragraph separator, byte order mark */
    if ((code & 0xfffe) == 0xfffe || (code >= 0xfdd0 && code < 0xfdf0))
        return false; /* no characters; an SVG must not hold them */
    if (code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e))
        return false; /* direction marks */
    return code < 0x2066 || code > 0x2069;
}

static size_t count_characters(const char *text)
{
    size_t count = 0;

    for (; *text; text += next_character(text).bytes)
        count++;
    return count;
}

static void put_character(FILE *out, const char *text, struct character character)
{
    if (!is_harmless(character)) {
        fputs(REPLACEMENT, out);
        return;
    }
    for (size_t i = 0; i < LOOKALIKES; i++)
        if (character.code == lookalikes[i].code) {
            fputs(lookalikes[i].shown, out);
            return;
        }
    fwrite(text, 1, character.bytes, out);
}

void plot_text_quote(FILE *out, const char *text, size_t max)
{
    const bool cut = count_characters(text) > max;
    const size_t shown = cut && max ? max - 1 : max;

    fputc('\'', out);
    for (size_t i = 0; i < shown && *text; i++) {
        const struct character character = next_character(text);

        if (i && character.code == '>' && text[-1] == ']')
            fputc(' ', out); /* ]]> is not allowed in an SVG, and gnuplot leaves it as it is */
        put_character(out, text, character);
        text += character.bytes;
    }
    if (cut && max)
        fputs(ELLIPSIS, out);
    fputc('\'', out);
}
