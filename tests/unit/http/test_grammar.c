#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "corpus.h"
#include "differ.h"
#include "mutate.h"

#define MUTATIONS 1000000u
#define LONG_MAX 4096u /* longer requests of the corpora are runs of like bytes */

#define START "POST / HTTP/1.1\r\nHost: a\r\n"

static const struct {
    const char *bytes;
    enum http_grammar_verdict verdict;
    enum http_grammar_framing framing;
    unsigned length;
} heads[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_GRAMMAR_VALID, HTTP_GRAMMAR_NONE, 0},
    {"\r\nGET http://u@a:1/b?c HTTP/1.1\r\nHost: a:1\r\n\r\n", HTTP_GRAMMAR_VALID, 0, 0},
    {"OPTIONS * HTTP/1.1\r\nHost: [::1]:8\r\n\r\n", HTTP_GRAMMAR_VALID, 0, 0},
    {"GET / HTTP/1.0\r\n\r\n", HTTP_GRAMMAR_VALID, 0, 0},
    {START "Content-Length: 5\r\n\r\n", HTTP_GRAMMAR_VALID, HTTP_GRAMMAR_LENGTH, 5},
    {START "transfer-encoding:\tgzip, Chunked \r\n\r\n", HTTP_GRAMMAR_VALID, HTTP_GRAMMAR_CHUNKS,
     0},
    {START "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_GRAMMAR_VALID,
     HTTP_GRAMMAR_CHUNKS, 0},
    {START "X: X Transfer-Encoding: chunked\r\n\r\n", HTTP_GRAMMAR_VALID, HTTP_GRAMMAR_NONE, 0},
    {START "X: y", HTTP_GRAMMAR_PART, 0, 0},
    {START "\n", HTTP_GRAMMAR_PART, 0, 0},
    {"GET / HTTP/1.1\r\n\r\n", HTTP_GRAMMAR_WRONG, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", HTTP_GRAMMAR_WRONG, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", HTTP_GRAMMAR_WRONG, 0, 0},
    {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_GRAMMAR_WRONG, 0, 0},
    {"GET a HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_GRAMMAR_WRONG, 0, 0},
    {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", HTTP_GRAMMAR_WRONG, 0, 0},
    {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", HTTP_GRAMMAR_WRONG, 0, 0},
    {START "X : y\r\n\r\n", HTTP_GRAMMAR_WRONG, 0, 0},
    {START "X: y\r\n z\r\n\r\n", HTTP_GRAMMAR_WRONG, 0, 0},
    {START "X: \x01\r\n\r\n", HTTP_GRAMMAR_WRONG, 0, 0},
    {START ": y\r\n\r\n", HTTP_GRAMMAR_WRONG, 0, 0},
    {START "X: y\rZ: y\r\n\r\n", HTTP_GRAMMAR_WRONG, 0, 0},
    {START "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", HTTP_GRAMMAR_WRONG, 0, 0},
    {START "Content-Length: +5\r\n\r\n", HTTP_GRAMMAR_WRONG, 0, 0},
    {START "Content-Length: 18446744073709551616\r\n\r\n", HTTP_GRAMMAR_WRONG, 0, 0},
    {START "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_GRAMMAR_WRONG, 0, 0},
    {START "Transfer-Encoding: chunked, chunked\r\n\r\n", HTTP_GRAMMAR_WRONG, 0, 0},
    {START "Transfer-Encoding: chunked, gzip\r\n\r\n", HTTP_GRAMMAR_WRONG, 0, 0},
    {START "Transfer-Encoding: gzip\r\n\r\n", HTTP_GRAMMAR_WRONG, 0, 0},
    {START "Transfer-Encoding: \"chunked\"\r\n\r\n", HTTP_GRAMMAR_WRONG, 0, 0},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_GRAMMAR_WRONG, 0, 0},
};

static void the_grammar_reads_heads_as_the_rfc_has_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(heads); i++) {
        struct http_grammar_head head;
        enum http_grammar_verdict verdict = http_grammar_head(sy_str_of(heads[i].bytes), &head);

        if (verdict != heads[i].verdict ||
            (verdict == HTTP_GRAMMAR_VALID &&
             (head.end != strlen(heads[i].bytes) || head.framing != heads[i].framing ||
              head.length != heads[i].length))) {
            print_error("%s: %d\n", heads[i].bytes, (int)verdict);
            fail();
        }
    }
}

