#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "corpus.h"
#include "simulator.h"

struct note {
    const char *name;
    const char *why;
};

/* Valid cases that are read to their end and never served: the caller sees method OTHER or `coded`,
 * answers 501 or 405, and the connection ends there. */
static const struct note unserved[] = {
    {"SOURCE request with ICE", "ICE/1.0 is another protocol"},
    {"OPTIONS request with RTSP", "RTSP/1.0 is another protocol"},
    {"ANNOUNCE request with RTSP", "RTSP/1.0 is another protocol"},
    {"No HTTP version", "HTTP/0.9, kept up to the empty line as llhttp does"},
    {"POST with `chunked` as last transfer-encoding", "deflate is framed but not decoded"},
    {"POST with `chunked` as last transfer-encoding (multiple headers)", "the same in two lines"},
};

/* Valid cases of which we find other messages than llhttp's log. */
static const struct note read_otherwise[] = {
    {"Content-Length reset when no body is received",
     "llhttp's test switches bodies off; here the second request is body, as announced"},
};

/* Must-refuse cases whose first request is right: what follows it is never read as a request. */
static const struct note unread[] = {
    {"No restart when keep-alive is off (1.0)", "HTTP/1.0 ends the connection"},
    {"CRLF between requests, explicit `close`", "the client ended the connection"},
    {"CRLF between requests, explicit `close` followed by tab", "the client ended the connection"},
};

static bool noted(const struct note *notes, size_t count, struct sy_str name)
{
    for (size_t i = 0; i < count; i++) {
        if (sy_str_eq(name, sy_str_of(notes[i].name)))
            return true;
    }
    return false;
}

#define NOTED(notes, name) noted(notes, SY_ARRAY_LEN(notes), name)

/* What llhttp's event log says of a request. */
struct reading {
    unsigned heads;
    unsigned messages;
    uint64_t body_bytes;
};

static bool contains(struct sy_str line, const char *text)
{
    return sy_str_find(line, sy_str_of(text)) != (size_t)-1;
}

static uint64_t number_after(struct sy_str line, const char *key)
{
    size_t at = sy_str_find(line, sy_str_of(key)) + strlen(key);
    uint64_t value = 0;

    for (; at < line.len && line.ptr[at] >= '0' && line.ptr[at] <= '9'; at++)
        value = value * 10 + (uint64_t)(line.ptr[at] - '0');
    return value;
}

static struct reading llhttp_reading(struct sy_json source)
{
    struct sy_json_iter log = sy_json_iter(sy_json_get_z(source, "log"));
    struct reading reading = {0, 0, 0};
    struct sy_json entry;
    struct sy_str none;

    while (sy_json_next(&log, &none, &entry)) {
        reading.heads += contains(entry.raw, "headers complete");
        reading.messages += contains(entry.raw, "message complete");
        if (contains(entry.raw, "span[body]"))
            reading.body_bytes += number_after(entry.raw, "len=");
    }
    return reading;
}

static bool same_reading(const struct corpus_item *item, const struct sim *sim)
{
    struct reading reading = llhttp_reading(item->source);

    return reading.heads == sim->heads && reading.messages == sim->messages &&
           reading.body_bytes == sim->body_bytes;
}

static bool ends_unserved(const struct sim *sim)
{
    return sim->foreign && sim->phase == SIM_CLOSED;
}

static void every_valid_request_is_accepted_and_read_alike(void **state)
{
    struct corpus corpus;
    unsigned valid = 0;
    unsigned wrong = 0;

    (void)state;
    CORPUS_REQUIRE();
    corpus_init(&corpus);
    corpus_llhttp(&corpus);
    for (size_t i = 0; i < corpus.count; i++) {
        const struct corpus_item *item = &corpus.items[i];
        struct sim sim;

        if (item->expected.ptr)
            continue;
        valid++;
        sim_run(&sim, item->bytes);
        if (!sim_accepted(&sim) || same_reading(item, &sim) == NOTED(read_otherwise, item->name) ||
            ends_unserved(&sim) != NOTED(unserved, item->name)) {
            print_error("%.*s: %s\n", SY_FMT(item->name),
                        sim.refusal.cause ? sim.refusal.cause : "read otherwise");
            wrong++;
        }
        sim_release(&sim);
    }
    print_message("llhttp: %u of %u valid requests accepted, %zu of them never served\n",
                  valid - wrong, valid, SY_ARRAY_LEN(unserved));
    assert_int_equal(valid, 69);
    assert_int_equal(wrong, 0);
    corpus_release(&corpus);
}

static void no_request_that_must_be_refused_is_accepted(void **state)
{
    struct corpus corpus;
    unsigned bad = 0;
    unsigned wrong = 0;

    (void)state;
    CORPUS_REQUIRE();
    corpus_init(&corpus);
    corpus_llhttp(&corpus);
    for (size_t i = 0; i < corpus.count; i++) {
        const struct corpus_item *item = &corpus.items[i];
        struct sim sim;

        if (!item->expected.ptr)
            continue;
        bad++;
        sim_run(&sim, item->bytes);
        if (sim_accepted(&sim) || sim.stray != NOTED(unread, item->name)) {
            print_error("accepted: %.*s\n", SY_FMT(item->name));
            wrong++;
        }
        sim_release(&sim);
    }
    print_message("llhttp: %u of %u must-refuse requests accepted, %zu of them closed upon\n",
                  wrong, bad, SY_ARRAY_LEN(unread));
    assert_int_equal(bad, 65);
    assert_int_equal(wrong, 0);
    corpus_release(&corpus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_valid_request_is_accepted_and_read_alike),
        cmocka_unit_test(no_request_that_must_be_refused_is_accepted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
