#include "base/clock.h"
#include "base/crypto.h"
#include "cli/gateway_int.h"
#include "contract/key.h"
#include "registry/registry.h"

/* A write of the start-up: runs on the writer thread, then the registry is read again. */
struct setup {
    struct sy_gateway *gateway;
    struct sy_err *err;
    int status;
    struct sy_key key;
    const struct sy_import *import;
};

static void key_work(struct sy_store *store, struct sy_writer_job *job)
{
    struct setup *setup = job->ctx;
    struct sy_tenant tenant = {.name = SY_STR("default")};
    struct sy_err exists = SY_ERR_INIT;

    setup->status = store->ops->put_tenant(store, &tenant, true, &exists);
    if (setup->status == SY_OK || setup->status == SY_EXISTS)
        setup->status = store->ops->put_key(store, &setup->key, setup->err);
    else
        sy_err_set(setup->err, exists.status, "%s", exists.text);
    if (setup->status == SY_OK)
        setup->status = sy_engine_reload(setup->gateway->engine, store, setup->err);
}

int sy_gateway_make_key(struct sy_gateway *gateway, struct sy_str name, struct sy_arena *arena,
                        struct sy_str *ret_secret, struct sy_err *err)
{
    struct setup setup = {.gateway = gateway, .err = err};
    bool development = gateway->options.sandbox;
    struct sy_key_texts texts;

    setup.key = (struct sy_key){
        .tenant = SY_STR("default"),
        .scopes = SY_SCOPE_CALL | SY_SCOPE_CONNECT | SY_SCOPE_REGISTRY | SY_SCOPE_ADMIN,
        .environment = development ? SY_STR("development") : SY_STR("production"),
        .name = name,
        .created_at_ms = sy_clock_unix_ms(),
    };
    *ret_secret = sy_arena_copy(arena, sy_key_generate(&setup.key, &texts));
    sy_wipe(texts.secret, sizeof(texts.secret));
    if (!ret_secret->ptr)
        return sy_err_set(err, SY_NOMEM, "no memory for a key");
    sy_writer_run(gateway->writer, key_work, &setup);
    return setup.status;
}

static void import_work(struct sy_store *store, struct sy_writer_job *job)
{
    struct setup *setup = job->ctx;
    struct sy_change_note note = {
        .actor = SY_STR("sandbox"), .reason = SY_STR("example rows"), .at_ms = sy_clock_unix_ms()};
    int64_t version;

    setup->status = store->ops->apply(store, setup->import->changes, setup->import->change_count,
                                      &note, false, &version, setup->err);
    if (setup->status == SY_OK)
        setup->status = sy_engine_reload(setup->gateway->engine, store, setup->err);
}

/* The example worker's row names the stand-in by a token: its port is known only now. */
static struct sy_str with_worker_url(struct sy_gateway *gateway, struct sy_str text)
{
    struct sy_str token = SY_STR("{worker_url}");
    struct sy_buf out;

    sy_buf_init_arena(&out, &gateway->arena, text.len + 4096);
    for (;;) {
        size_t at = sy_str_find(text, token);

        if (at == (size_t)-1)
            break;
        sy_buf_append(&out, sy_str_head(text, at));
        sy_buf_append_z(&out, gateway->endpoints.worker_url);
        text = sy_str_skip(text, at + token.len);
    }
    sy_buf_append(&out, text);
    return sy_buf_str(&out);
}

#define DAY_MS ((int64_t)24 * 3600 * 1000)

/* The pending example is always as old as one that somebody filed the other day. */
static void date_pending(const struct sy_import *import, int64_t wait_ms)
{
    int64_t asked_ms = sy_clock_unix_ms() / DAY_MS * DAY_MS - 3 * DAY_MS;

    for (size_t c = 0; c < import->change_count; c++) {
        for (size_t r = 0; r < import->changes[c].row_count; r++) {
            /* Made for this import a moment ago, and ours. */
            struct sy_row *row = (struct sy_row *)(uintptr_t)&import->changes[c].rows[r];

            if (row->state != SY_ROW_PENDING_NATIVE)
                continue;
            row->requested_at_ms = asked_ms;
            row->due_at_ms = asked_ms + wait_ms;
        }
    }
}

int sy_gateway_seed_sandbox(struct sy_gateway *gateway, struct sy_err *err)
{
    struct setup setup = {.gateway = gateway, .err = err};
    struct sy_import import;
    struct sy_arena arena;
    struct sy_buf faults;

    sy_arena_init(&arena, (size_t)16 << 20);
    sy_buf_init(&faults, 65536);
    setup.import = &import;
    setup.status =
        sy_registry_read(with_worker_url(gateway, sy_registry_sandbox_text()),
                         SY_STR("sandbox.yaml"), SY_FORMAT_YAML, &arena, &import, &faults);
    if (setup.status == SY_OK) {
        date_pending(&import, 14 * DAY_MS);
        sy_writer_run(gateway->writer, import_work, &setup);
    } else {
        sy_err_set(err, SY_INVALID, "%.*s", SY_FMT(sy_buf_str(&faults)));
    }
    sy_buf_release(&faults);
    sy_arena_release(&arena);
    return setup.status;
}

struct count_job {
    size_t rows;
};

static void count_work(struct sy_store *store, struct sy_writer_job *job)
{
    struct count_job *count = job->ctx;
    struct sy_registry registry = {0};
    struct sy_err err = SY_ERR_INIT;
    struct sy_arena arena;

    sy_arena_init(&arena, (size_t)4 << 30);
    if (store->ops->load(store, &arena, &registry, &err) == SY_OK)
        count->rows = registry.row_count;
    sy_arena_release(&arena);
}

size_t sy_gateway_rows(struct sy_gateway *gateway)
{
    struct count_job count = {0};

    sy_writer_run(gateway->writer, count_work, &count);
    return count.rows;
}
