/* One setting's value, by its kind. */
#include "config/internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define THREADS_MAX 256
#define CONNECTIONS_MAX 1000000
#define MEMORY_MIN (1u << 20)
#define CIDRS_MAX 64
#define FILE_VALUE_MAX (64u << 10)

/* What a reader of one kind needs. */
struct at {
    const struct sy_setting_row *row;
    const struct sy_yaml *node;
    void *field;
    struct sy_settings *settings;
    struct sy_arena *arena;
    struct sy_faults *faults;
};

struct sy_ref sy_ref_parse(struct sy_str text)
{
    static const struct {
        struct sy_str prefix;
        enum sy_ref_kind kind;
    } KINDS[] = {
        {.prefix = SY_STR_INIT("env:"), .kind = SY_REF_ENV},
        {.prefix = SY_STR_INIT("file:"), .kind = SY_REF_FILE},
        {.prefix = SY_STR_INIT("infisical:"), .kind = SY_REF_INFISICAL},
        {.prefix = SY_STR_INIT("literal:"), .kind = SY_REF_LITERAL},
    };
    for (size_t i = 0; i < SY_ARRAY_LEN(KINDS); i++) {
        if (sy_str_starts(text, KINDS[i].prefix))
            return (struct sy_ref){
                .kind = KINDS[i].kind, .text = sy_str_skip(text, KINDS[i].prefix.len), .set = true};
    }
    return (struct sy_ref){.kind = SY_REF_LITERAL, .text = text, .set = true};
}

static bool is_variable(struct sy_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.len > 0;
}

bool sy_ref_read(const struct sy_yaml *node, bool secret, struct sy_faults *faults,
                 struct sy_ref *ret)
{
    struct sy_str text;
    struct sy_ref ref;

    if (!sy_yaml_text(node, faults, &text))
        return false;
    ref = sy_ref_parse(text);
    ref.file = node->file;
    ref.line = node->line;
    ref.column = node->column;
    if (secret && ref.kind == SY_REF_LITERAL && !sy_str_starts(text, SY_STR("literal:"))) {
        sy_fault(faults, node,
                 "a secret must not stand here itself; refer to it (env:NAME, file:PATH or "
                 "infisical:PATH/KEY)");
        return false;
    }
    if (ref.kind == SY_REF_ENV && !is_variable(ref.text)) {
        sy_fault(faults, node, "env: needs the name of a variable");
        return false;
    }
    if (ref.kind != SY_REF_LITERAL && ref.text.len == 0) {
        sy_fault(faults, node, "the reference names nothing");
        return false;
    }
    *ret = ref;
    return true;
}

/* The content of a small file without its last line break, or absent after a fault. */
static struct sy_str read_file(const struct at *at, struct sy_str path)
{
    struct sy_str content = {NULL, 0};
    char *name = sy_arena_z(at->arena, path);
    char *bytes = sy_arena_alloc(at->arena, FILE_VALUE_MAX);
    FILE *file = NULL;
    struct stat st;
    size_t len;

    /* A pipe without a writer would hold the process. */
    if (name && bytes && stat(name, &st) == 0 && S_ISREG(st.st_mode))
        file = fopen(name, "rbe");
    if (!file) {
        sy_fault(at->faults, at->node, "cannot read the file %.*s", SY_FMT(path));
        return content;
    }
    len = fread(bytes, 1, FILE_VALUE_MAX, file);
    fclose(file);
    while (len > 0 && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r'))
        len--;
    content = sy_str_from(bytes, len);
    return content;
}

/* Plain settings are needed before the secrets are read, so their references are followed here. */
static bool text_of(const struct at *at, struct sy_str *ret)
{
    struct sy_ref ref;
    const char *value;
    char *name;

    if (!sy_ref_read(at->node, false, at->faults, &ref))
        return false;
    switch (ref.kind) {
    case SY_REF_LITERAL:
        *ret = ref.text;
        return true;
    case SY_REF_ENV:
        name = sy_arena_z(at->arena, ref.text);
        value = name ? getenv(name) : NULL;
        if (!value)
            sy_fault(at->faults, at->node, "the variable %.*s is not set", SY_FMT(ref.text));
        else
            *ret = sy_arena_copy(at->arena, sy_str_of(value));
        return value != NULL;
    case SY_REF_FILE:
        *ret = read_file(at, ref.text);
        return ret->ptr != NULL;
    case SY_REF_INFISICAL:
        break;
    }
    sy_fault(at->faults, at->node, "this setting cannot come from Infisical");
    return false;
}

static void read_text(const struct at *at)
{
    text_of(at, at->field);
}

static void read_address(const struct at *at)
{
    struct sy_str text, host, port;
    size_t colon = (size_t)-1;
    uint64_t number;

    if (!text_of(at, &text))
        return;
    if (sy_str_eq(text, SY_STR("off"))) {
        *(struct sy_str *)at->field = SY_STR("");
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == ':')
            colon = i;
    }
    host = colon == (size_t)-1 ? text : sy_str_head(text, colon);
    port = colon == (size_t)-1 ? (struct sy_str){NULL, 0} : sy_str_skip(text, colon + 1);
    if (host.len == 0 || !sy_str_to_u64(port, &number) || number > 65535 ||
        sy_str_find_char(host, ' ') != (size_t)-1 ||
        (sy_str_find_char(host, ':') != (size_t)-1 &&
         (host.ptr[0] != '[' || host.ptr[host.len - 1] != ']'))) {
        sy_fault(at->faults, at->node,
                 "expected an address and port such as 127.0.0.1:8420 or [::1]:8420");
        return;
    }
    *(struct sy_str *)at->field = text;
}

