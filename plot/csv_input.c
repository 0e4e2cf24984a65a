/* csv_input.c - finds the columns by the header and turns each further row into a reading. */
#include "csv_input.h"

#include <csv.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "names.h"

enum cell {
    CELL_ELAPSED,
    CELL_VALUES, /* one for each enum plot_column but counters */
    CELL_TIMESTAMP = CELL_VALUES + PLOT_COUNTER,
    CELL_TID, /* these two thread by thread only */
    CELL_THREAD,
    CELLS,
    CELL_IGNORED = CELLS,
};

enum {
    READ_BYTES = 64 << 10,
    NAME_BYTES = 256,     /* of a thread; a legend shows a few */
    TIME_CHARACTERS = 19, /* YYYY-MM-DDTHH:MM:SS, what follows is of no use in a title */
};

static const char *const headings[CELLS] = {
    [CELL_ELAPSED] = "elapsed_seconds",
    [CELL_VALUES + PLOT_CPU] = "cpu_percent",
    [CELL_VALUES + PLOT_MEMORY] = "memory_mb",
    [CELL_VALUES + PLOT_RUN_QUEUE] = "run_queue_percent",
    [CELL_TIMESTAMP] = "timestamp",
    [CELL_TID] = "tid",
    [CELL_THREAD] = "thread",
};

struct table {
    struct plot_data *data;
    struct pam_error *error;
    const char *name;
    int result;
    bool has_header;
    unsigned seen; /* columns of the header, or cells of this row: a mask of 1 << enum cell */
    unsigned needed;
    unsigned char cell_of[PLOT_CSV_MAX_COLUMNS]; /* enum cell */
    size_t field;
    bool bad; /* a cell of this row is no number */
    bool by_thread;
    struct plot_row row;
    double tid; /* of this row, as the next */
    char thread[NAME_BYTES];
    char time[TIME_CHARACTERS + 1]; /* of this row */
    char first_time[TIME_CHARACTERS + 1];
    size_t left_out;
};

/* libcsv's buffer holds one cell; an open quote would make it the whole file. */
static void *bounded_realloc(void *memory, size_t size)
{
    return size > PLOT_CSV_MAX_CELL ? NULL : realloc(memory, size);
}

static void take_heading(struct table *table, const char *text)
{
    if (table->field == 0 && !strncmp(text, "\xef\xbb\xbf", 3))
        text += 3; /* the byte order mark a spreadsheet puts in front */
    for (unsigned cell = 0; cell < (table->by_thread ? CELLS : CELL_TID); cell++)
        if (!strcmp(text, headings[cell]) && !(table->seen & 1u << cell)) {
            table->cell_of[table->field] = (unsigned char)cell;
            table->seen |= 1u << cell;
        }
}

/* An empty cell and `nan` are values that were not known. */
static bool parse_number(const char *text, size_t size, double most, double *number)
{
    char *end;

    *number = NAN;
    if (!size)
        return true;
    *number = strtod(text, &end);
    return end == text + size && !(fabs(*number) > most);
}

static void take_cell(struct table *table, const char *text, size_t size)
{
    const unsigned cell = table->cell_of[table->field];

    if (cell == CELL_IGNORED)
        return;
    table->seen |= 1u << cell;
    if (cell == CELL_TIMESTAMP) {
        const bool clean = strspn(text, "0123456789-:T ") >= TIME_CHARACTERS;

        snprintf(table->time, sizeof table->time, "%s", clean ? text : "");
    } else if (cell == CELL_THREAD) {
        snprintf(table->thread, sizeof table->thread, "%s", text);
    } else if (cell == CELL_TID) {
        if (!parse_number(text, size, PLOT_MAX_VALUE, &table->tid) || !(table->tid >= 0))
            table->bad = true;
    } else if (cell == CELL_ELAPSED) {
        if (!parse_number(text, size, PLOT_MAX_ELAPSED_S, &table->row.elapsed_s) ||
            isnan(table->row.elapsed_s))
            table->bad = true;
    } else if (!parse_number(text, size, PLOT_MAX_VALUE, &table->row.value[cell - CELL_VALUES])) {
        table->bad = true;
    }
}

static void on_field(void *text, size_t size, void *context)
{
    struct table *table = context;

    if (table->field < PLOT_CSV_MAX_COLUMNS && table->result >= 0) {
        if (!table->has_header)
            take_heading(table, text ? text : "");
        else
            take_cell(table, text ? text : "", size);
    }
    table->field++;
}

static void end_header(struct table *table)
{
    const unsigned missing = table->needed & ~table->seen;

    table->has_header = true;
    for (unsigned cell = 0; cell < CELLS; cell++)
        if (missing & 1u << cell) {
            table->result = pam_fail(table->error, PAM_DAMAGED, "%s has no column %s", table->name,
                                     headings[cell]);
            return;
        }
}

