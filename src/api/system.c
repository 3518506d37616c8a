/* Health, readiness, the description of the API, metrics. */
#include "api/api_int.h"
#include "ledger/scan.h"

#define METRICS_MAX ((size_t)64 << 20)

static void write_health(struct api_request *rq, const char *status)
{
    struct sy_json_writer w;
    struct sy_buf out;

    api_writer(rq, &out, &w);
    sy_jw_object(&w);
    sy_jw_member_z(&w, "status", status);
    sy_jw_member_z(&w, "version", SY_VERSION);
    sy_jw_object_end(&w);
    api_reply_json(rq, 200, &out);
}

void api_healthz(struct api_request *rq)
{
    write_health(rq, "ok");
}

void api_readyz(struct api_request *rq)
{
    const struct sy_ledger *ledger = sy_engine_ledger(rq->al->api->engine);

    if (sy_engine_draining(rq->al->engine))
        api_fail_code(rq, SY_CODE_SHUTTING_DOWN, SY_CAUSE_NONE, (struct sy_str){NULL, 0});
    else if (!sy_engine_snapshot(rq->al->engine))
        api_fail_code(rq, SY_CODE_OVERLOADED, SY_CAUSE_STORE, SY_STR("no registry is loaded yet"));
    else if (ledger && sy_ledger_degraded(ledger))
        api_fail_code(rq, SY_CODE_OVERLOADED, SY_CAUSE_JOURNAL, (struct sy_str){NULL, 0});
    else
        write_health(rq, "ready");
}

void api_openapi(struct api_request *rq)
{
    struct sy_str body = sy_api_openapi(rq->al->api);

    api_reply(rq, 200, SY_STR("application/json"), &body, 1);
}

/* ---- metrics ---- */

static void set_damage(struct sy_metrics_set *set, const struct sy_journal_damage *damage)
{
    const struct sy_str records = SY_STR("record"), torn = SY_STR("torn"), heads = SY_STR("head");

    sy_metric_set(set, SY_METRIC_JOURNAL_DAMAGE, &records, (int64_t)damage->records);
    sy_metric_set(set, SY_METRIC_JOURNAL_DAMAGE, &torn, damage->torn);
    sy_metric_set(set, SY_METRIC_JOURNAL_DAMAGE, &heads, damage->heads);
}

/* What holds for the whole process is read when somebody asks. */
static void set_gauges(struct sy_api_loop *al)
{
    struct sy_metrics_set *set = al->api->gauges;
    struct sy_vendor_health all[SY_VENDORS_MAX];
    size_t count = sy_engine_vendors(al->engine, all, SY_VENDORS_MAX);
    const struct sy_ledger *ledger = sy_engine_ledger(al->api->engine);

    pthread_mutex_lock(&al->api->gauges_lock);
    for (size_t i = 0; i < count; i++) {
        sy_metric_set(set, SY_METRIC_BREAKER, &all[i].name, all[i].breaker_open);
        sy_metric_set(set, SY_METRIC_QUARANTINE, &all[i].name, all[i].quarantined);
    }
    if (ledger) {
        uint64_t rows = sy_ledger_rows(ledger);

        sy_metric_add(set, SY_METRIC_LEDGER_ROWS, NULL, rows - al->api->rows_counted);
        al->api->rows_counted = rows;
        set_damage(set, sy_ledger_damage(ledger));
    }
    sy_metric_set(set, SY_METRIC_LEDGER_DEGRADED, NULL, ledger && sy_ledger_degraded(ledger));
    sy_metric_set(set, SY_METRIC_SNAPSHOT_VERSION, NULL,
                  sy_snapshot_version(sy_engine_snapshot(al->engine)));
    pthread_mutex_unlock(&al->api->gauges_lock);
}

void api_metrics(struct api_request *rq)
{
    struct sy_str body;
    struct sy_buf out;

    set_gauges(rq->al);
    sy_buf_init(&out, METRICS_MAX);
    sy_metrics_write(rq->al->api->metrics, &out);
    body = sy_buf_str(&out);
    if (sy_buf_ok(&out))
        api_reply(rq, 200, SY_STR("text/plain; version=0.0.4; charset=utf-8"), &body, 1);
    else
        api_fail_code(rq, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){NULL, 0});
    sy_buf_release(&out);
}
