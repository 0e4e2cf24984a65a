/* counter_use.c - how often each event happened in each thread and process, interval by interval. */
#include "counter_use.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "intern.h"
#include "room.h"

/* Of one event in one thread or process. */
struct tally {
    uint64_t value, enabled_ns, waited_ns;          /* as recorded last */
    uint64_t old_value, old_enabled_ns, old_waited_ns; /* at the interval before */
    double count, enabled, waited;                  /* in this interval */
};

/* A thread or a process that is alive. */
struct owner {
    uint64_t pid, thread;
    uint32_t number; /* of its key in the table */
    bool gone;
    struct tally *tallies;
    size_t room;     /* tallies */
};

struct pam_counter_uses {
    struct pam_counters counters;
    struct pam_table keys; /* (thread, 0) and (0, pid), for numbers */
    uint32_t *place_plus1; /* by number: 1 + index in `owners`, 0: it is gone */
    size_t place_room;
    struct owner *owners;
    size_t count, room;
    struct pam_counter_use *uses;
    size_t use_count, use_room;
    uint64_t from_ns, to_ns;
    uint64_t now_ns;
    bool started;  /* the first interval, which is over as soon as it began, belongs to the second */
    bool changed;  /* there was a count since the last interval ... */
    bool read;     /* ... or the resources were read, so one has ended even if nothing was counted */
};

static int no_memory(struct pam_error *error)
{
    return pam_fail(error, PAM_MEMORY, "not enough memory for what threads counted");
}

int pam_counter_uses_new(struct pam_counter_uses **ret, struct pam_error *error)
{
    *ret = calloc(1, sizeof **ret);
    return *ret ? 0 : no_memory(error);
}

static void forget_capture(struct pam_counter_uses *uses)
{
    for (size_t i = 0; i < uses->count; i++)
        free(uses->owners[i].tallies);
    pam_table_done(&uses->keys);
    pam_counters_done(&uses->counters);
    uses->keys = (struct pam_table){0};
    if (uses->place_plus1)
        memset(uses->place_plus1, 0, uses->place_room * sizeof *uses->place_plus1);
    uses->count = uses->use_count = 0;
    uses->from_ns = uses->to_ns = uses->now_ns = 0;
    uses->started = uses->changed = uses->read = false;
}

void pam_counter_uses_free(struct pam_counter_uses *uses)
{
    if (!uses)
        return;
    forget_capture(uses);
    free(uses->place_plus1);
    free(uses->owners);
    free(uses->uses);
    free(uses);
}

/* --- who counts ------------------------------------------------------------------------------------- */

/* NULL when memory is short. It is good until the next call. */
static struct owner *owner_for(struct pam_counter_uses *uses, uint64_t thread, uint64_t pid)
{
    const uint64_t key[2] = {thread, thread ? 0 : pid};
    const int64_t number = pam_table_id(&uses->keys, key, sizeof key);
    uint32_t *places;
    struct owner *owners;

    if (number < 0)
        return NULL;
    places = pam_with_room(uses->place_plus1, &uses->place_room, (size_t)number, sizeof *places);
    if (!places)
        return NULL;
    uses->place_plus1 = places;
    if (places[number])
        return &uses->owners[places[number] - 1];
    owners = pam_with_room(uses->owners, &uses->room, uses->count, sizeof *owners);
    if (!owners)
        return NULL;
    uses->owners = owners;
    owners[uses->count] = (struct owner){.pid = pid, .thread = thread, .number = (uint32_t)number};
    places[number] = (uint32_t)++uses->count;
    return &owners[uses->count - 1];
}

static struct tally *tally_for(struct owner *owner, size_t counter)
{
    struct tally *tallies = pam_with_room(owner->tallies, &owner->room, counter, sizeof *tallies);

    if (tallies)
        owner->tallies = tallies;
    return tallies ? &tallies[counter] : NULL;
}

static int take_thread(struct pam_counter_uses *uses, const struct pam_thread *thread,
                       struct pam_error *error)
{
    struct owner *owner;

    if (!uses->counters.count) /* nothing is counted in this capture */
        return 0;
    owner = owner_for(uses, thread->id, 0);
    if (!owner)
        return no_memory(error);
    owner->pid = thread->pid;
    return owner_for(uses, 0, thread->pid) ? 0 : no_memory(error);
}

