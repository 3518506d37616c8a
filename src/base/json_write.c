/* The writer: the one place that puts JSON together. */
#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"

#include <assert.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static bool is_plain(unsigned char c)
{
    return c - 0x20u < 0x5fu && c != '"' && c != '\\';
}

#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))

/* How many bytes from `at` on are plain; eight at a time, for strings are most of any document. */
static size_t plain_run(const unsigned char *at, const unsigned char *end)
{
    const unsigned char *first = at;

    for (; end - at >= 8; at += 8) {
        uint64_t word, quote, slash, low, high;

        memcpy(&word, at, sizeof(word));
        quote = word ^ EACH_BYTE('"');
        slash = word ^ EACH_BYTE('\\');
        /* Each sets the top bit of a byte that is not plain; a borrow or a carry may set that of a
         * plain one as well, which the loop below then takes alone. */
        low = (word - EACH_BYTE(0x20)) & ~word;
        high = word | (word + EACH_BYTE(0x01));
        quote = (quote - EACH_BYTE(0x01)) & ~quote;
        slash = (slash - EACH_BYTE(0x01)) & ~slash;
        if ((low | high | quote | slash) & EACH_BYTE(0x80))
            break;
    }
    while (at < end && is_plain(*at))
        at++;
    return (size_t)(at - first);
}

/* Copies of any length: what a call of the library's copy costs is more than these few steps. The
 * last bytes overlap with those before them. */
static inline void copy_few(char *to, const char *from, size_t len)
{
    uint64_t first, last;
    uint32_t head, tail;

    if (len >= 8) {
        memcpy(&first, from, sizeof(first));
        memcpy(&last, from + len - 8, sizeof(last));
        memcpy(to, &first, sizeof(first));
        memcpy(to + len - 8, &last, sizeof(last));
    } else if (len >= 4) {
        memcpy(&head, from, sizeof(head));
        memcpy(&tail, from + len - 4, sizeof(tail));
        memcpy(to, &head, sizeof(head));
        memcpy(to + len - 4, &tail, sizeof(tail));
    } else {
        for (size_t i = 0; i < len; i++)
            to[i] = from[i];
    }
}

#ifdef __SSE2__

/* One bit for each byte that is not plain. */
static inline unsigned special_of(__m128i bytes)
{
    /* As signed numbers, bytes from 0x80 on are below 0x20, too. */
    __m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
    __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));

    return (unsigned)_mm_movemask_epi8(
        _mm_or_si128(_mm_or_si128(low, quote), _mm_or_si128(slash, del)));
}

static inline unsigned move_block(char *to, const char *from)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)from);

    _mm_storeu_si128((__m128i *)(void *)to, bytes);
    return special_of(bytes);
}

/* Copies 1 to 15 bytes as one block: twice half of it, or what fits. */
static inline unsigned move_few(char *to, const char *from, size_t len)
{
    uint64_t first = 0, last = EACH_BYTE(' ');
    uint32_t half;

    copy_few(to, from, len);
    if (len >= 8) {
        memcpy(&first, from, sizeof(first));
        memcpy(&last, from + len - 8, sizeof(last));
    } else if (len >= 4) {
        memcpy(&half, from, sizeof(half));
        first = half;
        memcpy(&half, from + len - 4, sizeof(half));
        first |= (uint64_t)half << 32;
    } else {
        first = last;
        for (size_t i = 0; i < len; i++)
            first = first << 8 | (unsigned char)from[i];
    }
    return special_of(_mm_set_epi64x((int64_t)last, (int64_t)first));
}

/* Copies `len` bytes; true if all are plain. */
static bool copy_plain(char *to, const char *from, size_t len)
{
    unsigned special = 0;

    if (len < 16)
        return !move_few(to, from, len);
    for (size_t at = 0; at + 16 < len; at += 16)
        special |= move_block(to + at, from + at);
    special |= move_block(to + len - 16, from + len - 16);
    return !special;
}

#else

