/* threads.c - keeps what each thread used, interval by interval, and finds the busiest. */
#include "threads.h"

#include <stdlib.h>
#include <string.h>

void plot_threads_done(struct plot_threads *threads)
{
    for (size_t i = 0; i < threads->count; i++) {
        free(threads->all[i].name);
        free(threads->all[i].uses);
    }
    free(threads->all);
    pam_table_done(&threads->keys);
    memset(threads, 0, sizeof *threads);
}

int plot_threads_get(struct plot_thread **ret, struct plot_threads *threads, uint64_t key,
                     struct pam_error *error)
{
    const int64_t index = pam_table_id(&threads->keys, &key, sizeof key);

    if (index >= PLOT_MAX_THREADS)
        return pam_fail(error, PAM_DAMAGED, "more than %d threads", PLOT_MAX_THREADS);
    if (index >= 0 && (size_t)index == threads->count && threads->count == threads->room) {
        const size_t room = threads->room ? 2 * threads->room : 64;
        struct plot_thread *grown = realloc(threads->all, room * sizeof *grown);

        if (grown) {
            threads->all = grown;
            threads->room = room;
        }
    }
    if (index < 0 || (size_t)index >= threads->room)
        return pam_fail(error, PAM_MEMORY, "no memory for another thread");
    if ((size_t)index == threads->count)
        threads->all[threads->count++] = (struct plot_thread){.tid = key};
    *ret = &threads->all[index];
    return 0;
}

int plot_thread_rename(struct plot_thread *thread, const void *name, size_t size,
                       struct pam_error *error)
{
    char *copy;

    if (thread->name && strlen(thread->name) == size && !memcmp(thread->name, name, size))
        return 0;
    copy = strndup(size ? name : "", size);
    if (!copy)
        return pam_fail(error, PAM_MEMORY, "no memory for the name of a thread");
    free(thread->name);
    thread->name = copy;
    return 0;
}

int plot_thread_add(struct plot_threads *threads, struct plot_thread *thread,
                    const struct plot_use *use, struct pam_error *error)
{
    if (threads->use_count == PLOT_MAX_USES)
        return pam_fail(error, PAM_DAMAGED, "more than %d readings of threads", PLOT_MAX_USES);
    if (thread->count == thread->room) {
        const size_t room = thread->room ? 2 * thread->room : 16;
        struct plot_use *grown = realloc(thread->uses, room * sizeof *grown);

        if (!grown)
            return pam_fail(error, PAM_MEMORY, "no memory for %zu readings of a thread", room);
        thread->uses = grown;
        thread->room = room;
    }
    thread->uses[thread->count++] = *use;
    thread->cpu_sum += (double)use->cpu_percent;
    threads->use_count++;
    return 0;
}

size_t plot_threads_busiest(const struct plot_threads *threads, size_t *indices, size_t most)
{
    size_t count = 0;

    for (size_t i = 0; i < threads->count; i++) {
        size_t at = count;

        while (at && threads->all[i].cpu_sum > threads->all[indices[at - 1]].cpu_sum)
            at--;
        if (at == most)
            continue;
        count += count < most;
        memmove(&indices[at + 1], &indices[at], (count - at - 1) * sizeof *indices);
        indices[at] = i;
    }
    return count;
}