static int take_count(struct pam_counter_uses *uses, const struct pam_count *count, struct pam_error *error)
{
    const int counter = pam_counters_find(&uses->counters, count->counter);
    struct owner *owner;
    struct tally *tally;

    if (count->of_sample || counter < 0)
        return 0;
    owner = owner_for(uses, count->thread, count->pid);
    tally = owner ? tally_for(owner, (size_t)counter) : NULL;
    if (!tally)
        return no_memory(error);
    tally->value = count->value;
    tally->enabled_ns = count->enabled_ns;
    tally->waited_ns = count->waited_ns;
    uses->changed = true;
    return 0;
}

static void take_exit(struct pam_counter_uses *uses, uint64_t thread, uint64_t pid)
{
    const uint64_t key[2] = {thread, pid};
    const int64_t number = pam_table_find(&uses->keys, key, sizeof key);

    if (number >= 0 && (size_t)number < uses->place_room && uses->place_plus1[number])
        uses->owners[uses->place_plus1[number] - 1].gone = true;
}

static void forget_gone(struct pam_counter_uses *uses)
{
    size_t kept = 0;

    for (size_t i = 0; i < uses->count; i++) {
        const struct owner owner = uses->owners[i];

        uses->place_plus1[owner.number] = 0;
        if (owner.gone) {
            free(owner.tallies);
            continue;
        }
        uses->owners[kept++] = owner;
        uses->place_plus1[owner.number] = (uint32_t)kept;
    }
    uses->count = kept;
}

/* --- an interval ------------------------------------------------------------------------------------ */

/* Totals that go back are of a damaged capture. */
static double since(uint64_t now, uint64_t before)
{
    return now > before ? (double)(now - before) : 0;
}

static void measure(struct owner *owner)
{
    for (size_t i = 0; i < owner->room; i++) {
        struct tally *tally = &owner->tallies[i];

        tally->enabled = since(tally->enabled_ns, tally->old_enabled_ns);
        tally->waited = since(tally->waited_ns, tally->old_waited_ns);
        tally->count = pam_scaled_count(since(tally->value, tally->old_value), tally->enabled, tally->waited);
        tally->old_value = tally->value;
        tally->old_enabled_ns = tally->enabled_ns;
        tally->old_waited_ns = tally->waited_ns;
    }
}

/* A process that the kernel did not count as a whole is the sum of the threads that were seen. */
static bool add_to_process(struct pam_counter_uses *uses, const struct owner *thread)
{
    const size_t room = thread->room < uses->counters.count ? thread->room : uses->counters.count;
    const struct tally *tallies = thread->tallies;
    struct owner *process = owner_for(uses, 0, thread->pid); /* it is there: see take_thread() */

    for (size_t i = 0; process && i < room; i++) {
        struct tally *sum = uses->counters.all[i].whole_process ? NULL : tally_for(process, i);

        if (!sum)
            continue;
        sum->count += tallies[i].count;
        sum->enabled += tallies[i].enabled;
        sum->waited += tallies[i].waited;
    }
    return process != NULL;
}

static double counted_percent(const struct tally *tally)
{
    return tally->waited > 0 && tally->enabled > 0
               ? 100 * fmax(0, 1 - tally->waited / tally->enabled) : 100;
}

/* Whether there is a number: without a place on the PMU there is none. */
static double count_of(const struct tally *tally)
{
    return tally->waited > 0 && tally->waited >= tally->enabled ? NAN : tally->count;
}

static bool put(struct pam_counter_uses *uses, const struct pam_counter_use *use)
{
    struct pam_counter_use *grown =
        pam_with_room(uses->uses, &uses->use_room, uses->use_count, sizeof *grown);

    if (!grown)
        return false;
    uses->uses = grown;
    grown[uses->use_count++] = *use;
    return true;
}

static bool put_count(struct pam_counter_uses *uses, const struct owner *owner, size_t counter)
{
    const double seconds = (double)(uses->to_ns - uses->from_ns) / 1e9;
    const struct tally *tally = &owner->tallies[counter];
    const double count = count_of(tally);

    if (tally->count <= 0 && tally->waited <= 0 && (owner->thread || uses->to_ns == uses->from_ns))
        return true;
    return put(uses, &(struct pam_counter_use){
                         .pid = owner->pid,
                         .thread = owner->thread,
                         .event = uses->counters.all[counter].name,
                         .unit = uses->counters.all[counter].unit,
                         .value = count,
                         .per_second = seconds > 0 ? count / seconds : NAN,
                         .counted_percent = counted_percent(tally),
                     });
}