static bool copy_plain(char *to, const char *from, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)from;

    if (plain_run(bytes, bytes + len) < len)
        return false;
    if (len)
        memcpy(to, from, len);
    return true;
}

#endif

static void put_escape(struct sy_buf *out, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* byte, letter */
    char text[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};

    for (size_t i = 0; i + 1 < sizeof(named); i += 2) {
        if ((unsigned char)named[i] == c) {
            text[1] = named[i + 1];
            sy_buf_append(out, sy_str_from(text, 2));
            return;
        }
    }
    sy_buf_append(out, sy_str_from(text, sizeof(text)));
}

/* Writes what stands at `at` and is not plain ASCII; returns how many bytes that was. The controls
 * U+007F to U+009F need no escape in JSON but steer terminals, so they get one. */
static size_t put_special(struct sy_buf *out, const unsigned char *at, const unsigned char *end)
{
    size_t bad = 0;
    size_t len;

    if (*at < 0x80) {
        put_escape(out, *at);
        return 1;
    }
    len = sy_utf8_step(at, end, &bad);
    if (len == 0) {
        sy_buf_append(out, SY_STR("\xef\xbf\xbd"));
        return bad ? bad : 1;
    }
    if (len == 2 && at[0] == 0xc2 && at[1] < 0xa0)
        put_escape(out, at[1]);
    else
        sy_buf_append(out, sy_str_from((const char *)at, len));
    return len;
}

static void quote_slow(struct sy_buf *out, struct sy_str s)
{
    const unsigned char *at = (const unsigned char *)(s.ptr ? s.ptr : "");
    const unsigned char *end = at + s.len;

    sy_buf_append_char(out, '"');
    while (at < end) {
        size_t run = plain_run(at, end);

        sy_buf_append(out, sy_str_from((const char *)at, run));
        at += run;
        if (at < end)
            at += put_special(out, at, end);
    }
    sy_buf_append_char(out, '"');
}

/* Text without anything to escape, which nearly all is, in one piece. */
void sy_json_quote(struct sy_buf *out, struct sy_str s)
{
    char *to = sy_buf_reserve(out, s.len + 2);

    if (!to || !copy_plain(to + 1, s.ptr, s.len)) {
        quote_slow(out, s);
        return;
    }
    to[0] = '"';
    to[s.len + 1] = '"';
    out->len += s.len + 2;
}

void sy_jw_init(struct sy_json_writer *w, struct sy_buf *out)
{
    *w = (struct sy_json_writer){.out = out};
}

static void new_line(struct sy_json_writer *w)
{
    if (!w->pretty)
        return;
    sy_buf_append_char(w->out, '\n');
    for (unsigned i = 0; i < w->depth; i++)
        sy_buf_append(w->out, SY_STR("  "));
}

/* The comma and line break in front of an element or a member name. */
static void begin_item(struct sy_json_writer *w)
{
    if (w->depth >= SY_JSON_WRITER_DEPTH)
        return;
    if (w->has_items[w->depth]) {
        assert(w->depth > 0 && "one root value only");
        sy_buf_append_char(w->out, ',');
    }
    w->has_items[w->depth] = true;
    if (w->depth > 0)
        new_line(w);
}

static void begin_value(struct sy_json_writer *w)
{
    if (w->after_name)
        w->after_name = false;
    else
        begin_item(w);
}

/* Too deep is an error of the buffer, like every other; the ends must still balance. */
static void open_container(struct sy_json_writer *w, char bracket)
{
    begin_value(w);
    sy_buf_append_char(w->out, bracket);
    w->depth++;
    if (w->depth < SY_JSON_WRITER_DEPTH)
        w->has_items[w->depth] = false;
    else
        w->out->failed = true;
}

static void close_container(struct sy_json_writer *w, char bracket)
{
    bool had_items;

    assert(w->depth > 0 && !w->after_name);
    had_items = w->depth < SY_JSON_WRITER_DEPTH && w->has_items[w->depth];
    w->depth--;
    if (had_items)
        new_line(w);
    sy_buf_append_char(w->out, bracket);
}

