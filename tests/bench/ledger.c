/*
 * What a row of the ledger costs the call it is of and the writer thread, and how many rows a
 * second reach the store.
 *
 *   bench-ledger [--json] [--rows N]
 *
 * A loop writes rows as the gateway writes them, with as many calls ending in each of its turns as
 * the column says, and never pauses; the store is SQLite in a folder of its own. A call's own time
 * is the loop's CPU (packing, checksum, the group's write, its turn), the writer's that of its
 * thread; a row counts as drained when the store has committed it.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/encode.h"
#include "base/json.h"
#include "ledger/ledger.h"
#include "registry/registry.h"

#define ROWS 200000u
#define CALLS_MAX 64u
#define WAIT_MS 2
#define RESERVED_BYTES 4096u /* as for a call */

struct bench;

struct caller {
    struct bench *bench;
    struct sy_ledger_ticket ticket;
    struct sy_task task;
    struct sy_timer timer;
    char id[31];
};

struct bench {
    struct sy_loop *loop;
    struct sy_writer *writer;
    struct sy_ledger *ledger;
    struct sy_ledger_loop *ll;
    struct caller callers[CALLS_MAX];
    struct sy_str json;
    unsigned wanted, begun, written, waited;
    double writer_s;
};

struct figures {
    unsigned calls_a_turn;
    double rows_a_second, call_us, writer_us;
    unsigned waited;
};

static double seconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static _Noreturn void give_up(const char *what, const struct sy_err *err)
{
    fprintf(stderr, "bench-ledger: %s: %s\n", what, err->text);
    exit(1);
}

/* ---- the row of a call that went well ---- */

static struct sy_str row_json(struct sy_buf *out)
{
    struct sy_json_writer w;

    sy_jw_init(&w, out);
    sy_jw_object(&w);
    sy_jw_member_z(&w, "id", "call_01KB0000000000000000000000");
    sy_jw_member_time(&w, "at", 1795251600123);
    sy_jw_member_z(&w, "tenant", "acme");
    sy_jw_member_z(&w, "key_id", "key_01KB0000000000000000000000");
    sy_jw_member_z(&w, "user_id", "user_123");
    sy_jw_member_z(&w, "toolkit", "gmail");
    sy_jw_member_z(&w, "tool", "gmail_fetch_emails");
    sy_jw_member_z(&w, "effect", "read");
    sy_jw_member_z(&w, "path", "native");
    sy_jw_member_z(&w, "vendor", "composio");
    sy_jw_member_z(&w, "vendor_tool", "GMAIL_FETCH_EMAILS");
    sy_jw_member_i64(&w, "row_version", 41);
    sy_jw_member_i64(&w, "registry_version", 1041);
    sy_jw_member_z(&w, "policy", "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e");
    sy_jw_name(&w, "because");
    sy_jw_array(&w);
    sy_jw_z(&w, "order: the policy's order puts composio first");
    sy_jw_z(&w, "row gmail/composio LIVE (version 41)");
    sy_jw_array_end(&w);
    sy_jw_member_z(&w, "outcome", "ok");
    sy_jw_member_bool(&w, "maybe_applied", false);
    sy_jw_member_i64(&w, "attempts", 1);
    sy_jw_member_bool(&w, "idempotency_key", false);
    sy_jw_name(&w, "timing");
    sy_jw_object(&w);
    sy_jw_name(&w, "total_ms");
    sy_jw_us_as_ms(&w, 412617);
    sy_jw_name(&w, "vendor_ms");
    sy_jw_us_as_ms(&w, 412303);
    sy_jw_object_end(&w);
    sy_jw_member_i64(&w, "argument_bytes", 61);
    sy_jw_object_end(&w);
    return sy_buf_str(out);
}

/* ---- the load ---- */

