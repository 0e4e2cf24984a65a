/* thread_use.c - what each thread used, interval by interval, from the thread_cpu records. */
#include "thread_use.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "intern.h"
#include "room.h"

/* A thread that is alive. */
struct totals {
    uint64_t pid;
    uint32_t number; /* of its id in the table */
    bool known;      /* `before` is known */
    bool has_now;    /* a thread_cpu record was seen */
    bool gone;
    struct pam_thread_cpu before, now; /* at the interval before, and the latest */
    uint64_t on_cpu, in_kernel;        /* records of the clock in this interval */
    struct gil_time {
        uint64_t held_ns, awaited_ns, unknown_ns; /* in this interval, up to `at_ns` */
        uint64_t at_ns;                /* 0: no sample yet that tells */
        uint64_t flags;                /* of the latest sample: they hold until the next */
    } gil;
};

struct pam_thread_uses {
    struct pam_table ids;  /* from thread ids to numbers */
    uint32_t *place_plus1; /* by number: 1 + index of the thread in `alive`, 0 when it is gone */
    size_t place_room;
    struct totals *alive;
    size_t alive_count;
    size_t alive_room;
    struct pam_thread_use *uses; /* as many as there is room for in `alive` */
    size_t count;
    uint64_t before_ns; /* time of the interval before, 0: there is none */
    bool gap;           /* records of this interval were lost */
    uint64_t on_cpu_clock; /* enum pam_on_cpu_clock */
    bool gil_told;         /* samples tell who holds the GIL */
};

int pam_thread_uses_new(struct pam_thread_uses **ret, struct pam_error *error)
{
    *ret = calloc(1, sizeof **ret);
    return *ret ? 0 : pam_fail(error, PAM_MEMORY, "not enough memory for the threads of a capture");
}

void pam_thread_uses_free(struct pam_thread_uses *uses)
{
    if (!uses)
        return;
    pam_table_done(&uses->ids);
    free(uses->place_plus1);
    free(uses->alive);
    free(uses->uses);
    free(uses);
}

static bool grow_alive(struct pam_thread_uses *uses)
{
    const size_t room = uses->alive_room ? 2 * uses->alive_room : 64;
    struct totals *alive;
    struct pam_thread_use *list;

    if (uses->alive_count < uses->alive_room)
        return true;
    alive = realloc(uses->alive, room * sizeof *alive);
    if (!alive)
        return false;
    uses->alive = alive;
    list = realloc(uses->uses, room * sizeof *list);
    if (!list)
        return false;
    uses->uses = list;
    uses->alive_room = room;
    return true;
}

/* NULL when memory is short. */
static struct totals *totals_for(struct pam_thread_uses *uses, uint64_t thread)
{
    const int64_t number = pam_table_id(&uses->ids, &thread, sizeof thread);
    uint32_t *place_plus1;
    struct totals *totals;

    if (number < 0)
        return NULL;
    place_plus1 = pam_with_room(uses->place_plus1, &uses->place_room, (size_t)number, sizeof *place_plus1);
    if (!place_plus1)
        return NULL;
    uses->place_plus1 = place_plus1;
    if (place_plus1[number])
        return &uses->alive[place_plus1[number] - 1];
    if (!grow_alive(uses))
        return NULL;
    totals = &uses->alive[uses->alive_count++];
    *totals = (struct totals){.number = (uint32_t)number};
    totals->before.thread = totals->now.thread = thread;
    place_plus1[number] = (uint32_t)uses->alive_count;
    return totals;
}

static void take_exit(struct pam_thread_uses *uses, uint64_t thread)
{
    const int64_t number = pam_table_id(&uses->ids, &thread, sizeof thread);

    if (number >= 0 && (size_t)number < uses->place_room && uses->place_plus1[number])
        uses->alive[uses->place_plus1[number] - 1].gone = true;
}

/* NULL: it has no thread record, so what is told of it is nobody's. */
static struct totals *known_totals(struct pam_thread_uses *uses, uint64_t thread)
{
    const int64_t number = pam_table_find(&uses->ids, &thread, sizeof thread);

    if (number < 0 || (size_t)number >= uses->place_room || !uses->place_plus1[number])
        return NULL;
    return &uses->alive[uses->place_plus1[number] - 1];
}

static void take_on_cpu(struct pam_thread_uses *uses, const struct pam_on_cpu *on_cpu)
{
    struct totals *totals = known_totals(uses, on_cpu->thread);

    if (!totals)
        return;
    totals->on_cpu++;
    totals->in_kernel += on_cpu->in_kernel != 0;
}

/* Gives the time since to what the latest sample said. */
static void spend_gil(struct gil_time *gil, uint64_t now_ns)
{
    const uint64_t passed_ns = gil->at_ns && now_ns > gil->at_ns ? now_ns - gil->at_ns : 0;

    if (gil->flags & PAM_SAMPLE_HOLDS_GIL)
        gil->held_ns += passed_ns;
    else if (gil->flags & PAM_SAMPLE_WAITS_GIL)
        gil->awaited_ns += passed_ns;
    else if (gil->flags & PAM_SAMPLE_GIL_UNKNOWN)
        gil->unknown_ns += passed_ns;
    if (gil->at_ns)
        gil->at_ns = now_ns;
}

