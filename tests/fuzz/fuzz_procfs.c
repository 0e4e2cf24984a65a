/* fuzz_procfs.c - any text through the parsers of /proc. */
#include "fuzz.h"
#include "kernel/procfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pam_map map;
    struct pam_stat stat;
    struct pam_schedstat schedstat;
    struct pam_socket socket;
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
    free(text);
    return 0;
}
