/* board.c - what the whole machine did, interval by interval, and what its sensors said. */
#include "board.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_CORES = 1024, /* the collector's bounds are lower */
    MAX_SENSORS = 256,
};

/* A sensor behind a slow bus is not read at every interval: a value holds twice as long as it took
 * to come, and so long at most. */
static const uint64_t HELD_NS = UINT64_C(120000000000);

struct pam_board_watch {
    struct pam_system before, now;
    bool has_now;
    uint64_t before_ns; /* when `before` was taken; 0: there is none */
    struct pam_core cores_before[MAX_CORES], cores_now[MAX_CORES];
    size_t cores_before_count, cores_now_count;
    struct pam_sensor_state sensors[MAX_SENSORS];
    size_t sensor_count;
    struct pam_board board;
    struct pam_core_use uses[MAX_CORES];
    size_t use_count;
};

/* Devices of class/thermal that are cooled by slowing a CPU down; others are fans. */
static const char *const cpu_coolers[] = {"cpufreq-", "thermal-cpufreq-", "cpuidle-",
                                          "thermal-idle-", "Processor"};

int pam_board_new(struct pam_board_watch **ret, struct pam_error *error)
{
    *ret = calloc(1, sizeof **ret);
    return *ret ? 0 : pam_fail(error, PAM_MEMORY, "not enough memory for the board of a capture");
}

void pam_board_free(struct pam_board_watch *watch)
{
    if (!watch)
        return;
    for (size_t i = 0; i < watch->sensor_count; i++) {
        free(watch->sensors[i].name);
        free(watch->sensors[i].path);
    }
    free(watch);
}

/* --- sensors --------------------------------------------------------------------------------- */

static struct pam_sensor_state *find_sensor(struct pam_board_watch *watch, uint64_t id)
{
    for (size_t i = 0; i < watch->sensor_count; i++)
        if (watch->sensors[i].id == id)
            return &watch->sensors[i];
    return NULL;
}

static char *copy_text(struct pam_bytes text)
{
    return strndup(text.size ? (const char *)text.data : "", text.size);
}

/* Every epoch tells of them again. */
static int take_sensor(struct pam_board_watch *watch, const struct pam_sensor *sensor)
{
    struct pam_sensor_state *state;

    if (find_sensor(watch, sensor->id) || watch->sensor_count == MAX_SENSORS)
        return 0;
    state = &watch->sensors[watch->sensor_count];
    *state = (struct pam_sensor_state){
        .id = sensor->id,
        .kind = sensor->kind <= PAM_SENSOR_COOLING ? (enum pam_sensor_kind)sensor->kind : 0,
        .name = copy_text(sensor->name),
        .path = copy_text(sensor->path),
    };
    watch->sensor_count++;
    return state->name && state->path ? 0 : -1;
}

static void take_reading(struct pam_board_watch *watch, const struct pam_reading *reading,
                         uint64_t time_ns)
{
    struct pam_sensor_state *state = find_sensor(watch, reading->sensor);

    if (!state)
        return;
    state->before = state->value;
    state->before_known = state->known;
    state->gap_ns = state->read_ns ? time_ns - state->read_ns : 0;
    state->value = reading->value;
    state->known = true;
    state->read_ns = time_ns;
}

static bool is_fresh(const struct pam_sensor_state *sensor, uint64_t time_ns)
{
    const uint64_t held_ns =
        sensor->gap_ns && sensor->gap_ns < HELD_NS / 2 ? 2 * sensor->gap_ns : HELD_NS;

    return sensor->known && time_ns - sensor->read_ns <= held_ns;
}

static bool slows_down(const struct pam_sensor_state *sensor)
{
    if (sensor->kind == PAM_SENSOR_THROTTLE_COUNT)
        return sensor->before_known && sensor->value > sensor->before;
    return sensor->value > 0;
}

static bool tells_throttling(const struct pam_sensor_state *sensor)
{
    if (sensor->kind == PAM_SENSOR_ALARM || sensor->kind == PAM_SENSOR_THROTTLE_COUNT)
        return true;
    if (sensor->kind != PAM_SENSOR_COOLING)
        return false;
    for (size_t i = 0; i < sizeof cpu_coolers / sizeof *cpu_coolers; i++)
        if (!strncmp(sensor->name, cpu_coolers[i], strlen(cpu_coolers[i])))
            return true;
    return false;
}

/* fmax() passes over NaN. */
static void sum_up_sensors(struct pam_board_watch *watch, uint64_t time_ns)
{
    struct pam_board *board = &watch->board;

    for (size_t i = 0; i < watch->sensor_count; i++) {
        struct pam_sensor_state *sensor = &watch->sensors[i];
        const double value = (double)sensor->value;

        sensor->known = is_fresh(sensor, time_ns);
        if (!sensor->known)
            continue;
        if (sensor->kind == PAM_SENSOR_TEMPERATURE)
            board->temperature_c = fmax(board->temperature_c, value / 1000);
        if (sensor->kind == PAM_SENSOR_FREQUENCY)
            board->frequency_mhz = fmax(board->frequency_mhz, value / 1000);
        if (tells_throttling(sensor))
            board->throttled = fmax(board->throttled, slows_down(sensor));
    }
}

/* --- counters -------------------------------------------------------------------------------- */

int pam_board_add(struct pam_board_watch *watch, const struct pam_event *event,
                  struct pam_error *error)
{
    const struct pam_record *record = &event->record;