static void take_sample(struct pam_thread_uses *uses, const struct pam_sample *sample, uint64_t now_ns)
{
    struct totals *totals = uses->gil_told ? known_totals(uses, sample->thread) : NULL;

    if (!totals)
        return;
    spend_gil(&totals->gil, now_ns);
    totals->gil.at_ns = now_ns;
    totals->gil.flags = sample->flags;
}

/* Nobody knows what the threads did since. */
static void lose_gil(struct pam_thread_uses *uses)
{
    for (size_t i = 0; i < uses->alive_count; i++)
        uses->alive[i].gil.at_ns = 0;
}

int pam_thread_uses_add(struct pam_thread_uses *uses, const struct pam_event *event,
                        struct pam_error *error)
{
    const struct pam_record *record = &event->record;
    struct totals *totals = NULL;

    if (event->kind == PAM_EVENT_GAP) {
        uses->gap = true;
        lose_gil(uses);
    }
    if (event->kind != PAM_EVENT_RECORD)
        return 0;
    if (record->type == PAM_thread_exit)
        take_exit(uses, record->thread_exit.thread);
    if (record->type == PAM_mode)
        uses->on_cpu_clock = record->mode.on_cpu;
    if (record->type == PAM_on_cpu)
        take_on_cpu(uses, &record->on_cpu);
    if (record->type == PAM_insight)
        uses->gil_told |= record->insight.gil_address != 0;
    if (record->type == PAM_sample)
        take_sample(uses, &record->sample, event->time_ns);
    if (record->type != PAM_thread && record->type != PAM_thread_cpu)
        return 0;
    totals = totals_for(uses,
                        record->type == PAM_thread ? record->thread.id : record->thread_cpu.thread);
    if (!totals)
        return pam_fail(error, PAM_MEMORY, "not enough memory for the threads of a capture");
    if (record->type == PAM_thread) {
        totals->pid = record->thread.pid;
    } else {
        totals->now = record->thread_cpu;
        totals->has_now = true;
    }
    return 0;
}

static bool went_on(const struct totals *totals)
{
    return totals->now.cpu_us >= totals->before.cpu_us &&
           totals->now.wait_us >= totals->before.wait_us &&
           totals->now.switches >= totals->before.switches;
}

static double gil_percent(const struct gil_time *gil, uint64_t ns, double seconds)
{
    return gil->at_ns ? (double)ns / seconds / 1e7 : NAN;
}

static struct pam_thread_use use(const struct totals *totals, double seconds, uint64_t on_cpu_clock)
{
    const struct pam_thread_cpu *now = &totals->now, *before = &totals->before;

    return (struct pam_thread_use){
        .thread = now->thread,
        .pid = totals->pid,
        .cpu_percent = (double)(now->cpu_us - before->cpu_us) / seconds / 1e4,
        .run_queue_percent = (double)(now->wait_us - before->wait_us) / seconds / 1e4,
        .switches_per_s = (double)(now->switches - before->switches) / seconds,
        .on_cpu_samples = on_cpu_clock != PAM_ON_CPU_NONE ? (double)totals->on_cpu : NAN,
        .kernel_samples = on_cpu_clock == PAM_ON_CPU_ALL ? (double)totals->in_kernel : NAN,
        .gil_percent = gil_percent(&totals->gil, totals->gil.held_ns, seconds),
        .gil_wait_percent = gil_percent(&totals->gil, totals->gil.awaited_ns, seconds),
        .gil_unknown_percent = gil_percent(&totals->gil, totals->gil.unknown_ns, seconds),
    };
}

static void forget_gone(struct pam_thread_uses *uses)
{
    size_t kept = 0;

    for (size_t i = 0; i < uses->alive_count; i++) {
        const struct totals totals = uses->alive[i];

        uses->place_plus1[totals.number] = 0;
        if (totals.gone)
            continue;
        uses->alive[kept++] = totals;
        uses->place_plus1[totals.number] = (uint32_t)kept;
    }
    uses->alive_count = kept;
}

/* A thread that is new was born in the interval, so it has used in it all it has; in the first one
 * and after a loss that is not known. */
void pam_thread_uses_close(struct pam_thread_uses *uses, uint64_t time_ns)
{
    const bool starts = !uses->before_ns || time_ns <= uses->before_ns;
    const double seconds = starts ? 0 : (double)(time_ns - uses->before_ns) / 1e9;

    forget_gone(uses);
    uses->count = 0;
    for (size_t i = 0; i < uses->alive_count; i++) {
        struct totals *totals = &uses->alive[i];

        spend_gil(&totals->gil, time_ns);
        if (totals->has_now) {
            if (!starts && (totals->known || !uses->gap) && went_on(totals))
                uses->uses[uses->count++] = use(totals, seconds, uses->on_cpu_clock);
            totals->before = totals->now;
            totals->known = true;
            totals->on_cpu = totals->in_kernel = 0;
        }
        totals->gil = (struct gil_time){.at_ns = totals->gil.at_ns, .flags = totals->gil.flags};
    }
    uses->before_ns = time_ns;
    uses->gap = false;
}

const struct pam_thread_use *pam_thread_uses_get(const struct pam_thread_uses *uses, size_t *count)
{
    *count = uses->count;
    return uses->uses;
}
