/* Scalekit's refusals: google.rpc.Status as JSON, with what the details tell. */
#include "vendors/scalekit/scalekit.h"

static void read_info(const struct sy_turn *t, struct sy_json info, struct sy_scalekit_error *error)
{
    struct sy_str code = sy_json_text(sy_json_get_z(info, "error_code"), t->facts->mem);
    struct sy_json violations = sy_json_path(info, "validation_error_info.field_violations");

    if (code.len)
        error->error_code = code;
    if (sy_json_get_z(info, "tool_error_info").type == SY_JSON_OBJECT)
        error->tool = sy_json_get_z(info, "tool_error_info");
    if (!sy_json_is_empty(violations))
        error->violations = violations;
}

void sy_scalekit_read_error(const struct sy_turn *t, struct sy_scalekit_error *ret_error)
{
    struct sy_json root = {0};
    struct sy_json detail;
    struct sy_json_iter iter;
    struct sy_str name;

    *ret_error = (struct sy_scalekit_error){0};
    if (!sy_reply_object(t, &root))
        return;
    ret_error->message = sy_json_words(t, root);
    read_info(t, root, ret_error); /* some endpoints answer a bare ErrorInfo */
    iter = sy_json_iter(sy_json_get_z(root, "details"));
    while (sy_json_next(&iter, &name, &detail))
        read_info(t, detail, ret_error);
}

bool sy_scalekit_says(struct sy_str text, const char *words)
{
    return sy_str_find_nocase(text, sy_str_of(words)) != (size_t)-1;
}

bool sy_scalekit_is_tool_error(const struct sy_scalekit_error *error)
{
    return sy_str_eq(error->error_code, SY_STR("TOOL_ERROR"));
}

void sy_scalekit_not_configured(const struct sy_turn *t, struct sy_failure *ret_failure)
{
    *ret_failure = (struct sy_failure){
        .code = SY_CODE_TOOLKIT_NOT_CONFIGURED,
        .cause = SY_CAUSE_NO_CONNECTION_CONFIG,
        .not_applied = true,
        .todo = SY_JOIN(t, SY_STR("Create a connection named "), sy_scalekit_connector(t),
                        SY_STR(" in the Scalekit dashboard, or name the existing one in the "
                               "registry row.")),
    };
}

bool sy_scalekit_told(const struct sy_turn *t, struct sy_json *ret_root)
{
    struct sy_scalekit_error error;

    if (t->event->kind != SY_EVENT_REPLY) {
        sy_turn_fail_event(t);
        return false;
    }
    if (sy_reply_ok(t)) {
        if (sy_reply_object(t, ret_root))
            return true;
        sy_reply_nonsense(t, SY_CAUSE_BAD_VENDOR_JSON);
        return false;
    }
    sy_scalekit_read_error(t, &error);
    sy_reply_fail(t, error.message);
    return false;
}
