/* A debug session: nothing is executed; the caller sees what would have been called. */
#include "vendors/common/found.h"
#include "vendors/common/turn.h"
#include "vendors/vendors.h"

#define HEAD_MAX 4096u

static const struct sy_setting settings[] = {{0}};

/* {"session":true,"tool":…,"arguments":<as they came>} */
static enum sy_step start(void *op, const struct sy_operation *what, const struct sy_facts *facts,
                          struct sy_wish *wish)
{
    const struct sy_turn t = {&sy_vendor_session, what, NULL, facts, wish};
    struct sy_str tool = what->canonical_tool.len ? what->canonical_tool : what->tool;
    struct sy_json_writer w;
    struct sy_buf out;

    (void)op;
    if (what->op != SY_OP_EXECUTE)
        return sy_turn_fail(&t, SY_CODE_INTERNAL, SY_CAUSE_BUG, (struct sy_str){0});
    sy_buf_init_arena(&out, facts->mem, what->arguments.len + HEAD_MAX);
    sy_jw_init(&w, &out);
    sy_jw_object(&w);
    sy_jw_member_bool(&w, "session", true);
    sy_jw_member_str(&w, "tool", tool);
    sy_jw_member_raw(&w, "arguments", what->arguments.len ? what->arguments : SY_STR("{}"));
    sy_jw_object_end(&w);
    if (!sy_buf_ok(&out))
        return sy_turn_fail(&t, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){0});
    wish->result = (struct sy_result){
        .data = sy_buf_str(&out),
        .warning = SY_STR("This toolkit is routed to a debug session: nothing was executed."),
    };
    return SY_STEP_DONE;
}

static enum sy_step resume(void *op, const struct sy_operation *what, const struct sy_event *event,
                           const struct sy_facts *facts, struct sy_wish *wish)
{
    (void)op;
    return sy_turn_fail_event(&(struct sy_turn){&sy_vendor_session, what, event, facts, wish});
}

const struct sy_vendor sy_vendor_session = {
    .abi = SY_VENDOR_ABI,
    .name = "session",
    .path = SY_PATH_SESSION,
    .can = SY_CAN(SY_OP_EXECUTE),
    .settings = settings,
    .start = start,
    .resume = resume,
    .tool_name = sy_snake_tool_name,
};