static const struct {
    const char *bytes;
    enum http_grammar_verdict verdict;
    unsigned payload;
} bodies[] = {
    {"0\r\n\r\n", HTTP_GRAMMAR_VALID, 0},
    {"5\r\nhello\r\n000\r\n\r\n", HTTP_GRAMMAR_VALID, 5},
    {"A;x;y=z\r\n0123456789\r\n0\r\nX: y\r\n\r\n", HTTP_GRAMMAR_VALID, 10},
    {"1 ; x = \"\\\"\t\" \r\n", HTTP_GRAMMAR_WRONG, 0},
    {"1 ; x = \"\\\"\t\"\r\na\r\n0\r\n\r\n", HTTP_GRAMMAR_VALID, 1},
    {"1\r\n", HTTP_GRAMMAR_PART, 0},
    {"1\r\na\r\n0\r\nX: y\r\n", HTTP_GRAMMAR_PART, 0},
    {"1\r\nab\r\n0\r\n\r\n", HTTP_GRAMMAR_WRONG, 0},
    {"\r\n0\r\n\r\n", HTTP_GRAMMAR_WRONG, 0},
    {"0x1\r\na\r\n0\r\n\r\n", HTTP_GRAMMAR_WRONG, 0},
    {"1;\r\na\r\n0\r\n\r\n", HTTP_GRAMMAR_WRONG, 0},
    {"1;x=\"\r\na\r\n0\r\n\r\n", HTTP_GRAMMAR_WRONG, 0},
    {"10000000000000000\r\n\r\n", HTTP_GRAMMAR_WRONG, 0},
    {"0\r\nX y\r\n\r\n", HTTP_GRAMMAR_WRONG, 0},
    {"0\r\n y\r\n\r\n", HTTP_GRAMMAR_WRONG, 0},
};

static void the_grammar_reads_chunks_as_the_rfc_has_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(bodies); i++) {
        size_t end = 0;
        uint64_t payload;
        enum http_grammar_verdict verdict =
            http_grammar_chunks(sy_str_of(bodies[i].bytes), &end, &payload);

        if (verdict != bodies[i].verdict ||
            (verdict == HTTP_GRAMMAR_VALID &&
             (end != strlen(bodies[i].bytes) || payload != bodies[i].payload))) {
            print_error("%s: %d\n", bodies[i].bytes, (int)verdict);
            fail();
        }
    }
}

struct tally {
    unsigned inputs;
    unsigned accepted;
    unsigned messages;
    unsigned stricter[DIFFER_REASONS];
};

static void compare(struct tally *tally, struct sy_str bytes)
{
    char *copy = malloc(bytes.len ? bytes.len : 1);
    struct differ d;

    if (bytes.len)
        memcpy(copy, bytes.ptr, bytes.len);
    d = differ_run(sy_str_from(copy, bytes.len));
    free(copy);
    if (d.wrong) {
        print_error("%s:\n%.*s\n", d.wrong, SY_FMT(bytes));
        fail();
    }
    tally->inputs++;
    tally->accepted += d.accepted;
    tally->messages += d.messages;
    if (d.stricter >= 0)
        tally->stricter[d.stricter]++;
}

#define REPORT_TEXT                                                                                \
    "Each input is read by the parser and, whole, by a slow reader written from the RFCs' "        \
    "grammar "                                                                                     \
    "alone; ends, lengths, framing and chunk payloads must be the same, and what the parser "      \
    "refuses although the grammar allows it must be on a list, each with its section."

/* One figure of the report (see tests/integration/report.mjs); nothing where none is wanted. */
static void write_report(const char *what, const struct tally *tally, unsigned stricter)
{
    static const char *const columns[] = {"inputs",
                                          "how many",
                                          "accepted",
                                          "requests read alike",
                                          "valid and refused, as listed",
                                          "read otherwise"};
    const unsigned figures[] = {tally->inputs, tally->accepted, tally->messages, stricter, 0};
    const char *folder = getenv("SY_REPORT_DIR");
    struct sy_json_writer w;
    struct sy_buf out;
    char path[512];
    FILE *file;

    sy_buf_init(&out, 1u << 20);
    sy_jw_init(&w, &out);
    sy_jw_object(&w);
    sy_jw_member_str(&w, "section", SY_STR("5.2"));
    sy_jw_member_str(&w, "title", SY_STR("The parser beside a grammar-only reader"));
    sy_jw_member_str(&w, "command", SY_STR("tests/run --only unit"));
    sy_jw_member_str(&w, "text", SY_STR(REPORT_TEXT));
    sy_jw_name(&w, "columns");
    sy_jw_array(&w);
    for (size_t i = 0; i < SY_ARRAY_LEN(columns); i++)
        sy_jw_str(&w, sy_str_of(columns[i]));
    sy_jw_array_end(&w);
    sy_jw_name(&w, "rows");
    sy_jw_array(&w);
    sy_jw_array(&w);
    sy_jw_str(&w, sy_str_of(what));
    for (size_t i = 0; i < SY_ARRAY_LEN(figures); i++)
        sy_jw_i64(&w, figures[i]);
    sy_jw_array_end(&w);
    sy_jw_array_end(&w);
    sy_jw_object_end(&w);
    snprintf(path, sizeof(path), "%s/grammar-%s.json", folder ? folder : "", what);
    for (char *c = strrchr(path, '/'); *c; c++)
        *c = *c == ' ' ? '-' : *c;
    file = folder ? fopen(path, "w") : NULL;
    if (file) {
        fwrite(out.ptr, 1, out.len, file);
        fclose(file);
    }
    sy_buf_release(&out);
}

