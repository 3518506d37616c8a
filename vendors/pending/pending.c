/* Not yet: the toolkit waits for a native vendor; the answer says since when and until when. */
#include "vendors/common/found.h"
#include "vendors/common/turn.h"
#include "vendors/vendors.h"

static const struct sy_setting settings[] = {{0}};

static enum sy_step start(void *op, const struct sy_operation *what, const struct sy_facts *facts,
                          struct sy_wish *wish)
{
    const struct sy_turn t = {&sy_vendor_pending, what, NULL, facts, wish};

    (void)op;
    if (what->op != SY_OP_EXECUTE)
        return sy_turn_fail(&t, SY_CODE_INTERNAL, SY_CAUSE_BUG, (struct sy_str){0});
    sy_turn_fail(&t, SY_CODE_TOOLKIT_PENDING, SY_CAUSE_NONE, (struct sy_str){0});
    wish->failure.issue_url = what->target.issue_url;
    wish->failure.requested_at_ms = what->target.requested_at_ms;
    wish->failure.due_at_ms = what->target.due_at_ms;
    return SY_STEP_FAIL;
}

static enum sy_step resume(void *op, const struct sy_operation *what, const struct sy_event *event,
                           const struct sy_facts *facts, struct sy_wish *wish)
{
    (void)op;
    return sy_turn_fail_event(&(struct sy_turn){&sy_vendor_pending, what, event, facts, wish});
}

const struct sy_vendor sy_vendor_pending = {
    .abi = SY_VENDOR_ABI,
    .name = "pending",
    .path = SY_PATH_PENDING,
    .can = SY_CAN(SY_OP_EXECUTE),
    .settings = settings,
    .start = start,
    .resume = resume,
    .tool_name = sy_snake_tool_name,
};
