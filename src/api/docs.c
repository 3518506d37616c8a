/* docs/errors.md and docs/api.md, from the tables that the program runs on. */
#include "api/api_int.h"

static const char *yes_no(bool yes)
{
    return yes ? "yes" : "no";
}

void sy_api_write_error_docs(struct sy_buf *out)
{
    sy_buf_append_z(out, "| code | status | origin | retryable | meaning |\n"
                         "| --- | --- | --- | --- | --- |\n");
    for (int i = SY_CODE_NONE + 1; i < SY_CODE_COUNT; i++) {
        enum sy_code code = (enum sy_code)i;

        sy_buf_printf(out, "| `%s` | %d | %s | %s | %s |\n", sy_code_name(code),
                      sy_code_status(code), sy_origin_name(sy_code_origin(code)),
                      yes_no(sy_code_retryable(code)), sy_code_title(code));
    }
    sy_buf_append_z(out, "\n| cause | what happened |\n| --- | --- |\n");
    for (int i = SY_CAUSE_NONE + 1; i < SY_CAUSE_COUNT; i++)
        sy_buf_printf(out, "| `%s` | %s |\n", sy_cause_word((enum sy_cause)i),
                      sy_cause_text((enum sy_cause)i));
}

static const char *scope_of(const struct api_route *route)
{
    switch (route->scope) {
    case API_SCOPE_NONE:
        return "none";
    case API_SCOPE_ADMIN_PORT:
        return "none (admin port)";
    case SY_SCOPE_CALL:
        return "call";
    case SY_SCOPE_CONNECT:
        return "connect";
    case SY_SCOPE_REGISTRY:
        return "registry";
    default:
        return "admin";
    }
}

static void write_query(struct sy_buf *out, const struct api_route *route)
{
    struct sy_str rest = sy_str_of(route->query), name;
    bool first = true;

    while (rest.len && sy_str_split(&rest, ',', &name)) {
        sy_buf_printf(out, "%s`%.*s`", first ? "" : ", ", SY_FMT(name));
        first = false;
    }
}

void sy_api_write_route_docs(struct sy_buf *out)
{
    size_t count;
    const struct api_route *routes = api_routes(&count);

    sy_buf_append_z(out, "| method and path | key scope | query | what |\n"
                         "| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < count; i++) {
        sy_buf_printf(out, "| `%s %s` | %s | ", api_method_name(routes[i].method), routes[i].path,
                      scope_of(&routes[i]));
        write_query(out, &routes[i]);
        sy_buf_printf(out, "%s| %s |\n", *routes[i].query ? " " : "", routes[i].summary);
    }
    sy_buf_append_z(out, "\n| query parameter | what |\n| --- | --- |\n");
    for (int i = 0; i < API_QUERY_COUNT; i++)
        sy_buf_printf(out, "| `%s` | %s |\n", api_queries[i].name, api_queries[i].help);
}
