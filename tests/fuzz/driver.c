/* driver.c - a fuzzer without its engine: replays the files and folders of a corpus. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "fuzz.h"

static size_t replayed;

static void replay_file(const char *path)
{
    FILE *in = fopen(path, "rbe");
    struct stat status;
    uint8_t *data;
    size_t size;

    demand(in && fstat(fileno(in), &status) == 0);
    size = (size_t)status.st_size;
    data = malloc(size ? size : 1); /* exactly so much, so that a sanitizer sees reads behind it */
    demand(data && fread(data, 1, size, in) == size);
    (void)fclose(in);
    (void)fprintf(stderr, "%s: %zu bytes\n", path, size);
    demand(LLVMFuzzerTestOneInput(data, size) == 0);
    free(data);
    replayed++;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void replay(const char *path)
{
    struct stat status;
    struct dirent **entries;
    int count;

    demand(stat(path, &status) == 0);
    if (!S_ISDIR(status.st_mode)) {
        replay_file(path);
        return;
    }
    count = scandir(path, &entries, is_visible, alphasort);
    demand(count >= 0);
    for (int i = 0; i < count; i++) {
        char *name;

        demand(asprintf(&name, "%s/%s", path, entries[i]->d_name) > 0);
        replay(name);
        free(name);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    if (!replayed) {
        (void)fprintf(stderr, "usage: %s FILE|FOLDER...\n", program_invocation_short_name);
        return 2;
    }
    return 0;
}