static void read_threads(const struct at *at)
{
    int64_t count = 0;
    if (at->node->kind == SY_YAML_SCALAR && sy_str_eq(at->node->text, SY_STR("auto"))) {
        *(unsigned *)at->field = 0;
        return;
    }
    if (!sy_yaml_i64(at->node, at->faults, &count))
        return;
    if (count < 1 || count > THREADS_MAX)
        sy_fault(at->faults, at->node, "expected auto or 1 to %d", THREADS_MAX);
    else
        *(unsigned *)at->field = (unsigned)count;
}

static void read_connections(const struct at *at)
{
    int64_t count = 0;
    if (!sy_yaml_i64(at->node, at->faults, &count))
        return;
    if (count < 1 || count > CONNECTIONS_MAX)
        sy_fault(at->faults, at->node, "expected 1 to %d", CONNECTIONS_MAX);
    else
        *(unsigned *)at->field = (unsigned)count;
}

static void read_store(const struct at *at)
{
    struct sy_str text;
    if (!text_of(at, &text))
        return;
    if (sy_str_eq(text, SY_STR("memory:")) ||
        (sy_str_starts(text, SY_STR("sqlite:")) && text.len > 7))
        *(struct sy_str *)at->field = text;
    else
        sy_fault(at->faults, at->node, "expected sqlite:PATH or memory:");
}

static bool check_url(const struct sy_yaml *node, struct sy_faults *faults, struct sy_str *url)
{
    struct sy_str rest = *url;
    bool bad = false;

    if (sy_str_starts(rest, SY_STR("https://")))
        rest = sy_str_skip(rest, 8);
    else if (sy_str_starts(rest, SY_STR("http://")))
        rest = sy_str_skip(rest, 7);
    else
        bad = true;
    for (size_t i = 0; i < rest.len; i++)
        bad = bad || rest.ptr[i] == ' ' || rest.ptr[i] == '\\' || rest.ptr[i] == '@' ||
              rest.ptr[i] == '#' || rest.ptr[i] == '?' || (unsigned char)rest.ptr[i] >= 0x7f;
    if (bad || rest.len == 0 || rest.ptr[0] == '/' || rest.ptr[0] == ':' ||
        sy_str_find(rest, SY_STR("/../")) != (size_t)-1 || sy_str_ends(rest, SY_STR("/.."))) {
        sy_fault(faults, node,
                 "expected an URL such as https://api.example.com (http or https, no user, query "
                 "or \"..\")");
        return false;
    }
    while (url->ptr[url->len - 1] == '/')
        url->len--;
    return true;
}

bool sy_url_read(const struct sy_yaml *node, struct sy_faults *faults, struct sy_str *url)
{
    return check_url(node, faults, url);
}

static void read_url(const struct at *at)
{
    struct sy_str text;
    if (text_of(at, &text) && check_url(at->node, at->faults, &text))
        *(struct sy_str *)at->field = text;
}

static void read_file_path(const struct at *at)
{
    struct sy_ref ref;
    if (sy_ref_read(at->node, false, at->faults, &ref))
        *(struct sy_ref *)at->field = ref;
}

static void read_ref(const struct at *at)
{
    struct sy_ref ref;
    if (!sy_ref_read(at->node, at->row->kind == SY_KIND_SECRET, at->faults, &ref))
        return;
    if (sy_str_starts(sy_str_of(at->row->path), SY_STR("secrets.infisical.")) &&
        ref.kind == SY_REF_INFISICAL)
        sy_fault(at->faults, at->node, "Infisical's own credentials cannot come from Infisical");
    else
        *(struct sy_ref *)at->field = ref;
}

