/* sensors.h - what the board measures of itself: temperatures, frequencies, throttling.
 *
 * Found once, at the start; what the board has not costs nothing. */
#ifndef PAM_SENSORS_H
#define PAM_SENSORS_H

#include <stddef.h>

#include <pam/record.h>

enum {
    PAM_MAX_SENSORS = 64,        /* the sum of the rows in sensors.c is below */
    PAM_SENSOR_NAME_BYTES = 64,  /* THERMAL_NAME_LENGTH is 20, a driver's name a little more */
    PAM_SENSOR_PATH_BYTES = 128, /* below /sys, by the short way through class/ */
};

struct pam_sensor_watch {
    enum pam_sensor_kind kind;
    int fd;
    uint64_t due_ns;
    char name[PAM_SENSOR_NAME_BYTES];
    char path[PAM_SENSOR_PATH_BYTES];
};

struct pam_sensors {
    struct pam_sensor_watch watched[PAM_MAX_SENSORS]; /* the id in the capture is 1 + the index */
    size_t count;
    bool announced; /* in `announced_epoch` */
    uint32_t announced_epoch;
};

/* `root` is "/sys". */
void pam_sensors_init(struct pam_sensors *sensors, const char *root);
void pam_sensors_done(struct pam_sensors *sensors);

/* The record that tells what a sensor is; it borrows the texts. */
struct pam_sensor pam_sensors_describe(const struct pam_sensors *sensors, size_t index);

/* False when it is not due or cannot be read. */
bool pam_sensors_read(struct pam_sensors *sensors, size_t index, uint64_t now_ns,
                      struct pam_reading *reading);

#endif
