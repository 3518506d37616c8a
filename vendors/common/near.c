#include "vendors/common/near.h"

#define WORD_MAX 32u
#define TYPO_MIN 4u /* letters a word needs before one of them may be wrong */

static bool is_separator(char c)
{
    return c == '_' || c == '-' || c == '.' || c == ' ';
}

static bool is_little(struct sy_str word)
{
    static const char *const little[] = {"a", "an", "the", "to", "of", "for", "in", "by"};

    for (size_t i = 0; i < SY_ARRAY_LEN(little); i++)
        if (sy_str_eq_nocase(word, sy_str_of(little[i])))
            return true;
    return false;
}

/* The next word that carries meaning. */
static bool next_word(struct sy_str *rest, struct sy_str *ret_word)
{
    while (rest->len) {
        size_t len = 0;
        while (len < rest->len && !is_separator(rest->ptr[len]))
            len++;
        *ret_word = sy_str_head(*rest, len);
        *rest = sy_str_skip(*rest, len < rest->len ? len + 1 : len);
        if (len && !is_little(*ret_word))
            return true;
    }
    return false;
}

/* Lower case into `out`; longer words are cut, which is good enough for likeness. */
static struct sy_str lower(struct sy_str word, char out[WORD_MAX])
{
    size_t len = word.len < WORD_MAX ? word.len : WORD_MAX;

    for (size_t i = 0; i < len; i++)
        out[i] = (char)(word.ptr[i] >= 'A' && word.ptr[i] <= 'Z' ? word.ptr[i] - 'A' + 'a'
                                                                 : word.ptr[i]);
    return sy_str_from(out, len);
}

/* 4 for the same word, 3 for one with a typing error, 0. */
static unsigned word_likeness(struct sy_str a, struct sy_str b)
{
    char a_low[WORD_MAX], b_low[WORD_MAX];

    if (sy_str_eq_nocase(a, b))
        return 4;
    if (a.len < TYPO_MIN || b.len < TYPO_MIN)
        return 0;
    return sy_str_distance(lower(a, a_low), lower(b, b_low), 1) <= 1 ? 3 : 0;
}

/* How well the words of `a` stand in `b`; *ret_missing tells how many do not stand there. */
static unsigned likeness(struct sy_str a, struct sy_str b, unsigned *ret_missing)
{
    struct sy_str word, other;
    unsigned sum = 0;

    *ret_missing = 0;
    while (next_word(&a, &word)) {
        struct sy_str rest = b;
        unsigned best = 0;
        while (best < 4 && next_word(&rest, &other)) {
            unsigned one = word_likeness(word, other);
            best = one > best ? one : best;
        }
        sum += best;
        *ret_missing += best < 4;
    }
    return sum;
}

void sy_near_add(struct sy_near *near, struct sy_str name)
{
    unsigned missing, extra;
    unsigned score = 64 + likeness(near->wanted, name, &missing);
    size_t at = near->count;

    likeness(name, near->wanted, &extra);
    if (sy_str_eq(name, near->wanted))
        near->exact = true;
    if (!missing && !extra && !near->same.ptr)
        near->same = name;
    score = score > missing + extra ? score - missing - extra : 0;
    if (near->count < SY_NEAR_MAX)
        near->count++;
    else if (score <= near->scores[--at])
        return;
    for (; at > 0 && near->scores[at - 1] < score; at--) {
        near->names[at] = near->names[at - 1];
        near->scores[at] = near->scores[at - 1];
    }
    near->names[at] = name;
    near->scores[at] = score;
}

struct sy_str sy_near_json(const struct sy_near *near, struct sy_arena *mem)
{
    struct sy_json_writer w;
    struct sy_buf out;

    if (!near->count)
        return (struct sy_str){0};
    sy_buf_init_arena(&out, mem, 4096);
    sy_jw_init(&w, &out);
    sy_jw_array(&w);
    for (size_t i = 0; i < near->count; i++)
        sy_jw_str(&w, near->names[i]);
    sy_jw_array_end(&w);
    return sy_buf_ok(&out) ? sy_buf_str(&out) : (struct sy_str){0};
}

struct sy_str sy_near_detail(const struct sy_near *near, const char *vendor, struct sy_arena *mem)
{
    const struct sy_str renamed[] = {near->wanted,      SY_STR(" goes by the name "),
                                     near->same,        SY_STR(" at "),
                                     sy_str_of(vendor), SY_STR(" now.")};
    const struct sy_str absent[] = {SY_STR("There is no "), near->wanted, SY_STR(" at "),
                                    sy_str_of(vendor), SY_STR(".")};

    if (near->same.ptr)
        return sy_arena_join(mem, renamed, SY_ARRAY_LEN(renamed));
    return sy_arena_join(mem, absent, SY_ARRAY_LEN(absent));
}

struct sy_str sy_tool_words(struct sy_str tool, struct sy_str slug, struct sy_arena *mem)
{
    struct sy_str action = tool;
    char *out;

    if (tool.len > slug.len + 1 && sy_str_eq_nocase(sy_str_head(tool, slug.len), slug))
        action = sy_str_skip(tool, slug.len + 1);
    out = sy_arena_alloc(mem, action.len + 1);
    if (!out)
        return (struct sy_str){0};
    for (size_t i = 0; i < action.len; i++) {
        char c = action.ptr[i];
        out[i] = (char)(is_separator(c) ? ' ' : c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    return sy_str_from(out, action.len);
}