static void call_ends(struct caller *caller)
{
    struct bench *bench = caller->bench;
    struct sy_outcome_record record = {.row = {.tenant = SY_STR("acme"), .json = bench->json}};
    unsigned char serial[10] = {0};

    if (bench->begun == bench->wanted)
        return;
    if (!sy_ledger_reserve(bench->ll, RESERVED_BYTES)) {
        /* The writer is behind, or the disk: its pace is the ledger's. */
        bench->waited++;
        (void)sy_timer_set(bench->loop, &caller->timer, sy_loop_now_ms(bench->loop) + WAIT_MS);
        return;
    }
    sy_ledger_unreserve(bench->ll, RESERVED_BYTES);
    bench->begun++;
    memcpy(serial + 6, &bench->begun, sizeof(bench->begun));
    memcpy(caller->id, "call_", 5);
    sy_ulid(sy_loop_unix_ms(bench->loop), serial, caller->id + 5);
    record.row.id = sy_str_from(caller->id, sizeof(caller->id));
    record.row.at_ms = sy_loop_unix_ms(bench->loop);
    sy_ledger_outcome(bench->ll, &record, &caller->ticket);
}

static void written(struct sy_ledger_ticket *ticket, bool ok)
{
    struct caller *caller = ticket->ctx;
    struct bench *bench = caller->bench;

    if (!ok) {
        fputs("bench-ledger: a row could not be written\n", stderr);
        exit(1);
    }
    if (++bench->written == bench->wanted)
        sy_loop_stop(bench->loop);
    else
        call_ends(caller);
}

static void first(struct sy_loop *loop, struct sy_task *task)
{
    (void)loop;
    call_ends(task->ctx);
}

static void again(struct sy_loop *loop, struct sy_timer *timer)
{
    (void)loop;
    call_ends(timer->ctx);
}

static void read_writer(struct sy_store *store, struct sy_writer_job *job)
{
    struct bench *bench = job->ctx;

    sy_ledger_catch_up(bench->ledger, store);
    bench->writer_s = seconds(CLOCK_THREAD_CPUTIME_ID);
}

static struct figures load(struct bench *bench, unsigned calls, unsigned rows)
{
    double writer_s, loop_s, wall_s;

    bench->wanted = rows;
    bench->begun = bench->written = bench->waited = 0;
    sy_writer_run(bench->writer, read_writer, bench);
    writer_s = bench->writer_s;
    loop_s = seconds(CLOCK_THREAD_CPUTIME_ID);
    wall_s = seconds(CLOCK_MONOTONIC);
    for (unsigned i = 0; i < calls; i++) {
        struct caller *caller = &bench->callers[i];

        *caller = (struct caller){.bench = bench,
                                  .ticket = {.fn = written, .ctx = caller},
                                  .task = {.fn = first, .ctx = caller},
                                  .timer = {.fn = again, .ctx = caller}};
        sy_loop_post(bench->loop, &caller->task);
    }
    sy_loop_run(bench->loop);
    loop_s = seconds(CLOCK_THREAD_CPUTIME_ID) - loop_s;
    sy_writer_run(bench->writer, read_writer, bench);
    wall_s = seconds(CLOCK_MONOTONIC) - wall_s;
    return (struct figures){.calls_a_turn = calls,
                            .rows_a_second = rows / wall_s,
                            .call_us = loop_s / rows * 1e6,
                            .writer_us = (bench->writer_s - writer_s) / rows * 1e6,
                            .waited = bench->waited};
}

/* ---- the ledger, in a folder of its own ---- */

static void bench_open(struct bench *bench, const char *folder)
{
    struct sy_ledger_options options = {.journal_bytes = (size_t)64 << 20};
    struct sy_store_options where = {.exclusive = true};
    char url[512], journals[512];
    struct sy_err err = SY_ERR_INIT;
    struct sy_store *store;
    unsigned lost;

    snprintf(url, sizeof(url), "sqlite:%s/store.db", folder);
    snprintf(journals, sizeof(journals), "%s/journals", folder);
    where.url = sy_str_of(url);
    options.directory = sy_str_of(journals);
    if (sy_store_open(&where, &store, &err) != SY_OK)
        give_up("the store", &err);
    if (sy_loop_create(0, &bench->loop, &err) != SY_OK ||
        sy_writer_create(store, &bench->writer, &err) != SY_OK ||
        sy_ledger_create(&options, bench->writer, 1, &bench->ledger, &lost, &err) != SY_OK ||
        sy_ledger_attach(bench->ledger, bench->loop, &bench->ll, &err) != SY_OK)
        give_up("the ledger", &err);
}

