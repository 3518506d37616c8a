/* switchyard.yaml: defaults, references, secrets, and every fault with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/settings.h"

static const struct sy_setting COMPOSIO_SETTINGS[] = {
    {"base_url", "https://backend.composio.dev", SY_SETTING_URL, "Composio's API."},
    {"api_key", NULL, SY_SETTING_REQUIRED | SY_SETTING_SECRET, "Project key."},
    {"create_auth_configs", "false", SY_SETTING_BOOL, "Create missing auth configs."},
    {NULL, NULL, 0, NULL}};
static const struct sy_setting SCALEKIT_SETTINGS[] = {
    {"base_url", NULL, SY_SETTING_REQUIRED | SY_SETTING_URL, "Environment URL."},
    {"client_id", NULL, SY_SETTING_REQUIRED, "Client."},
    {"client_secret", NULL, SY_SETTING_REQUIRED | SY_SETTING_SECRET, "Secret."},
    {NULL, NULL, 0, NULL}};
static const struct sy_setting PIPEDREAM_SETTINGS[] = {
    {"base_url", "https://api.pipedream.com", SY_SETTING_URL, "API."},
    {"mcp_url", "https://remote.mcp.pipedream.net/v3", SY_SETTING_URL, "MCP."},
    {"client_id", NULL, SY_SETTING_REQUIRED, "Client."},
    {"client_secret", NULL, SY_SETTING_REQUIRED | SY_SETTING_SECRET, "Secret."},
    {"project_id", NULL, SY_SETTING_REQUIRED, "Project."},
    {"environment", "production", 0, "production or development."},
    {NULL, NULL, 0, NULL}};
static const struct sy_vendor COMPOSIO = {.name = "composio", .settings = COMPOSIO_SETTINGS};
static const struct sy_vendor SCALEKIT = {.name = "scalekit", .settings = SCALEKIT_SETTINGS};
static const struct sy_vendor PIPEDREAM = {.name = "pipedream", .settings = PIPEDREAM_SETTINGS};
static const struct sy_vendor *const VENDORS[] = {&COMPOSIO, &SCALEKIT, &PIPEDREAM};

struct load {
    struct sy_arena arena;
    struct sy_faults faults;
    struct sy_settings s;
    int status;
};

static void load_named(struct load *l, const char *text, const char *file)
{
    sy_arena_init(&l->arena, 16 << 20);
    sy_faults_init(&l->faults);
    l->status = sy_settings_read(&l->s, sy_str_of(text), sy_str_of(file), VENDORS,
                                 SY_ARRAY_LEN(VENDORS), &l->arena, &l->faults);
}

static void load(struct load *l, const char *text)
{
    load_named(l, text, "s.yaml");
}

static void done(struct load *l)
{
    sy_faults_release(&l->faults);
    sy_arena_release(&l->arena);
}

static void assert_says(const struct load *l, const char *what)
{
    if (sy_str_find(sy_buf_str(&l->faults.text), sy_str_of(what)) == (size_t)-1)
        fail_msg("\"%s\" is not in:\n%.*s", what, SY_FMT(sy_buf_str(&l->faults.text)));
}

static void assert_str(struct sy_str got, const char *want)
{
    if (!sy_str_eq(got, sy_str_of(want)))
        fail_msg("expected \"%s\", got \"%.*s\"", want, SY_FMT(got));
}

static void an_empty_file_means_the_defaults(void **state)
{
    struct load l;
    (void)state;
    load(&l, "");
    assert_int_equal(l.status, SY_OK);
    assert_str(l.s.listen, "127.0.0.1:8420");
    assert_str(l.s.admin_listen, "127.0.0.1:8421");
    assert_int_equal(l.s.threads, 0);
    assert_int_equal(l.s.egress_connections, 8192);
    assert_str(l.s.store, "sqlite:var/switchyard.db");
    assert_str(l.s.policies, "policies/");
    assert_int_equal(l.s.memory, 256 << 20);
    assert_int_equal(l.s.ledger_durability, SY_DURABILITY_PROCESS);
    assert_int_equal(l.s.ledger_on_failure, SY_LEDGER_REFUSE);
    assert_true(l.s.ledger_keep_ms == INT64_C(90) * 86400000);
    assert_false(l.s.ledger_payloads);
    assert_false(l.s.infisical.present);
    assert_false(l.s.tls_certificate.set);
    assert_str(l.s.github.repository, "ComposioHQ/composio");
    assert_int_equal(l.s.vendor_count, 3);
    assert_false(l.s.vendors[0].present);
    assert_str(l.s.vendors[0].settings[0].text, "https://backend.composio.dev");
    assert_false(l.s.vendors[0].settings[1].set);
    done(&l);
}

static const char FULL[] =
    "listen: 0.0.0.0:443\n"
    "admin_listen: off\n"
    "threads: 4\n"
    "store: \"memory:\"\n"
    "policies: conf/p.yaml\n"
    "public_url: https://tools.example.com/\n"
    "tls: {certificate: cert.pem, key: /etc/key.pem}\n"
    "memory: 1GiB\n"
    "egress: {allow: [10.0.0.0/8, \"fd00::/8\", 127.0.0.1], connections: 5000}\n"
    "ledger: {durability: power, on_failure: mark, keep: 7d, payloads: true}\n"
    "log: {format: json, level: debug}\n"
    "secrets:\n"
    "  infisical: {url: https://app.infisical.com, client_id: env:IC, client_secret: env:IS,\n"
    "              project: p1, environment: prod}\n"
    "  named: {billing: env:BILLING_SECRET, crm: \"infisical:crm/key\"}\n"
    "vendors:\n"
    "  composio: {api_key: env:COMPOSIO_API_KEY, create_auth_configs: true}\n"
    "  scalekit: {base_url: env:SK_URL, client_id: skc_1, client_secret: file:/run/sk}\n"
    "  pipedream: {client_id: infisical:pipedream/client_id,\n"
    "              client_secret: infisical:pipedream/client_secret, project_id: proj_1}\n"
    "github: {token: env:GITHUB_TOKEN, repository: a/b}\n";

static void every_setting_can_be_set(void **state)
{
    struct load l;
    (void)state;
    load_named(&l, FULL, "/etc/switchyard/switchyard.yaml");
    if (l.status != SY_OK)
        fail_msg("%.*s", SY_FMT(sy_buf_str(&l.faults.text)));
    assert_int_equal(l.faults.warnings, 0);
    assert_str(l.s.admin_listen, "");
    assert_int_equal(l.s.threads, 4);
    assert_str(l.s.store, "memory:");
    assert_str(l.s.policies, "/etc/switchyard/conf/p.yaml");
    assert_str(l.s.public_url, "https://tools.example.com");
    assert_str(l.s.tls_certificate.text, "/etc/switchyard/cert.pem");
    assert_str(l.s.tls_key.text, "/etc/key.pem");
    assert_int_equal(l.s.memory, 1 << 30);
    assert_int_equal(l.s.egress_allow_count, 3);
    assert_str(l.s.egress_allow[1], "fd00::/8");
    assert_int_equal(l.s.egress_connections, 5000);
    assert_int_equal(l.s.ledger_durability, SY_DURABILITY_POWER);
    assert_int_equal(l.s.ledger_on_failure, SY_LEDGER_MARK);
    assert_true(l.s.ledger_payloads);
    assert_str(l.s.log_format, "json");
    assert_true(l.s.infisical.present);
    assert_int_equal(l.s.infisical.client_secret.kind, SY_REF_ENV);
    assert_int_equal(l.s.named_count, 2);
    assert_str(l.s.named[1].name, "crm");
    assert_int_equal(l.s.named[1].ref.kind, SY_REF_INFISICAL);
    assert_str(l.s.named[1].ref.text, "crm/key");
    assert_true(l.s.vendors[0].present);
    assert_int_equal(l.s.vendors[0].settings[1].kind, SY_REF_ENV);
    assert_str(l.s.vendors[0].settings[1].text, "COMPOSIO_API_KEY");
    assert_int_equal(l.s.vendors[0].settings[1].line, 17);
    assert_str(l.s.vendors[0].settings[2].text, "true");
    assert_int_equal(l.s.vendors[1].settings[2].kind, SY_REF_FILE);
    assert_str(l.s.github.repository, "a/b");
    done(&l);
}

static void a_bare_secret_is_a_fault_and_is_never_repeated(void **state)
{
    static const char *const texts[] = {
        "vendors: {composio: {api_key: sk_canary_123}}\n",
        "vendors: {scalekit: {client_secret: sk_canary_123}}\n",
        "secrets: {named: {billing: sk_canary_123}}\n",
        "secrets: {infisical: {client_id: x, project: p, client_secret: sk_canary_123}}\n",
        "github: {token: sk_canary_123}\n",
    };
    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(texts); i++) {
        struct load l;
        load(&l, texts[i]);
        assert_int_equal(l.status, SY_INVALID);
        assert_says(&l, "a secret must not stand here itself");
        assert_true(sy_str_find(sy_buf_str(&l.faults.text), SY_STR("canary")) == (size_t)-1);
        done(&l);
    }
}

static void a_literal_reference_is_allowed_where_it_is_meant(void **state)
{
    struct load l;
    (void)state;
    load(&l, "vendors: {composio: {api_key: \"literal:env:odd\"}}\n");
    assert_int_equal(l.status, SY_OK);
    assert_int_equal(l.s.vendors[0].settings[1].kind, SY_REF_LITERAL);
    assert_str(l.s.vendors[0].settings[1].text, "env:odd");
    done(&l);
}

static void every_fault_comes_with_its_place_and_a_hint(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } table[] = {
        {"lisen: 1\n", "s.yaml:1:1: unknown key \"lisen\" (did you mean \"listen\"?)"},
        {"ledger:\n  durabilty: power\n",
         "s.yaml:2:3: ledger: unknown key \"durabilty\" (did you mean \"durability\"?)"},
        {"vendors: {compsio: {}}\n",
         "vendors: unknown key \"compsio\" (did you mean \"composio\"?)"},
        {"vendors: {composio: {apikey: env:X}}\n",
         "vendors.composio: unknown key \"apikey\" (did you mean \"api_key\"?)"},
        {"secrets: {names: {}}\n", "secrets: unknown key \"names\" (did you mean \"named\"?)"},
        {"listen: nonsense\n", "s.yaml:1:9: listen: expected an address and port"},
        {"listen: 127.0.0.1:99999\n", "expected an address and port"},
        {"listen: \"::1:80\"\n", "expected an address and port"},
        {"threads: 0\n", "expected auto or 1 to 256"},
        {"threads: many\n", "expected a whole number"},
        {"egress: {connections: 0}\n", "expected 1 to 1000000"},
        {"egress: {connections: 1000001}\n", "expected 1 to 1000000"},
        {"store: postgres://x\n", "expected sqlite:PATH or memory:"},
        {"public_url: ftp://x\n", "expected an URL"},
        {"public_url: https://u@x\n", "expected an URL"},
        {"public_url: https://x/a/../b\n", "expected an URL"},
        {"vendors: {composio: {base_url: backend.composio.dev}}\n", "expected an URL"},
        {"memory: 12\n", "expected at least 1MiB"},
        {"memory: lots\n", "expected a size"},
        {"egress: {allow: [10.0.0.0/33]}\n", "expected a network"},
        {"egress: {allow: 10.0.0.0/8}\n", "expected a list"},
        {"ledger: {durability: disk}\n", "expected one of process|power, found \"disk\""},
        {"ledger: {keep: 90}\n", "expected a duration"},
        {"ledger: {payloads: yes}\n", "expected true or false"},
        {"ledger: on\n", "ledger: expected a map"},
        {"tls: {certificate: c.pem}\n", "certificate and key belong together"},
        {"listen: 127.0.0.1:8080\nadmin_listen: 127.0.0.1:8080\n",
         "2:1: listen and admin_listen are both 127.0.0.1:8080"},
        {"vendors: {composio: {api_key: \"env:\"}}\n", "env: needs the name of a variable"},
        {"vendors: {composio: {api_key: \"env:A B\"}}\n", "env: needs the name of a variable"},
        {"vendors: {composio: {api_key: \"infisical:a/b\"}}\n",
         "refers to Infisical, but secrets.infisical is not set"},
        {"secrets: {infisical: {url: https://x}}\n", "client_id is missing"},
        {"secrets: {infisical: {client_secret: infisical:x}}\n", "cannot come from Infisical"},
        {"secrets: {named: {\"a b\": env:X}}\n", "a secret's name is"},
        {"listen: infisical:a/b\n", "this setting cannot come from Infisical"},
        {"listen: env:SY_TEST_SURELY_UNSET\n", "the variable SY_TEST_SURELY_UNSET is not set"},
        {"listen: [1]\n", "expected a single value"},
        {"- a\n", "expected a map of keys and values, found a list"},
    };
    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(table); i++) {
        struct load l;
        load(&l, table[i].text);
        assert_int_equal(l.status, SY_INVALID);
        assert_says(&l, table[i].why);
        done(&l);
    }
}

static void all_faults_come_at_once(void **state)
{
    struct load l;
    (void)state;
    load(&l, "lisen: 1\nthreads: x\nmemory: y\nvendors: {composio: {api_key: bare}}\n");
    assert_int_equal(l.faults.errors, 4);
    done(&l);
}

static void a_vendor_without_its_settings_is_absent_with_a_warning(void **state)
{
    struct load l;
    (void)state;
    load(&l, "vendors: {pipedream: {client_id: a, client_secret: env:B}}\n");
    assert_int_equal(l.status, SY_OK);
    assert_int_equal(l.faults.warnings, 1);
    assert_says(&l, "s.yaml:1:11: warning: vendors: pipedream will be absent: it needs project_id");
    done(&l);
}

static void plain_settings_follow_references(void **state)
{
    char path[] = "sy-settings-XXXXXX", text[256];
    struct load l;
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "memory:\n", 8), 8);
    close(fd);
    setenv("SY_TEST_LISTEN", "127.0.0.1:1", 1);
    snprintf(text, sizeof(text),
             "listen: env:SY_TEST_LISTEN\nstore: file:%s\npublic_url: \"literal:http://x\"\n",
             path);
    load(&l, text);
    unlink(path);
    assert_int_equal(l.status, SY_OK);
    assert_str(l.s.listen, "127.0.0.1:1");
    assert_str(l.s.store, "memory:");
    assert_str(l.s.public_url, "http://x");
    done(&l);
}

static void the_file_that_init_writes_means_the_defaults(void **state)
{
    struct sy_buf text;
    struct load l, none;
    (void)state;
    sy_buf_init(&text, 1 << 16);
    sy_settings_write_example(&text);
    assert_true(sy_buf_ok(&text));
    sy_buf_append_char(&text, '\0');
    load(&l, text.ptr);
    if (l.status != SY_OK)
        fail_msg("%.*s\n%s", SY_FMT(sy_buf_str(&l.faults.text)), text.ptr);
    load(&none, "");
    assert_true(sy_str_eq(l.s.listen, none.s.listen));
    assert_true(sy_str_eq(l.s.store, none.s.store));
    assert_true(sy_str_eq(l.s.policies, none.s.policies));
    assert_int_equal(l.s.memory, none.s.memory);
    assert_true(l.s.ledger_keep_ms == none.s.ledger_keep_ms);
    assert_true(l.s.vendors[0].present && l.s.vendors[1].present && l.s.vendors[2].present);
    assert_int_equal(l.faults.warnings, 0);
    done(&none);
    done(&l);
    sy_buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_means_the_defaults),
        cmocka_unit_test(every_setting_can_be_set),
        cmocka_unit_test(a_bare_secret_is_a_fault_and_is_never_repeated),
        cmocka_unit_test(a_literal_reference_is_allowed_where_it_is_meant),
        cmocka_unit_test(every_fault_comes_with_its_place_and_a_hint),
        cmocka_unit_test(all_faults_come_at_once),
        cmocka_unit_test(a_vendor_without_its_settings_is_absent_with_a_warning),
        cmocka_unit_test(plain_settings_follow_references),
        cmocka_unit_test(the_file_that_init_writes_means_the_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
