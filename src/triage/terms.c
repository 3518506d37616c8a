#include <string.h>

#include "triage/triage_int.h"

#define WORD_MIN 3
#define PIECE_LEN 4

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_slug_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* The name in lower case with everything else as `separator`, runs of it as one; 0 leaves it out.
 */
static struct sy_str slug_of(struct sy_str name, char separator, struct sy_arena *arena)
{
    char *out = sy_arena_alloc(arena, name.len + 1);
    size_t len = 0;

    if (!out)
        return (struct sy_str){NULL, 0};
    for (size_t i = 0; i < name.len; i++) {
        char c = lower(name.ptr[i]);

        if (is_slug_char(c))
            out[len++] = c;
        else if (separator && len > 0 && out[len - 1] != separator)
            out[len++] = separator;
    }
    while (separator && len > 0 && out[len - 1] == separator)
        len--;
    return sy_str_from(out, len);
}

static void add(struct sy_str *list, unsigned *count, struct sy_str term)
{
    if (!term.len || term.len > SY_NAME_MAX || *count == TRIAGE_TERMS_MAX)
        return;
    for (unsigned i = 0; i < *count; i++)
        if (sy_str_eq(list[i], term))
            return;
    list[(*count)++] = term;
}

static void add_slugs(struct triage *triage, struct sy_str name)
{
    bool plain = true;

    for (size_t i = 0; i < name.len; i++)
        plain = plain && (is_slug_char(name.ptr[i]) || name.ptr[i] == '_' || name.ptr[i] == '-');
    if (plain)
        add(triage->slugs, &triage->slug_count, name);
    add(triage->slugs, &triage->slug_count, slug_of(name, '_', &triage->mem));
    add(triage->slugs, &triage->slug_count, slug_of(name, 0, &triage->mem));
}

/* "launchdarkly" is no part of "launch_darkly", but "laun" and "rkly" are: only a catalogue that
 * separates within both is missed, and what they find must equal the provider anyway. */
static void add_pieces(struct triage *triage)
{
    struct sy_str whole = slug_of(triage->request.provider, 0, &triage->mem);

    if (whole.len <= PIECE_LEN)
        return;
    triage->pieces[triage->piece_count++] = sy_str_head(whole, PIECE_LEN);
    triage->pieces[triage->piece_count++] = sy_str_skip(whole, whole.len - PIECE_LEN);
}

int triage_terms(struct triage *triage)
{
    struct sy_str rest = slug_of(triage->request.provider, ' ', &triage->mem), part;

    add_slugs(triage, triage->request.provider);
    for (unsigned i = 0; i < triage->alias_count; i++)
        add_slugs(triage, triage->aliases[i]);
    /* A search wants at least three characters; shorter names are asked for exactly. */
    if (triage->request.provider.len >= WORD_MIN)
        add(triage->words, &triage->word_count, triage->request.provider);
    for (unsigned i = 0; i < triage->alias_count; i++)
        if (triage->aliases[i].len >= WORD_MIN)
            add(triage->words, &triage->word_count, triage->aliases[i]);
    while (sy_str_split(&rest, ' ', &part))
        if (part.len >= WORD_MIN)
            add(triage->words, &triage->word_count, part);
    add_pieces(triage);
    return triage->mem.failed ? SY_NOMEM : SY_OK;
}

static bool folds_to(struct sy_str text, struct sy_str folded)
{
    char out[SY_NAME_MAX * 2];

    return text.len && text.len <= sizeof(out) && sy_str_eq(sy_name_normalise(text, out), folded);
}

bool triage_is_same(const struct triage *triage, struct sy_str slug, struct sy_str name)
{
    char out[SY_NAME_MAX];

    if (folds_to(slug, triage->folded) || folds_to(name, triage->folded))
        return true;
    for (unsigned i = 0; i < triage->alias_count; i++) {
        struct sy_str alias = sy_name_normalise(triage->aliases[i], out);

        if (folds_to(slug, alias) || folds_to(name, alias))
            return true;
    }
    return false;
}
