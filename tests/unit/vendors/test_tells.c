#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "vendors/common/tells.h"

static void a_credential_is_found_in_every_way_a_reply_can_write_it(void **state)
{
    static const struct {
        const char *text, *secret;
        bool tells;
    } table[] = {
        {"key sk_live_abc was refused", "sk_live_abc", true},
        {"sk_live_abc", "sk_live_abc", true},
        {"sk_live_ab", "sk_live_abc", false},
        {"SK_LIVE_ABC", "sk_live_abc", false},
        {"", "sk_live_abc", false},
        {"secret", "", false},
        {"abcde", "abcde", false},
        {"\"a\\\\b\\\"c/d\"", "a\\b\"c/d", true},
        {"\"a\\\\b\\\"c\\/d\"", "a\\b\"c/d", true},
        {"sk\\u005flive\\u005Fabc", "sk_live_abc", true},
        {"\\u0073\\u006b_live_abc", "sk_live_abc", true},
        {"sk\\u015flive_abc", "sk_live_abc", false},
        {"sk\\u00", "sk_live_abc", false},
        {"line\\none\\ttwo", "line\none\ttwo", true},
        {"a\\\\b\\c--", "a\\\\b\\c--", true}, /* plain text may look escaped */
        {"a\\\\\\\\b\\\\c--", "a\\\\b\\c--", true},
        {"\\\\\\", "sk_live_abc", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (sy_text_tells(sy_str_of(table[i].text), sy_str_of(table[i].secret)) != table[i].tells)
            fail_msg("%s in %s", table[i].secret, table[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_credential_is_found_in_every_way_a_reply_can_write_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
