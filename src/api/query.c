/* Query parameters: the route says which there are, query.def what they may hold. */
#include "api/api_int.h"

#include "http/response.h"

#define VALUE_MAX 512u

static const char *value_fault(enum api_query parameter, struct sy_str value)
{
    uint64_t number;

    switch (api_queries[parameter].kind) {
    case API_QUERY_TEXT:
        if (value.len > VALUE_MAX)
            return "is longer than 512 bytes";
        return api_check_line(value);
    case API_QUERY_BOOL:
        return sy_str_eq(value, SY_STR("true")) || sy_str_eq(value, SY_STR("false"))
                   ? NULL
                   : "must be true or false";
    case API_QUERY_LIMIT:
        return sy_str_to_u64(value, &number) && number >= 1 && number <= API_LIMIT_MAX
                   ? NULL
                   : "must be a whole number from 1 to 200";
    }
    return "is not known";
}

static int parameter_of(const struct api_route *route, struct sy_str name)
{
    for (int i = 0; i < API_QUERY_COUNT; i++)
        if (sy_str_eq(name, sy_str_of(api_queries[i].name)) &&
            api_route_takes(route, (enum api_query)i))
            return i;
    return -1;
}

static void take(struct api_request *rq, struct api_errors *errors, struct sy_str name,
                 struct sy_str value)
{
    int parameter = parameter_of(rq->route, name);
    const char *fault;

    if (parameter < 0) {
        api_error_in(errors, "parameter", sy_str_head(name, 64),
                     SY_STR("is not a parameter of this request"));
        return;
    }
    if (rq->query[parameter].ptr) {
        api_error_in(errors, "parameter", name, SY_STR("stands twice"));
        return;
    }
    fault = value_fault((enum api_query)parameter, value);
    if (fault)
        api_error_in(errors, "parameter", name, sy_str_of(fault));
    rq->query[parameter] = value;
}

bool api_read_query(struct api_request *rq)
{
    struct api_errors errors = {.arena = rq->arena};
    struct sy_str rest = rq->head->query, name, value;
    bool bad = false;

    while (rest.ptr && sy_http_query_next(&rest, rq->arena, &name, &value, &bad)) {
        if (name.ptr)
            take(rq, &errors, name, value.ptr ? value : SY_STR(""));
    }
    if (bad)
        api_error_in(&errors, "parameter", SY_STR(""),
                     SY_STR("the query holds a broken escape, or text that is not UTF-8"));
    if (!errors.count)
        return true;
    api_fail_errors(rq, &errors);
    return false;
}

bool api_query_bool(const struct api_request *rq, enum api_query parameter, bool otherwise)
{
    struct sy_str value = rq->query[parameter];

    return value.ptr ? sy_str_eq(value, SY_STR("true")) : otherwise;
}

unsigned api_query_limit(const struct api_request *rq)
{
    uint64_t limit = API_LIMIT_DEFAULT;

    if (rq->query[API_Q_limit].ptr)
        (void)sy_str_to_u64(rq->query[API_Q_limit], &limit);
    return (unsigned)limit;
}

bool api_query_cursor(struct api_request *rq, struct sy_str *ret_position)
{
    *ret_position = (struct sy_str){NULL, 0};
    if (!rq->query[API_Q_cursor].ptr ||
        api_cursor_read(rq->query[API_Q_cursor], rq->arena, ret_position))
        return true;
    api_fail_parameter(rq, API_Q_cursor, "is not a next_cursor of ours");
    return false;
}
