/* procfs.c - pure parsers of /proc texts. */
#include "kernel/procfs.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_spaces(const char *at)
{
    while (*at == ' ' || *at == '\t')
        at++;
    return at;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : INT_MAX;
}

/* Not strtoull(): it would go on to a later line, and what is read once a second would keep it and its
 * locale's tables in memory. */
bool pam_take_number(const char **at, int base, uint64_t *value)
{
    const char *from = skip_spaces(*at);
    const bool negative = *from == '-';
    uint64_t number = 0;
    bool fits = true;
    int digit;

    from += negative;
    if (base == 16 && from[0] == '0' && from[1] == 'x' && digit_of(from[2]) < base)
        from += 2;
    if (digit_of(*from) >= base)
        return false;
    for (; (digit = digit_of(*from)) < base; from++)
        fits &= !__builtin_mul_overflow(number, (uint64_t)base, &number) &&
                !__builtin_add_overflow(number, (uint64_t)digit, &number);
    *value = negative ? 0 : fits ? number : UINT64_MAX;
    *at = from;
    return true;
}

enum { LAST_STAT_FIELD = 52 };

bool pam_parse_stat(const char *text, struct pam_stat *stat)
{
    /* The comm may hold anything, also ") R 1": the last ')' ends it. */
    const char *open = strchr(text, '(');
    const char *close = strrchr(text, ')');
    uint64_t field[LAST_STAT_FIELD + 1] = {0}; /* by its number in proc(5), from 4 on */
    size_t size;

    if (!open || !close || close < open || close[1] != ' ' || !close[2])
        return false;
    memset(stat, 0, sizeof *stat);
    size = (size_t)(close - open - 1);
    if (size >= sizeof stat->comm)
        size = sizeof stat->comm - 1;
    memcpy(stat->comm, open + 1, size);
    stat->state = close[2];
    text = close + 3;
    for (int i = 4; i <= LAST_STAT_FIELD; i++)
        if (!pam_take_number(&text, 10, &field[i]) && i <= 24)
            return false; /* the exit code came with Linux 3.5 */
    stat->parent_pid = field[4];
    stat->minor_faults = field[10];
    stat->major_faults = field[12];
    stat->user_ticks = field[14];
    stat->system_ticks = field[15];
    stat->reaped_ticks = field[16] + field[17];
    stat->threads = field[20];
    stat->start_ticks = field[22];
    stat->rss_pages = field[24];
    stat->may_trace = field[26] > 1; /* startcode: the kernel shows 1 to others */
    stat->exit_code = (int)field[52];
    return true;
}

bool pam_parse_schedstat(const char *text, struct pam_schedstat *stat)
{
    return pam_take_number(&text, 10, &stat->cpu_ns) &&
           pam_take_number(&text, 10, &stat->wait_ns) &&
           pam_take_number(&text, 10, &stat->switches);
}

bool pam_parse_io(const char *text, struct pam_io *io)
{
    return pam_parse_key(text, "rchar", &io->read_bytes) &&
           pam_parse_key(text, "wchar", &io->written_bytes) &&
           pam_parse_key(text, "syscr", &io->read_calls) &&
           pam_parse_key(text, "syscw", &io->write_calls) &&
           pam_parse_key(text, "read_bytes", &io->disk_read_bytes) &&
           pam_parse_key(text, "write_bytes", &io->disk_written_bytes);
}

bool pam_parse_statm(const char *text, uint64_t *rss_pages)
{
    uint64_t size;

    return pam_take_number(&text, 10, &size) && pam_take_number(&text, 10, rss_pages);
}

bool pam_parse_switches(const char *status, struct pam_switches *switches)
{
    return pam_parse_key(status, "voluntary_ctxt_switches", &switches->voluntary) &&
           pam_parse_key(status, "nonvoluntary_ctxt_switches", &switches->involuntary);
}

bool pam_parse_namespace_ids(const char *status, pid_t *outer, pid_t *inner)
{
    static const char key[] = "\nNSpid:"; /* since Linux 4.1 */
    const char *at = strstr(status, key);
    uint64_t id;
    int count = 0;

    if (!at)
        return false;
    at += sizeof key - 1;
    for (; *at == '\t' && pam_take_number(&at, 10, &id); count++) {
        if (!count)
            *outer = (pid_t)id;
        *inner = (pid_t)id;
    }
    return count > 0;
}

bool pam_parse_map(const char *line, struct pam_map *map)
{
    static const char deleted[] = " (deleted)";
    char permissions[5] = "";
    size_t size;
    int path_at = 0;

    memset(map, 0, offsetof(struct pam_map, path) + 1);
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*x:%*x %" SCNu64 " %n", &map->start,
               &map->end, permissions, &map->offset, &map->inode, &path_at) < 5 ||
        map->end < map->start)
        return false;
    map->writable = permissions[1] == 'w';
    map->executable = strchr(permissions, 'x') != NULL;
    if (!path_at)
        return true;
    size = strcspn(line + path_at, "\n");
    if (size >= sizeof map->path)
        return false;
    memcpy(map->path, line + path_at, size);
    map->path[size] = '\0';
    if (size >= sizeof deleted && !strcmp(map->path + size - (sizeof deleted - 1), deleted)) {
        map->path[size - (sizeof deleted - 1)] = '\0';
        map->deleted = true;
    }
    return true;
}

static bool take_word(const char **at, char *word, size_t room)
{
    const char *from = skip_spaces(*at);
    size_t size = 0;

    while ((unsigned char)from[size] > ' ')
        size++;
    *at = from + size;
    if (!size || size >= room)
        return false;
    memcpy(word, from, size);
    word[size] = '\0';
    return true;
}

bool pam_take_words(const char **at, size_t count)
{
    char word[PAM_WORD_BYTES];

    while (count && take_word(at, word, sizeof word))
        count--;
    return !count;
}

bool pam_parse_socket(const char *line, struct pam_socket *socket)
{
    enum { TCP_LISTEN = 0x0a, BETWEEN = 5 }; /* include/net/tcp_states.h; queues, timers, uid, timeout */
    const char *port, *state = socket->state;
    uint64_t number;

    if (!pam_take_words(&line, 1) || !take_word(&line, socket->local, sizeof socket->local) ||
        !take_word(&line, socket->remote, sizeof socket->remote) ||
        !take_word(&line, socket->state, sizeof socket->state) || !pam_take_words(&line, BETWEEN) ||
        !pam_take_number(&line, 10, &socket->inode) || !pam_take_number(&state, 16, &number))
        return false;
    socket->listening = number == TCP_LISTEN;
    port = strrchr(socket->local, ':');
    if (!port++ || !pam_take_number(&port, 16, &number))
        return false;
    socket->port = (unsigned)number;
    return true;
}

bool pam_parse_key(const char *text, const char *key, uint64_t *value)
{
    const size_t size = strlen(key);

    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        if (*line == '\n')
            line++;
        if (!strncmp(line, key, size) && line[size] == ':') {
            line += size + 1;
            return pam_take_number(&line, 10, value);
        }
    }
    return false;
}