static void print_tally(const char *what, const struct tally *tally)
{
    unsigned stricter = 0;

    print_message("%s: %u inputs, %u accepted, %u messages read alike; valid and refused:\n", what,
                  tally->inputs, tally->accepted, tally->messages);
    for (size_t i = 0; i < DIFFER_REASONS; i++) {
        if (tally->stricter[i])
            print_message("  %7u %s: %s\n", tally->stricter[i], differ_stricter[i].cause,
                          differ_stricter[i].why);
        stricter += tally->stricter[i];
    }
    write_report(what, tally, stricter);
}

static void load_smuggler(struct corpus *corpus)
{
    corpus_smuggler(corpus, SMUGGLER_TE_FIRST);
    corpus_smuggler(corpus, SMUGGLER_CL_FIRST);
    corpus_smuggler(corpus, SMUGGLER_NO_LENGTH);
}

static void load(struct corpus *corpus)
{
    corpus_llhttp(corpus);
    corpus_probe(corpus);
    corpus_guardian(corpus, false);
    corpus_guardian(corpus, true);
    corpus_garden(corpus, GARDEN_AS_IS);
    corpus_garden(corpus, GARDEN_WITH_HOST);
    corpus_garden(corpus, GARDEN_AS_POST);
}

static void the_corpora_are_read_as_the_grammar_reads_them(void **state)
{
    struct tally tally = {0};
    struct corpus corpus;

    (void)state;
    CORPUS_REQUIRE();
    corpus_init(&corpus);
    load(&corpus);
    load_smuggler(&corpus);
    for (size_t i = 0; i < corpus.count; i++)
        compare(&tally, corpus.items[i].bytes);
    print_tally("corpora", &tally);
    assert_true(tally.accepted > 100);
    corpus_release(&corpus);
}

/* Seeds of our own: the test has work to do where the corpora are absent. */
static void load_heads(struct corpus *corpus)
{
    corpus_init(corpus);
    for (size_t h = 0; h < SY_ARRAY_LEN(heads); h++) {
        for (size_t b = 0; b < SY_ARRAY_LEN(bodies); b++) {
            const struct sy_str parts[] = {sy_str_of(heads[h].bytes), sy_str_of(bodies[b].bytes)};
            struct sy_str joined = sy_arena_join(&corpus->arena, parts, SY_ARRAY_LEN(parts));

            corpus_add(corpus, joined, joined);
        }
    }
}

static void mutate_and_compare(const char *what, struct corpus *corpus, unsigned count)
{
    struct tally tally = {0};
    uint64_t seed = MUTATE_SEED;
    struct sy_buf buf;

    sy_buf_init(&buf, 1u << 20);
    while (tally.inputs < count) {
        struct sy_str from = corpus->items[mutate_below(&seed, corpus->count)].bytes;
        struct sy_str other = corpus->items[mutate_below(&seed, corpus->count)].bytes;

        if (from.len > LONG_MAX)
            continue;
        sy_buf_clear(&buf);
        sy_buf_append(&buf, from);
        mutate(&buf, other, &seed);
        compare(&tally, sy_buf_str(&buf));
    }
    print_tally(what, &tally);
    assert_true(tally.accepted > count / 100);
    sy_buf_release(&buf);
    corpus_release(corpus);
}

static void mutated_requests_are_read_as_the_grammar_reads_them(void **state)
{
    struct corpus corpus;

    (void)state;
    load_heads(&corpus);
    mutate_and_compare("mutated requests of our own", &corpus, MUTATIONS);
}

static void mutated_corpora_are_read_as_the_grammar_reads_them(void **state)
{
    struct corpus corpus;

    (void)state;
    CORPUS_REQUIRE();
    corpus_init(&corpus);
    load(&corpus);
    mutate_and_compare("mutated corpora", &corpus, MUTATIONS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_grammar_reads_heads_as_the_rfc_has_them),
        cmocka_unit_test(the_grammar_reads_chunks_as_the_rfc_has_them),
        cmocka_unit_test(the_corpora_are_read_as_the_grammar_reads_them),
        cmocka_unit_test(mutated_requests_are_read_as_the_grammar_reads_them),
        cmocka_unit_test(mutated_corpora_are_read_as_the_grammar_reads_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
