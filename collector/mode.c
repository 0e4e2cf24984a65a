/* mode.c - how threads that ran are told apart: chosen by what it costs, again and again.
 *
 * Switch records cost the target a little at each of its context switches and bring exact times. To look
 * at every thread's schedstat at every tick costs it nothing, us more the more threads and the higher the
 * rate. Records are the better way until the switches are many: then they alone would be what disturbs.
 * Other ways were measured and are no better (tests/bench, "switches"): a counter's page costs the target
 * two thirds of what records cost it; records of whole CPUs a third, but at every switch of everybody. */
#include "mode.h"

#include <stdio.h>

#include "kernel/clock.h"
#include "kernel/price.h"
#include "session.h"

static const uint64_t REVIEW_NS = UINT64_C(900000000); /* at every interval of a second */
static const uint64_t WORTH_NS = UINT64_C(5000000); /* 0.5 % of a core: less is not worth a change */
static const uint64_t TAKE_IN_NS = 300;             /* the two records of a burst */

enum {
    TIMES_CHEAPER = 2,
    REVIEWS = 3,  /* that agree */
    SETTLE = 10,  /* after a change, before the next is considered */
};

struct pam_mode_costs pam_mode_costs(const struct pam_mode_choice *choice, uint64_t bursts_a_s,
                                     uint64_t looks_a_s)
{
    return (struct pam_mode_costs){
        .records_ns = bursts_a_s * (choice->burst_price_ns + TAKE_IN_NS),
        .looks_ns = looks_a_s * choice->look_price_ns,
    };
}

bool pam_mode_decide(struct pam_mode_choice *choice, const struct pam_mode_costs *costs, bool records)
{
    const uint64_t now_ns = records ? costs->records_ns : costs->looks_ns;
    const uint64_t other_ns = records ? costs->looks_ns : costs->records_ns;

    if (choice->agreed < 0 || (now_ns > TIMES_CHEAPER * other_ns && now_ns - other_ns > WORTH_NS))
        choice->agreed++;
    else
        choice->agreed = 0;
    if (choice->agreed < REVIEWS)
        return false;
    choice->agreed = -SETTLE;
    return true;
}

void pam_mode_start(struct pam_sampler *sampler)
{
    struct pam_mode_choice *choice = &sampler->choice;
    const struct pam_target *target = sampler->target;

    if (sampler->table.activity != &pam_activity_perf)
        return;
    choice->burst_price_ns = pam_price_of_burst(sampler->table.activity, &sampler->clock);
    choice->look_price_ns = pam_price_of_look(target->proc_fd, target->pid);
    choice->free = choice->look_price_ns && !sampler->settings.keep_switches && !sampler->below &&
                   !pam_schedstat_refusal(target->proc_fd, target->pid);
}

void pam_mode_record(struct pam_sampler *sampler)
{
    const struct pam_mode_choice *choice = &sampler->choice;
    const struct pam_mode mode = {
        .mode = sampler->table.activity->sampling,
        .rate_mhz = sampler->settings.rate_mhz,
        .reason = pam_text(sampler->sampling_reason),
        .on_cpu = sampler->clock.sees,
        .on_cpu_period_ns = sampler->clock.period_ns,
        .step_us = sampler->step_ns / 1000,
        .burst_price_ns_plus1 = choice->burst_price_ns ? choice->burst_price_ns + 1 : 0,
        .look_price_ns_plus1 = choice->look_price_ns ? choice->look_price_ns + 1 : 0,
    };

    pam_recorder_put(&sampler->recorder, PAM_mode, &mode);
}

static void say_why(struct pam_sampler *sampler, const struct pam_mode_costs *costs, bool records)
{
    (void)snprintf(sampler->sampling_reason, sizeof sampler->sampling_reason,
                   "%s: at the present rate of context switches, switch records would take %.1f %% of a "
                   "core, to look at schedstat %.1f %%",
                   records ? "switch records of perf_event" : "schedstat", (double)costs->records_ns / 1e7,
                   (double)costs->looks_ns / 1e7);
}

static void change(struct pam_sampler *sampler, const struct pam_mode_costs *costs)
{
    const bool records = !sampler->table.activity->exact;
    const struct pam_activity *source = records ? &pam_activity_perf : &pam_activity_schedstat;
    struct pam_clock_facts clock = {.period_ns = pam_clock_period_ns(sampler->settings.rate_mhz)};
    void *state;

    if (source->start(&state, &clock, sampler->settings.follow_children) < 0)
        return;
    for (size_t i = 0; i < sampler->attached_count; i++)
        pam_threads_unwatch(&sampler->attached[i]->threads);
    pam_thread_table_change(&sampler->table, source, state);
    for (size_t i = 0; i < sampler->attached_count; i++) {
        pam_threads_watch(&sampler->attached[i]->threads);
        sampler->attached[i]->scan_wanted = true;
    }
    sampler->clock = clock;
    sampler->tasks_changed = true;
    say_why(sampler, costs, records);
    pam_mode_record(sampler);
}

void pam_mode_review(struct pam_sampler *sampler, uint64_t now_ns)
{
    struct pam_mode_choice *choice = &sampler->choice;
    const uint64_t took_ns = now_ns - choice->since_ns;
    const uint64_t bursts = sampler->table.bursts - choice->bursts;
    struct pam_mode_costs costs;
    size_t threads = 0;

    if (!choice->free || took_ns < REVIEW_NS)
        return;
    choice->bursts = sampler->table.bursts;
    choice->since_ns = now_ns;
    if (took_ns == now_ns) /* the first only begins */
        return;
    for (size_t i = 0; i < sampler->attached_count; i++)
        threads += pam_threads_python(&sampler->attached[i]->threads);
    costs = pam_mode_costs(choice, bursts * UINT64_C(1000000000) / took_ns,
                           threads * sampler->settings.rate_mhz / 1000);
    if (pam_mode_decide(choice, &costs, sampler->table.activity->exact))
        change(sampler, &costs);
}