static void read_size(const struct at *at)
{
    uint64_t bytes;
    if (!sy_yaml_bytes(at->node, at->faults, &bytes))
        return;
    if (bytes < MEMORY_MIN)
        sy_fault(at->faults, at->node, "expected at least 1MiB");
    else
        *(uint64_t *)at->field = bytes;
}

static void read_duration(const struct at *at)
{
    int64_t ms;
    if (!sy_yaml_duration(at->node, at->faults, &ms))
        return;
    if (ms <= 0)
        sy_fault(at->faults, at->node, "expected more than nothing");
    else
        *(int64_t *)at->field = ms;
}

static void read_bool(const struct at *at)
{
    sy_yaml_bool(at->node, at->faults, at->field);
}

/* Index of the word in "a|b|c", or -1 after a fault. */
static int word_index(const struct at *at, struct sy_str *ret_word)
{
    struct sy_str rest = sy_str_of(at->row->hint), word, text;
    if (!text_of(at, &text))
        return -1;
    for (int i = 0; sy_str_split(&rest, '|', &word); i++) {
        if (sy_str_eq(word, text)) {
            *ret_word = word;
            return i;
        }
    }
    sy_fault(at->faults, at->node, "expected one of %s, found \"%.*s\"", at->row->hint,
             SY_FMT(sy_str_head(text, 64)));
    return -1;
}

static void read_choice(const struct at *at)
{
    struct sy_str word;
    int index = word_index(at, &word);
    unsigned value = (unsigned)index;
    if (index >= 0)
        memcpy(at->field, &value, sizeof(value));
}

static void read_word(const struct at *at)
{
    struct sy_str word;
    if (word_index(at, &word) >= 0)
        *(struct sy_str *)at->field = word;
}

static bool is_cidr(struct sy_str text)
{
    char address[64];
    unsigned char bytes[16];
    size_t slash = sy_str_find_char(text, '/');
    struct sy_str host = slash == (size_t)-1 ? text : sy_str_head(text, slash);
    uint64_t prefix = 0, most;

    if (host.len == 0 || host.len >= sizeof(address))
        return false;
    memcpy(address, host.ptr, host.len);
    address[host.len] = '\0';
    if (inet_pton(AF_INET, address, bytes) == 1)
        most = 32;
    else if (inet_pton(AF_INET6, address, bytes) == 1)
        most = 128;
    else
        return false;
    return slash == (size_t)-1 ||
           (sy_str_to_u64(sy_str_skip(text, slash + 1), &prefix) && prefix <= most);
}

static void read_cidrs(const struct at *at)
{
    size_t count, used = 0;
    struct sy_str *list;

    if (!sy_yaml_expect(at->node, SY_YAML_LIST, at->faults))
        return;
    count = sy_yaml_count(at->node);
    if (count > CIDRS_MAX) {
        sy_fault(at->faults, at->node, "at most %d networks", CIDRS_MAX);
        return;
    }
    if (count == 0)
        return;
    list = sy_arena_array(at->arena, count, sizeof(*list));
    for (const struct sy_yaml *one = at->node->first; one && list; one = one->next) {
        if (!sy_yaml_text(one, at->faults, &list[used]))
            continue;
        if (!is_cidr(list[used]))
            sy_fault(at->faults, one, "expected a network such as 10.0.0.0/8 or fd00::/8");
        used++;
    }
    at->settings->egress_allow = list;
    at->settings->egress_allow_count = list ? used : 0;
}

void sy_setting_value_read(struct sy_settings *settings, const struct sy_setting_row *row,
                           const struct sy_yaml *node, struct sy_arena *arena,
                           struct sy_faults *faults)
{
    static void (*const READERS[SY_KIND_COUNT])(const struct at *at) = {
        [SY_KIND_TEXT] = read_text,
        [SY_KIND_ADDRESS] = read_address,
        [SY_KIND_THREADS] = read_threads,
        [SY_KIND_STORE] = read_store,
        [SY_KIND_URL] = read_url,
        [SY_KIND_FILE] = read_file_path,
        [SY_KIND_REF] = read_ref,
        [SY_KIND_SECRET] = read_ref,
        [SY_KIND_SIZE] = read_size,
        [SY_KIND_DURATION] = read_duration,
        [SY_KIND_CONNECTIONS] = read_connections,
        [SY_KIND_BOOL] = read_bool,
        [SY_KIND_CHOICE] = read_choice,
        [SY_KIND_WORD] = read_word,
        [SY_KIND_CIDRS] = read_cidrs,
    };
    struct at at = {.row = row,
                    .node = node,
                    .field = (char *)settings + row->offset,
                    .settings = settings,
                    .arena = arena,
                    .faults = faults};
    READERS[row->kind](&at);
}