void sy_jw_object(struct sy_json_writer *w)
{
    open_container(w, '{');
}

void sy_jw_object_end(struct sy_json_writer *w)
{
    close_container(w, '}');
}

void sy_jw_array(struct sy_json_writer *w)
{
    open_container(w, '[');
}

void sy_jw_array_end(struct sy_json_writer *w)
{
    close_container(w, ']');
}

void sy_jw_name_str(struct sy_json_writer *w, struct sy_str name)
{
    assert(w->depth > 0 && !w->after_name);
    begin_item(w);
    sy_json_quote(w->out, name);
    sy_buf_append_char(w->out, ':');
    if (w->pretty)
        sy_buf_append_char(w->out, ' ');
    w->after_name = true;
}

void sy_jw_name_plain(struct sy_json_writer *w, const char *name, size_t len)
{
    char *to;

    assert(plain_run((const unsigned char *)name, (const unsigned char *)name + len) == len);
    if (w->pretty || w->depth >= SY_JSON_WRITER_DEPTH) {
        sy_jw_name_str(w, sy_str_from(name, len));
        return;
    }
    assert(w->depth > 0 && !w->after_name);
    w->after_name = true;
    to = sy_buf_reserve(w->out, len + 4);
    if (!to)
        return;
    if (w->has_items[w->depth])
        *to++ = ',';
    w->has_items[w->depth] = true;
    *to++ = '"';
    if (len < 16)
        copy_few(to, name, len);
    else
        memcpy(to, name, len);
    to += len;
    *to++ = '"';
    *to++ = ':';
    w->out->len = (size_t)(to - w->out->ptr);
}

void sy_jw_str(struct sy_json_writer *w, struct sy_str value)
{
    begin_value(w);
    if (value.ptr)
        sy_json_quote(w->out, value);
    else
        sy_buf_append(w->out, SY_STR("null"));
}

void sy_jw_z(struct sy_json_writer *w, const char *value)
{
    sy_jw_str(w, sy_str_of(value));
}

void sy_jw_i64(struct sy_json_writer *w, int64_t value)
{
    begin_value(w);
    sy_buf_append_i64(w->out, value);
}

void sy_jw_u64(struct sy_json_writer *w, uint64_t value)
{
    begin_value(w);
    sy_buf_append_u64(w->out, value);
}

void sy_jw_us_as_ms(struct sy_json_writer *w, int64_t us)
{
    uint64_t magnitude = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    unsigned rest = (unsigned)(magnitude % 1000);
    char fraction[4] = {'.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10),
                        (char)('0' + rest % 10)};
    size_t len = sizeof(fraction);

    begin_value(w);
    if (us < 0)
        sy_buf_append_char(w->out, '-');
    sy_buf_append_u64(w->out, magnitude / 1000);
    while (len > 1 && fraction[len - 1] == '0')
        len--;
    if (len > 1)
        sy_buf_append(w->out, sy_str_from(fraction, len));
}

void sy_jw_bool(struct sy_json_writer *w, bool value)
{
    begin_value(w);
    sy_buf_append(w->out, value ? SY_STR("true") : SY_STR("false"));
}

void sy_jw_null(struct sy_json_writer *w)
{
    begin_value(w);
    sy_buf_append(w->out, SY_STR("null"));
}

void sy_jw_raw(struct sy_json_writer *w, struct sy_str json)
{
    begin_value(w);
    /* No text is no value; leaving a hole would break the document. */
    sy_buf_append(w->out, json.len ? json : SY_STR("null"));
}

void sy_jw_member_time(struct sy_json_writer *w, const char *name, int64_t unix_ms)
{
    char text[SY_TIME_TEXT_MAX];

    sy_jw_name(w, name);
    if (unix_ms == 0)
        sy_jw_null(w);
    else
        sy_jw_str(w, sy_time_text(unix_ms, text));
}

void sy_jw_member_raw(struct sy_json_writer *w, const char *name, struct sy_str json)
{
    sy_jw_name(w, name);
    sy_jw_raw(w, json);
}