    if (event->kind != PAM_EVENT_RECORD)
        return 0;
    switch (record->type) {
    case PAM_system:
        watch->now = record->system;
        watch->has_now = true;
        break;
    case PAM_core:
        if (record->core.core_plus1 && watch->cores_now_count < MAX_CORES)
            watch->cores_now[watch->cores_now_count++] = record->core;
        break;
    case PAM_sensor:
        if (take_sensor(watch, &record->sensor) < 0)
            return pam_fail(error, PAM_MEMORY, "not enough memory for the sensors of a capture");
        break;
    case PAM_reading: take_reading(watch, &record->reading, event->time_ns); break;
    default: break;
    }
    return 0;
}

static double known(uint64_t plus1)
{
    return plus1 ? (double)(plus1 - 1) : NAN;
}

/* Idle time is an estimate, and its counters may go back a little: then none has passed. */
static double passed(uint64_t now_plus1, uint64_t before_plus1)
{
    if (!now_plus1 || !before_plus1)
        return NAN;
    return now_plus1 > before_plus1 ? (double)(now_plus1 - before_plus1) : 0;
}

static double share(double part, double whole)
{
    return whole > 0 ? 100 * part / whole : NAN;
}

static void use_all_cores(struct pam_board_watch *watch)
{
    const struct pam_system *now = &watch->now, *before = &watch->before;
    const double stolen = passed(now->stolen_ticks_plus1, before->stolen_ticks_plus1);
    const double io_wait = passed(now->io_wait_ticks_plus1, before->io_wait_ticks_plus1);
    const double busy = passed(now->user_ticks_plus1, before->user_ticks_plus1) +
                        passed(now->system_ticks_plus1, before->system_ticks_plus1) + stolen;
    const double all = busy + io_wait + passed(now->idle_ticks_plus1, before->idle_ticks_plus1);

    watch->board.cpu_percent = share(busy, all);
    watch->board.io_wait_percent = share(io_wait, all);
    watch->board.stolen_percent = share(stolen, all);
}

static const struct pam_core *find_core(const struct pam_board_watch *watch, size_t likely,
                                        uint64_t core_plus1)
{
    if (likely < watch->cores_before_count && watch->cores_before[likely].core_plus1 == core_plus1)
        return &watch->cores_before[likely];
    for (size_t i = 0; i < watch->cores_before_count; i++)
        if (watch->cores_before[i].core_plus1 == core_plus1)
            return &watch->cores_before[i];
    return NULL;
}

static void use_each_core(struct pam_board_watch *watch)
{
    for (size_t i = 0; i < watch->cores_now_count; i++) {
        const struct pam_core *now = &watch->cores_now[i];
        const struct pam_core *before = find_core(watch, i, now->core_plus1);
        double busy, idle;

        if (!before)
            continue;
        busy = passed(now->busy_ticks_plus1, before->busy_ticks_plus1);
        idle = passed(now->idle_ticks_plus1, before->idle_ticks_plus1);
        watch->uses[watch->use_count++] =
            (struct pam_core_use){now->core_plus1 - 1, share(busy, busy + idle)};
    }
}

/* In microseconds. The kernel adds some of it late, so it may be a little over 100 %. */
static double pressure(uint64_t now_plus1, uint64_t before_plus1, double seconds)
{
    return share(passed(now_plus1, before_plus1) / 1e6, seconds);
}

static void use_system(struct pam_board_watch *watch, double seconds)
{
    const struct pam_system *now = &watch->now, *before = &watch->before;
    struct pam_board *board = &watch->board;

    use_all_cores(watch);
    board->load_1 = known(now->load_1_plus1) / 100;
    board->load_5 = known(now->load_5_plus1) / 100;
    board->load_15 = known(now->load_15_plus1) / 100;
    board->available_bytes = known(now->available_bytes_plus1);
    board->swap_used_bytes = known(now->swap_used_bytes_plus1);
    board->cpu_some_percent = pressure(now->cpu_some_us_plus1, before->cpu_some_us_plus1, seconds);
    board->memory_some_percent =
        pressure(now->memory_some_us_plus1, before->memory_some_us_plus1, seconds);
    board->memory_full_percent =
        pressure(now->memory_full_us_plus1, before->memory_full_us_plus1, seconds);
    board->io_some_percent = pressure(now->io_some_us_plus1, before->io_some_us_plus1, seconds);
    board->io_full_percent = pressure(now->io_full_us_plus1, before->io_full_us_plus1, seconds);
}

static struct pam_board nothing_known(void)
{
    return (struct pam_board){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN,
                              NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
}

void pam_board_close(struct pam_board_watch *watch, uint64_t time_ns)
{
    const double seconds = watch->before_ns && time_ns > watch->before_ns
                               ? (double)(time_ns - watch->before_ns) / 1e9
                               : 0;

    watch->board = nothing_known();
    watch->use_count = 0;
    if (watch->has_now) {
        use_system(watch, seconds);
        use_each_core(watch);
        watch->before = watch->now;
        watch->before_ns = time_ns;
        memcpy(watch->cores_before, watch->cores_now, sizeof watch->cores_before);
        watch->cores_before_count = watch->cores_now_count;
    }
    sum_up_sensors(watch, time_ns);
    watch->has_now = false;
    watch->cores_now_count = 0;
}

const struct pam_board *pam_board_get(const struct pam_board_watch *watch)
{
    return &watch->board;
}

const struct pam_core_use *pam_board_cores(const struct pam_board_watch *watch, size_t *count)
{
    *count = watch->use_count;
    return watch->uses;
}

const struct pam_sensor_state *pam_board_sensors(const struct pam_board_watch *watch, size_t *count)
{
    *count = watch->sensor_count;
    return watch->sensors;
}
