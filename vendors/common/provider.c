#include "vendors/common/provider.h"

static bool has(struct sy_str text, const char *word)
{
    return sy_str_find_nocase(text, sy_str_of(word)) != (size_t)-1;
}

bool sy_says_scope(struct sy_str text, int status)
{
    if (has(text, "ACCESS_TOKEN_SCOPE_INSUFFICIENT") || has(text, "missing_scope") ||
        has(text, "insufficientPermissions"))
        return true;
    if (!has(text, "scope"))
        return false;
    return status == 403 || has(text, "insufficient");
}

bool sy_says_dead(struct sy_str text)
{
    static const char *const words[] = {"invalid_grant", "token_revoked", "invalid_auth",
                                        "token_expired", "Bad credentials"};

    for (size_t i = 0; i < SY_ARRAY_LEN(words); i++)
        if (has(text, words[i]))
            return true;
    return false;
}

/* Only refusals of access are searched for wording: other errors may quote a user's own text. */
static bool may_be_access(int status)
{
    return status == 0 || status == 200 || status == 400 || status == 401 || status == 403;
}

bool sy_provider_failure(const struct sy_turn *t, const struct sy_provider_said *said,
                         struct sy_failure *ret_failure)
{
    struct sy_failure failure = {
        .code = SY_CODE_TOOL_FAILED,
        .cause = said->threw ? SY_CAUSE_CODE_THREW : SY_CAUSE_PROVIDER_ERROR,
        .detail = sy_turn_vendor_text(t, said->words),
        .provider_status = said->status,
        .provider_body = sy_turn_vendor_json(t, said->body),
    };
    bool link = false;

    if (may_be_access(said->status) &&
        (sy_says_scope(said->words, said->status) || sy_says_scope(said->more, said->status))) {
        failure.code = SY_CODE_SCOPE_MISSING;
        failure.cause = SY_CAUSE_CREDENTIAL_SCOPE;
        failure.fix = "reconsent";
        link = failure.not_applied = true;
    } else if (said->status == 401 || (may_be_access(said->status) &&
                                       (sy_says_dead(said->words) || sy_says_dead(said->more)))) {
        failure.code = SY_CODE_CONNECTION_EXPIRED;
        failure.cause = SY_CAUSE_CREDENTIAL_DEAD;
        link = failure.not_applied = true;
    } else if (said->status == 429) {
        failure.code = SY_CODE_RATE_LIMITED;
        failure.cause = SY_CAUSE_PROVIDER_RATE;
        failure.origin = SY_ORIGIN_PROVIDER;
        failure.limited_by = "provider";
        failure.retry_after_ms = said->retry_after_ms;
        failure.not_applied = true;
    } else if (said->status >= 500) {
        failure.retryable = SY_TRI_YES;
    }
    *ret_failure = failure;
    return link;
}
