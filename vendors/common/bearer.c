#include "vendors/common/bearer.h"

#include "vendors/common/reply.h"

#define LIFE_MAX_S INT64_C(86400)

static const struct sy_fact *token(const struct sy_turn *t)
{
    return sy_turn_fact(t, SY_FACT_TOKEN, SY_STR(""));
}

bool sy_bearer_ready(const struct sy_bearer *bearer, const struct sy_turn *t)
{
    const struct sy_fact *fact = token(t);

    return fact && !(bearer->refused && fact->generation == bearer->generation);
}

enum sy_step sy_bearer_need(const struct sy_bearer *bearer, const struct sy_turn *t)
{
    return sy_turn_need(t, SY_FACT_TOKEN, SY_STR(""), bearer->refused ? bearer->generation : 0);
}

void sy_bearer_add(struct sy_bearer *bearer, struct sy_send *s)
{
    const struct sy_fact *fact = token(s->turn);

    bearer->generation = fact->generation;
    s->request->uses_token = true;
    sy_send_secret(s, "authorization", SY_JOIN(s->turn, SY_STR("Bearer "), fact->value));
}

bool sy_bearer_again(struct sy_bearer *bearer, const struct sy_turn *t)
{
    t->wish->forget.token = true;
    if (bearer->refused)
        return false;
    bearer->refused = true;
    sy_bearer_need(bearer, t);
    return true;
}

/* Fit for a header: visible ASCII only. */
static bool is_token(struct sy_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= 0x20 || text.ptr[i] >= 0x7f)
            return false;
    return text.len > 0 && text.len <= 16384;
}

enum sy_step sy_mint_reply(const struct sy_turn *t, int64_t margin_s)
{
    struct sy_json root;
    struct sy_str text;
    int64_t life_s = 0;
    int status = t->event->status;

    if (status == 400 || status == 401 || status == 403)
        return sy_turn_fail(t, SY_CODE_VENDOR_AUTH, SY_CAUSE_MINT_FAILED,
                            SY_STR("The vendor's token endpoint refuses the client."));
    if (!sy_reply_ok(t))
        return sy_reply_fail(t, (struct sy_str){0});
    if (!sy_reply_object(t, &root))
        return sy_reply_nonsense(t, SY_CAUSE_BAD_VENDOR_JSON);
    text = sy_json_text(sy_json_get_z(root, "access_token"), t->facts->mem);
    if (!is_token(text) || !sy_json_i64(sy_json_get_z(root, "expires_in"), &life_s) || life_s < 0)
        return sy_reply_nonsense(t, SY_CAUSE_WRONG_TYPE);
    if (life_s > LIFE_MAX_S)
        life_s = LIFE_MAX_S;
    life_s = life_s > 2 * margin_s ? life_s - margin_s : life_s / 2;
    return sy_turn_value(t, text, life_s * 1000);
}