static void folder_remove(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;

    while (dir && (entry = readdir(dir)) != NULL) {
        char path[1024];

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (unlink(path) != 0)
            folder_remove(path);
    }
    if (dir)
        closedir(dir);
    rmdir(folder);
}

static void measure(unsigned rows, struct figures *figures, const unsigned *calls, size_t count)
{
    const char *above = getenv("TMPDIR");
    struct bench *bench = calloc(1, sizeof(*bench));
    struct sy_buf json;
    char folder[256];

    snprintf(folder, sizeof(folder), "%s/sy-bench-ledger-XXXXXX", above ? above : P_tmpdir);
    if (!bench || !mkdtemp(folder)) {
        perror("bench-ledger");
        exit(1);
    }
    sy_buf_init(&json, 65536);
    bench->json = row_json(&json);
    bench_open(bench, folder);
    for (size_t i = 0; i < count; i++)
        figures[i] = load(bench, calls[i], rows);
    sy_ledger_destroy(bench->ledger);
    sy_writer_destroy(bench->writer);
    sy_loop_destroy(bench->loop);
    folder_remove(folder);
    sy_buf_release(&json);
    free(bench);
}

static void write_json(const struct figures *figures, size_t count, unsigned rows)
{
    struct sy_json_writer w;
    struct sy_buf out;

    sy_buf_init(&out, 65536);
    sy_jw_init(&w, &out);
    sy_jw_object(&w);
    sy_jw_name(&w, "ledger");
    sy_jw_array(&w);
    for (size_t i = 0; i < count; i++) {
        sy_jw_object(&w);
        sy_jw_member_i64(&w, "calls_a_turn", figures[i].calls_a_turn);
        sy_jw_member_i64(&w, "rows", rows);
        sy_jw_member_i64(&w, "rows_drained_per_s", (int64_t)figures[i].rows_a_second);
        /* Thousandths, as sy_jw_us_as_ms writes them. */
        sy_jw_name(&w, "call_us");
        sy_jw_us_as_ms(&w, (int64_t)(figures[i].call_us * 1000));
        sy_jw_name(&w, "writer_us");
        sy_jw_us_as_ms(&w, (int64_t)(figures[i].writer_us * 1000));
        sy_jw_member_i64(&w, "waits_for_room", figures[i].waited);
        sy_jw_object_end(&w);
    }
    sy_jw_array_end(&w);
    sy_jw_object_end(&w);
    printf("%.*s\n", SY_FMT(sy_buf_str(&out)));
    sy_buf_release(&out);
}

int main(int argc, char **argv)
{
    static const unsigned calls[] = {1, 8, CALLS_MAX};
    struct figures figures[SY_ARRAY_LEN(calls)];
    unsigned rows = ROWS;
    bool json = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            json = true;
        } else if (strcmp(argv[i], "--rows") == 0 && i + 1 < argc) {
            rows = (unsigned)strtoul(argv[++i], NULL, 10);
        } else {
            fputs("usage: bench-ledger [--json] [--rows N]\n", stderr);
            return 2;
        }
    }
    if (rows < 1000 || rows > 10000000 || sy_crypto_init() != SY_OK) {
        fputs("bench-ledger: between 1,000 and 10,000,000 rows\n", stderr);
        return 2;
    }
    measure(rows, figures, calls, SY_ARRAY_LEN(calls));
    if (json) {
        write_json(figures, SY_ARRAY_LEN(calls), rows);
        return 0;
    }
    printf("%12s %16s %14s %14s %10s\n", "calls a turn", "rows drained/s", "call's own us",
           "writer's us", "waits");
    for (size_t i = 0; i < SY_ARRAY_LEN(calls); i++)
        printf("%12u %16.0f %14.2f %14.2f %10u\n", figures[i].calls_a_turn,
               figures[i].rows_a_second, figures[i].call_us, figures[i].writer_us,
               figures[i].waited);
    return 0;
}