/* An empty cell is unknown: nothing to add up. */
static int add_thread_row(struct table *table)
{
    const struct plot_thread_row row = {
        .elapsed_s = table->row.elapsed_s,
        .key = (uint64_t)table->tid,
        .tid = (uint64_t)table->tid,
        .name = table->thread,
        .name_size = strlen(table->thread),
        .cpu_percent = table->row.value[PLOT_CPU],
        .run_queue_percent = table->row.value[PLOT_RUN_QUEUE],
    };

    return isnan(row.cpu_percent + row.run_queue_percent)
               ? 0
               : plot_data_add_thread_row(table->data, &row, table->error);
}

static void end_row(struct table *table)
{
    const struct plot_data *data = table->data;
    const bool whole = (table->seen & table->needed) == table->needed && !table->bad;

    if (!whole || (data->count && table->row.elapsed_s < data->rows[data->count - 1].elapsed_s)) {
        table->left_out++;
        return;
    }
    if (!data->count)
        memcpy(table->first_time, table->time, sizeof table->time);
    if (table->by_thread)
        table->result = add_thread_row(table);
    else if (plot_data_add_row(table->data, &table->row, table->error) < 0)
        table->result = pam_fail(table->error, PAM_DAMAGED, "%s has more than %d rows", table->name,
                                 PLOT_MAX_ROWS);
}

static void on_row(int end, void *context)
{
    struct table *table = context;

    (void)end;
    if (table->result >= 0) {
        if (!table->has_header)
            end_header(table);
        else
            end_row(table);
    }
    table->field = 0;
    table->seen = 0;
    table->bad = false;
    table->time[0] = '\0';
    for (size_t i = 0; i < PLOT_COLUMNS; i++)
        table->row.value[i] = NAN;
}

static int parse(struct csv_parser *parser, struct table *table, int fd)
{
    char bytes[READ_BYTES];
    ssize_t got;

    while ((got = read(fd, bytes, sizeof bytes)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return pam_fail(table->error, PAM_FAILED, "cannot read %s: %s", table->name,
                            strerror(errno));
        if (csv_parse(parser, bytes, (size_t)got, on_field, on_row, table) != (size_t)got)
            return pam_fail(table->error, PAM_DAMAGED,
                            "%s is no table: it has a cell of more than %d bytes", table->name,
                            PLOT_CSV_MAX_CELL);
        if (table->result < 0)
            return table->result;
    }
    csv_fini(parser, on_field, on_row, table);
    return table->result;
}

/* pam_<scenario>_<stamp> says what and when; of other files the name and the first row do. */
static int describe(const struct table *table)
{
    struct plot_data *data = table->data;
    const char *time = table->first_time;
    size_t size;
    size_t scenario_size;
    const char *stem = plot_stem(table->name, &size);
    const char *scenario;
    const char *stamp;
    int made = 0;

    if (plot_stem_parts(stem, size, &scenario, &scenario_size, &stamp)) {
        data->title = strndup(scenario, scenario_size);
        made = asprintf(&data->subtitle, "started %.4s-%.2s-%.2s %.2s:%.2s:%.2s", stamp, stamp + 4,
                        stamp + 6, stamp + 9, stamp + 11, stamp + 13);
    } else {
        data->title = strndup(stem, size);
        if (*time)
            made = asprintf(&data->subtitle, "from %.10s %s", time, time + 11);
        else
            data->subtitle = strdup("");
    }
    if (made < 0)
        data->subtitle = NULL;
    return data->title && data->subtitle
               ? 0
               : pam_fail(table->error, PAM_MEMORY, "no memory for a title");
}

static int finish(struct table *table, unsigned columns)
{
    if (!table->has_header)
        return pam_fail(table->error, PAM_DAMAGED, "%s is empty", table->name);
    if (!plot_data_has(table->data, columns))
        return pam_fail(table->error, PAM_DAMAGED, "%s has no row of numbers", table->name);
    if (table->left_out)
        plot_data_warn(table->data, "%zu rows of %s left out: not numbers, or going back in time",
                       table->left_out, table->name);
    return describe(table);
}

int plot_csv_read(struct plot_data *data, int fd, const char *name, unsigned columns,
                  struct pam_error *error)
{
    struct table table = {.data = data, .error = error, .name = name};
    struct csv_parser parser;
    int result;

    if (columns & PLOT_BY_COUNTER)
        return pam_fail(error, PAM_USAGE, "%s is a table; counters are drawn from a capture", name);
    table.by_thread = columns & PLOT_BY_THREAD;
    table.needed = 1u << CELL_ELAPSED | (columns & ~PLOT_BY_THREAD) << CELL_VALUES;
    if (table.by_thread)
        table.needed |= 1u << CELL_TID | 1u << CELL_THREAD;
    memset(table.cell_of, CELL_IGNORED, sizeof table.cell_of);
    if (csv_init(&parser, CSV_APPEND_NULL) != 0)
        return pam_fail(error, PAM_MEMORY, "cannot start the CSV parser");
    csv_set_realloc_func(&parser, bounded_realloc);
    result = parse(&parser, &table, fd);
    csv_free(&parser);
    return result < 0 ? result : finish(&table, columns);
}
