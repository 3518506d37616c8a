/* /v1/keys: 256 random bits, shown once, kept as a hash. */
#include "api/api_int.h"

#include "base/crypto.h"
#include "contract/key.h"

struct key_input {
    struct sy_str tenant, name, environment, id;
    struct api_names scope_names;
    unsigned scopes;
    struct sy_str after;
    unsigned limit;
};

#define AT(member) offsetof(struct key_input, member)

static struct key_input *input_new(struct api_request *rq)
{
    struct key_input *in = sy_arena_zalloc(rq->arena, sizeof(*in));

    if (!in)
        api_fail_code(rq, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){NULL, 0});
    return in;
}

/* Members of a key inside an open object; its hash is nobody's business. */
static void write_members(struct sy_json_writer *w, const struct sy_key *key)
{
    static const struct {
        unsigned bit;
        const char *name;
    } scopes[] = {{SY_SCOPE_CALL, "call"},
                  {SY_SCOPE_CONNECT, "connect"},
                  {SY_SCOPE_REGISTRY, "registry"},
                  {SY_SCOPE_ADMIN, "admin"}};

    sy_jw_member_str(w, "id", key->id);
    sy_jw_member_str(w, "tenant", key->tenant);
    sy_jw_name(w, "scopes");
    sy_jw_array(w);
    for (size_t i = 0; i < SY_ARRAY_LEN(scopes); i++)
        if (key->scopes & scopes[i].bit)
            sy_jw_z(w, scopes[i].name);
    sy_jw_array_end(w);
    sy_jw_member_str(w, "environment", key->environment);
    sy_jw_member_str(w, "name", key->name);
    sy_jw_member_time(w, "created_at", key->created_at_ms);
    sy_jw_member_time(w, "revoked_at", key->revoked_at_ms);
}

/* ---- list ---- */

static const struct sy_key *next_after(const struct sy_registry *registry,
                                       const struct key_input *in, struct sy_str after)
{
    const struct sy_key *least = NULL;

    for (size_t i = 0; i < registry->key_count; i++) {
        const struct sy_key *key = &registry->keys[i];

        if ((after.ptr && sy_str_cmp(key->id, after) <= 0) ||
            (in->tenant.ptr && !sy_str_eq(key->tenant, in->tenant)))
            continue;
        if (!least || sy_str_cmp(key->id, least->id) < 0)
            least = key;
    }
    return least;
}

static void list_work(struct sy_store *store, struct api_job *job)
{
    const struct key_input *in = job->in;
    struct sy_str last = in->after;
    struct sy_registry registry;
    const struct sy_key *key;
    unsigned count = 0;

    if (!api_job_load(job, store, &registry))
        return;
    api_list_begin(&job->w);
    while (count < in->limit && (key = next_after(&registry, in, last))) {
        sy_jw_object(&job->w);
        write_members(&job->w, key);
        sy_jw_object_end(&job->w);
        last = key->id;
        count++;
    }
    api_list_end(&job->w, next_after(&registry, in, last) ? last : (struct sy_str){NULL, 0},
                 &job->mem);
}

void api_keys(struct api_request *rq)
{
    struct key_input *in = input_new(rq);

    if (!in || !api_query_cursor(rq, &in->after))
        return;
    in->tenant = rq->query[API_Q_tenant];
    in->limit = api_query_limit(rq);
    api_job_start(rq, list_work, in, NULL);
}

/* ---- create ---- */

static void create_work(struct sy_store *store, struct api_job *job)
{
    const struct key_input *in = job->in;
    struct sy_err err = SY_ERR_INIT;
    struct sy_key key = {.tenant = in->tenant,
                         .scopes = in->scopes,
                         .environment = in->environment,
                         .name = in->name,
                         .created_at_ms = job->note.at_ms};
    struct sy_key_texts texts;
    struct sy_str secret = sy_key_generate(&key, &texts);

    if (api_job_check(job, store->ops->put_key(store, &key, &err), &err) &&
        api_job_publish(job, store)) {
        sy_jw_object(&job->w);
        sy_jw_member_str(&job->w, "secret", secret);
        write_members(&job->w, &key);
        sy_jw_object_end(&job->w);
    }
    sy_wipe(&texts, sizeof(texts));
}

static const char *check_environment(struct sy_str text)
{
    return sy_str_eq(text, SY_STR("production")) || sy_str_eq(text, SY_STR("development"))
               ? NULL
               : "must be production or development";
}

static const char *check_scope(struct sy_str text)
{
    unsigned scope;

    return sy_str_find_char(text, ',') == (size_t)-1 && sy_scopes_parse(text, &scope)
               ? NULL
               : "must be call, connect, registry or admin";
}

void api_key_create(struct api_request *rq)
{
    static const struct api_field fields[] = {
        {.pointer = "/tenant",
         .kind = API_FIELD_TEXT,
         .required = true,
         .is_name = true,
         .offset = AT(tenant),
         .check = api_check_tenant},
        {.pointer = "/scopes",
         .kind = API_FIELD_NAMES,
         .required = true,
         .offset = AT(scope_names),
         .check = check_scope},
        {.pointer = "/environment",
         .kind = API_FIELD_TEXT,
         .offset = AT(environment),
         .check = check_environment},
        {.pointer = "/name",
         .kind = API_FIELD_TEXT,
         .offset = AT(name),
         .check = api_check_line,
         .max = 200},
    };
    struct api_errors errors = {.arena = rq->arena};
    struct key_input *in = input_new(rq);

    if (!in || !api_read_body(rq, false, fields, SY_ARRAY_LEN(fields), in, NULL))
        return;
    for (size_t i = 0; i < in->scope_names.count; i++) {
        unsigned scope = 0;

        (void)sy_scopes_parse(in->scope_names.items[i], &scope);
        in->scopes |= scope;
    }
    if (!in->scopes) {
        api_error_at(&errors, SY_STR("/scopes"), "must name at least one scope");
        api_fail_errors(rq, &errors);
        return;
    }
    if (!in->environment.ptr)
        in->environment = SY_STR("production");
    api_job_start(rq, create_work, in, NULL);
}

/* ---- revoke ---- */

static void revoke_work(struct sy_store *store, struct api_job *job)
{
    const struct key_input *in = job->in;
    struct sy_err err = SY_ERR_INIT;

    if (api_job_check(job, store->ops->revoke_key(store, in->id, job->note.at_ms, &err), &err))
        (void)api_job_publish(job, store);
}

void api_key_delete(struct api_request *rq)
{
    struct key_input *in = input_new(rq);

    if (!in)
        return;
    in->id = rq->captured[0];
    api_job_start(rq, revoke_work, in, NULL);
}
