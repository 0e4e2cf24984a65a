/* fuzz_procfs.c - any text through the parsers of /proc. */
#include "fuzz.h"
#include "kernel/blocked.h"
#include "kernel/procfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pam_map map;
    struct pam_stat stat;
    struct pam_schedstat schedstat;
    struct pam_socket socket;
    struct pam_blocked blocked;
    char found[PAM_SOCKET_TEXT_BYTES];
    uint64_t value;
    char *text = malloc(size + 1);

    demand(text != NULL);
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    if (pam_parse_stat(text, &stat))
        demand(memchr(stat.comm, '\0', sizeof stat.comm) != NULL);
    (void)pam_parse_schedstat(text, &schedstat);
    if (pam_parse_map(text, &map))
        demand(map.end >= map.start && memchr(map.path, '\0', sizeof map.path) != NULL);
    (void)pam_parse_socket(text, &socket);
    (void)pam_parse_key(text, "MemTotal", &value);
    (void)pam_parse_key(text, "", &value);
    (void)pam_parse_blocked(text, &blocked);
    for (int is_unix = 0; is_unix < 2; is_unix++)
        if (pam_parse_socket_line(text, is_unix, 1, found))
            demand(memchr(found, '\0', sizeof found) != NULL);
    (void)pam_socket_inode(text);
    free(text);
    return 0;
}
