/* text.c - names and numbers as the text formats write them. */
#include "formats/text.h"

#include <inttypes.h>

#include <pam/utf8.h>

#include "symbols/place.h"

struct pam_bytes pam_thread_label(const struct pam_model *model, size_t thread,
                                  char room[PAM_THREAD_LABEL_BYTES])
{
    const struct pam_thread_model *known = pam_model_thread(model, thread);
    const struct pam_bytes name = pam_model_text(model, known->name);
    const int size = snprintf(room, PAM_THREAD_LABEL_BYTES, "%.*s (%" PRIu64 ")", (int)name.size,
                              (const char *)name.data, known->tid);

    return (struct pam_bytes){(unsigned char *)room, size > 0 ? (size_t)size : 0};
}

struct pam_bytes pam_process_label(const struct pam_model *model, size_t thread,
                                   char room[PAM_THREAD_LABEL_BYTES])
{
    const struct pam_thread_model *known = pam_model_thread(model, thread);
    const struct pam_bytes command = pam_model_text(model, known->command);
    const bool is_child = known->command != PAM_UNKNOWN;
    const int size = snprintf(room, PAM_THREAD_LABEL_BYTES, "process %" PRIu64 "%s%.*s%s", known->pid,
                              is_child ? " (" : "", is_child ? (int)command.size : 0,
                              (const char *)command.data, is_child ? ")" : "");

    return (struct pam_bytes){(unsigned char *)room, size > 0 ? (size_t)size : 0};
}

static struct pam_bytes cut(char *room, int size)
{
    return (struct pam_bytes){(unsigned char *)room,
                              size < PAM_THREAD_LABEL_BYTES ? (size_t)size : PAM_THREAD_LABEL_BYTES - 1};
}

struct pam_bytes pam_thread_title(const struct pam_model *model, size_t thread,
                                  char room[PAM_THREAD_LABEL_BYTES])
{
    const struct pam_bytes scenario =
        pam_model_scenario(model, pam_model_thread(model, thread)->capture);
    char label[PAM_THREAD_LABEL_BYTES];

    (void)pam_thread_label(model, thread, label);
    return cut(room, snprintf(room, PAM_THREAD_LABEL_BYTES, "%.*s%s%s",
                              pam_model_captures(model) > 1 ? (int)scenario.size : 0,
                              (const char *)scenario.data, pam_model_captures(model) > 1 ? ": " : "",
                              label));
}

struct pam_bytes pam_profile_title(const struct pam_model *model, size_t thread,
                                   char room[PAM_THREAD_LABEL_BYTES])
{
    char title[PAM_THREAD_LABEL_BYTES], process[PAM_THREAD_LABEL_BYTES];

    if (pam_model_thread(model, thread)->command == PAM_UNKNOWN)
        return pam_thread_title(model, thread, room);
    (void)pam_thread_title(model, thread, title);
    (void)pam_process_label(model, thread, process);
    return cut(room, snprintf(room, PAM_THREAD_LABEL_BYTES, "%s, %s", title, process));
}

void pam_put_place(FILE *out, const struct pam_position *place)
{
    fprintf(out, ":%" PRId64, place->line);
    if (place->column >= 0)
        fprintf(out, ":%" PRId64, place->column + 1);
    if (pam_place_has_end(place))
        fprintf(out, "-%" PRId64 ":%" PRId64, place->end_line, place->end_column);
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