static bool put_ratio(struct pam_counter_uses *uses, const struct owner *owner, size_t counter)
{
    const struct pam_counter_facts *facts = &uses->counters.all[counter];
    const int partner = pam_counters_partner(&uses->counters, counter);
    const struct tally *over = &owner->tallies[counter], *under;

    if (partner < 0 || owner->tallies[partner].count <= 0)
        return true;
    under = &owner->tallies[partner];
    return put(uses, &(struct pam_counter_use){
                         .pid = owner->pid,
                         .thread = owner->thread,
                         .event = facts->ratio,
                         .unit = pam_counter_ratio_unit(facts),
                         .is_ratio = true,
                         .value = pam_counter_ratio_factor(facts) * count_of(over) / count_of(under),
                         .per_second = NAN,
                         .counted_percent = fmin(counted_percent(over), counted_percent(under)),
                     });
}

static bool put_owner(struct pam_counter_uses *uses, struct owner *owner)
{
    const size_t counters = uses->counters.count;
    bool good = !counters || tally_for(owner, counters - 1) != NULL;

    for (size_t i = 0; i < counters && good; i++)
        good = put_count(uses, owner, i);
    for (size_t i = 0; i < counters && good; i++)
        good = put_ratio(uses, owner, i);
    return good;
}

static int close_interval(struct pam_counter_uses *uses, struct pam_error *error)
{
    bool good = true;

    uses->from_ns = uses->to_ns;
    uses->to_ns = uses->now_ns;
    uses->use_count = 0;
    uses->changed = uses->read = false;
    for (size_t i = 0; i < uses->count; i++)
        measure(&uses->owners[i]);
    for (size_t i = 0; i < uses->count && good; i++)
        if (uses->owners[i].thread)
            good = add_to_process(uses, &(const struct owner){.pid = uses->owners[i].pid,
                                                              .tallies = uses->owners[i].tallies,
                                                              .room = uses->owners[i].room});
    for (int threads = 0; threads <= 1; threads++)
        for (size_t i = 0; i < uses->count && good; i++)
            if ((uses->owners[i].thread != 0) == threads)
                good = put_owner(uses, &uses->owners[i]);
    forget_gone(uses);
    return good ? 1 : no_memory(error);
}

static int end_interval(struct pam_counter_uses *uses, struct pam_error *error)
{
    const bool ended = uses->started && (uses->changed || uses->read) && uses->now_ns > uses->to_ns;

    uses->started = true;
    return ended && uses->counters.count ? close_interval(uses, error) : 0;
}

int pam_counter_uses_add(struct pam_counter_uses *uses, const struct pam_event *event,
                         struct pam_error *error)
{
    const struct pam_record *record = &event->record;

    if (event->kind == PAM_EVENT_CAPTURE)
        forget_capture(uses);
    if (event->kind != PAM_EVENT_RECORD)
        return 0;
    if (event->time_ns > uses->now_ns)
        uses->now_ns = event->time_ns;
    switch (record->type) {
    case PAM_session:
        if (!uses->to_ns)
            uses->to_ns = record->session.start_monotonic_ns;
        return 0;
    case PAM_counter: return pam_counters_add(&uses->counters, &record->counter, error);
    case PAM_thread: return take_thread(uses, &record->thread, error);
    case PAM_count: return take_count(uses, &record->count, error);
    case PAM_thread_exit: take_exit(uses, record->thread_exit.thread, 0); return 0;
    case PAM_process_exit: take_exit(uses, 0, record->process_exit.pid); return 0;
    case PAM_resource: uses->read = true; return 0;
    case PAM_health: return end_interval(uses, error);
    default: return 0;
    }
}

int pam_counter_uses_finish(struct pam_counter_uses *uses, struct pam_error *error)
{
    return uses->changed ? close_interval(uses, error) : 0;
}

void pam_counter_uses_interval(const struct pam_counter_uses *uses, uint64_t *from_ns, uint64_t *to_ns)
{
    *from_ns = uses->from_ns;
    *to_ns = uses->to_ns;
}

const struct pam_counter_use *pam_counter_uses_get(const struct pam_counter_uses *uses, size_t *count)
{
    *count = uses->use_count;
    return uses->uses;
}
