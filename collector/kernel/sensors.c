/* sensors.c - what the board measures of itself: temperatures, frequencies, throttling. */
#include "kernel/sensors.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernel/clocks.h"
#include "kernel/kept.h"
#include "kernel/procfile.h"
#include "kernel/procsys.h"

enum { VALUE_BYTES = 64, PATTERN_BYTES = 256 };

static const uint64_t LEAST_NS = UINT64_C(500000000); /* heat is slow */
static const uint64_t REFUSED_NS = UINT64_C(60000000000);

/* Where boards tell. `name` is a file beside the value's that names it. The older sources of the
 * Raspberry Pi are missing on purpose: to read soc:firmware/get_throttled makes its kernel log a
 * warning with a backtrace ("deprecated, use hwmon"), and cpuinfo_cur_freq asks the firmware. */
static const struct {
    enum pam_sensor_kind kind;
    const char *pattern; /* below the root */
    const char *name;    /* NULL: the directory's own name */
    size_t most;
} places[] = {
    {PAM_SENSOR_TEMPERATURE, "class/thermal/thermal_zone*/temp", "type", 16},
    {PAM_SENSOR_FREQUENCY, "devices/system/cpu/cpufreq/policy*/scaling_cur_freq", NULL, 16},
    {PAM_SENSOR_ALARM, "class/hwmon/hwmon*/in*_lcrit_alarm", "name", 4},
    {PAM_SENSOR_THROTTLE_COUNT, "devices/system/cpu/cpu0/thermal_throttle/package_throttle_count",
     NULL, 1},
    {PAM_SENSOR_THROTTLE_COUNT, "devices/system/cpu/cpu*/thermal_throttle/core_throttle_count",
     NULL, 8},
    {PAM_SENSOR_COOLING, "class/thermal/cooling_device*/cur_state", "type", 16},
};

enum { PLACES = sizeof places / sizeof *places };

static bool read_value(int fd, int64_t *value)
{
    char text[VALUE_BYTES];

    return pam_reread(fd, text, sizeof text) > 0 && pam_parse_integer(text, value);
}

/* The text of the file `name` beside `path`, or else the name of the directory that holds it. */
static void read_name(const char *path, const char *name, char out[PAM_SENSOR_NAME_BYTES])
{
    const char *slash = strrchr(path, '/');
    const char *directory = slash;
    char beside[PATTERN_BYTES + PAM_SENSOR_NAME_BYTES];

    out[0] = '\0';
    if (name) {
        (void)snprintf(beside, sizeof beside, "%.*s/%s", (int)(slash - path), path, name);
        (void)pam_read_file(AT_FDCWD, beside, out, PAM_SENSOR_NAME_BYTES);
        out[strcspn(out, "\n")] = '\0';
        return;
    }
    while (directory > path && directory[-1] != '/')
        directory--;
    (void)snprintf(out, PAM_SENSOR_NAME_BYTES, "%.*s", (int)(slash - directory), directory);
}

/* A sensor that cannot be read at the start, as a zone that is switched off, is none. */
static void add(struct pam_sensors *sensors, size_t place, const char *path, size_t root_size)
{
    struct pam_sensor_watch *watch = &sensors->watched[sensors->count];
    int64_t value;

    if (strlen(path) - root_size >= sizeof watch->path)
        return;
    *watch = (struct pam_sensor_watch){.kind = places[place].kind};
    watch->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (watch->fd < 0)
        return;
    if (!read_value(watch->fd, &value)) {
        (void)close(watch->fd);
        return;
    }
    strcpy(watch->path, path + root_size);
    read_name(path, places[place].name, watch->name);
    sensors->count++;
}

void pam_sensors_init(struct pam_sensors *sensors, const char *root)
{
    memset(sensors, 0, sizeof *sensors);
    for (size_t place = 0; place < PLACES; place++) {
        char pattern[PATTERN_BYTES];
        glob_t found;

        if ((size_t)snprintf(pattern, sizeof pattern, "%s/%s", root, places[place].pattern) >=
            sizeof pattern)
            continue;
        if (glob(pattern, 0, NULL, &found) != 0)
            continue;
        for (size_t i = 0; i < found.gl_pathc && i < places[place].most; i++)
            if (sensors->count < PAM_MAX_SENSORS)
                add(sensors, place, found.gl_pathv[i], strlen(root) + 1);
        globfree(&found);
    }
}

void pam_sensors_done(struct pam_sensors *sensors)
{
    for (size_t i = 0; i < sensors->count; i++)
        if (sensors->watched[i].fd >= 0)
            (void)close(sensors->watched[i].fd);
    sensors->count = 0;
}

struct pam_sensor pam_sensors_describe(const struct pam_sensors *sensors, size_t index)
{
    const struct pam_sensor_watch *watch = &sensors->watched[index];

    return (struct pam_sensor){
        .id = index + 1,
        .kind = watch->kind,
        .name = pam_text(watch->name),
        .path = pam_text(watch->path),
    };
}

bool pam_sensors_read(struct pam_sensors *sensors, size_t index, uint64_t now_ns,
                      struct pam_reading *reading)
{
    struct pam_sensor_watch *watch = &sensors->watched[index];
    uint64_t started_ns;

    if (now_ns < watch->due_ns)
        return false;
    started_ns = pam_monotonic_ns();
    *reading = (struct pam_reading){.sensor = index + 1};
    if (!read_value(watch->fd, &reading->value)) {
        watch->due_ns = now_ns + REFUSED_NS;
        return false;
    }
    /* Some are behind a slow bus or ask a firmware. */
    watch->due_ns = pam_due_again_ns(now_ns, pam_monotonic_ns() - started_ns, LEAST_NS);
    return true;
}
