/* GitHub: the issues of any repository, as far as a runbook needs them. */
#include "sandbox/internal.h"

#include "sandbox/credentials.h"

#define ISSUES_MAX 10000u

struct comment {
    struct sy_str text;
    struct comment *next; /* older */
};

struct issue {
    struct sy_str owner, repo, title, body;
    struct sy_str labels; /* JSON array of {"name"} */
    struct comment *comments;
    int64_t number, comment_count, created_ms, updated_ms;
    bool closed;
};

static void message(struct sy_sb_request *r, int status, const char *text)
{
    sy_buf_clear(&r->out);
    sy_jw_init(&r->w, &r->out);
    sy_jw_object(&r->w);
    sy_jw_member_z(&r->w, "message", text);
    sy_jw_member_z(&r->w, "documentation_url", "https://docs.github.com/rest");
    sy_jw_member_str(&r->w, "status", sy_arena_printf(r->mem, "%d", status));
    sy_jw_object_end(&r->w);
    sy_sb_send(r, status);
}

void sy_sb_github_unauthorized(struct sy_sb_request *r)
{
    message(r, 401, "Bad credentials");
}

void sy_sb_github_limited(struct sy_sb_request *r)
{
    sy_sb_add_header(r, "X-RateLimit-Remaining", SY_STR("0"));
    message(r, 429, "API rate limit exceeded");
}

static void write_issue(struct sy_sb_request *r, const struct issue *issue)
{
    struct sy_json_writer *w = &r->w;
    struct sy_str path =
        sy_arena_printf(r->mem, "%.*s/%.*s", SY_FMT(issue->owner), SY_FMT(issue->repo));
    const char *base = r->listener->url;
    sy_jw_object(w);
    sy_jw_member_i64(w, "id", 1000 + issue->number);
    sy_jw_member_i64(w, "number", issue->number);
    sy_jw_member_str(w, "url",
                     sy_arena_printf(r->mem, "%s/repos/%.*s/issues/%lld", base, SY_FMT(path),
                                     (long long)issue->number));
    sy_jw_member_str(w, "html_url",
                     sy_arena_printf(r->mem, "%s/%.*s/issues/%lld", base, SY_FMT(path),
                                     (long long)issue->number));
    sy_jw_member_str(w, "repository_url",
                     sy_arena_printf(r->mem, "%s/repos/%.*s", base, SY_FMT(path)));
    sy_jw_member_str(w, "title", issue->title);
    sy_jw_member_str(w, "body", issue->body);
    sy_jw_member_z(w, "state", issue->closed ? "closed" : "open");
    sy_jw_member_raw(w, "labels", issue->labels);
    sy_jw_member_raw(w, "user", SY_STR("{\"login\":\"sandbox\",\"id\":1,\"type\":\"User\"}"));
    sy_jw_member_i64(w, "comments", issue->comment_count);
    sy_jw_member_time(w, "created_at", issue->created_ms);
    sy_jw_member_time(w, "updated_at", issue->updated_ms);
    sy_jw_name(w, "closed_at");
    if (issue->closed)
        sy_jw_str(w, SY_STR("2026-11-21T00:00:00Z"));
    else
        sy_jw_null(w);
    sy_jw_object_end(w);
}

static struct sy_str kept(struct sy_sb_request *r, const char *member)
{
    struct sy_str text = sy_sb_member(r, member);
    return text.ptr ? sy_arena_copy(&r->sb->state, text) : (struct sy_str){NULL, 0};
}

static struct sy_str labels(struct sy_sb_request *r)
{
    struct sy_json_iter it = sy_json_iter(sy_json_get_z(r->json, "labels"));
    struct sy_buf out;
    struct sy_json_writer w;
    struct sy_str none;
    struct sy_json one;
    sy_buf_init_arena(&out, &r->sb->state, 65536);
    sy_jw_init(&w, &out);
    sy_jw_array(&w);
    while (sy_json_next(&it, &none, &one)) {
        sy_jw_object(&w);
        sy_jw_member_raw(&w, "name", one.raw);
        sy_jw_object_end(&w);
    }
    sy_jw_array_end(&w);
    return sy_buf_str(&out);
}

static void create(struct sy_sb_request *r)
{
    struct sy_str title = kept(r, "title");
    struct issue *issue = sy_arena_zalloc(&r->sb->state, sizeof(*issue));
    if (title.len == 0) {
        message(r, 422, "Validation Failed");
        return;
    }
    if (!issue || r->sb->issues.count >= ISSUES_MAX || !sy_sb_list_add(&r->sb->issues, issue)) {
        message(r, 500, "Server Error");
        return;
    }
    issue->owner = sy_arena_copy(&r->sb->state, r->seg[1]);
    issue->repo = sy_arena_copy(&r->sb->state, r->seg[2]);
    issue->title = title;
    issue->body = kept(r, "body");
    issue->labels = labels(r);
    issue->number = (int64_t)r->sb->issues.count;
    issue->created_ms = issue->updated_ms = sy_sb_now(r->sb);
    write_issue(r, issue);
    sy_sb_send(r, 201);
}

static struct issue *find(struct sy_sb_request *r)
{
    uint64_t number;
    if (r->segs < 5 || !sy_str_to_u64(r->seg[4], &number) || number == 0 ||
        number > r->sb->issues.count)
        return NULL;
    struct issue *issue = r->sb->issues.items[number - 1];
    return sy_str_eq(issue->owner, r->seg[1]) && sy_str_eq(issue->repo, r->seg[2]) ? issue : NULL;
}

static void patch(struct sy_sb_request *r, struct issue *issue)
{
    struct sy_str state = sy_sb_member(r, "state");
    struct sy_str title = kept(r, "title");
    struct sy_str body = kept(r, "body");
    issue->title = title.ptr ? title : issue->title;
    issue->body = body.ptr ? body : issue->body;
    if (state.ptr)
        issue->closed = sy_str_eq(state, SY_STR("closed"));
    issue->updated_ms = sy_sb_now(r->sb);
    write_issue(r, issue);
    sy_sb_send(r, 200);
}

static void add_comment(struct sy_sb_request *r, struct issue *issue)
{
    struct comment *comment = sy_arena_zalloc(&r->sb->state, sizeof(*comment));
    struct sy_str text = kept(r, "body");
    if (!comment || text.len == 0) {
        message(r, 422, "Validation Failed");
        return;
    }
    comment->text = text;
    comment->next = issue->comments;
    issue->comments = comment;
    issue->comment_count++;
    issue->updated_ms = sy_sb_now(r->sb);
    sy_jw_object(&r->w);
    sy_jw_member_i64(&r->w, "id", issue->comment_count);
    sy_jw_member_str(&r->w, "body", text);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 201);
}

static void list_comments(struct sy_sb_request *r, const struct issue *issue)
{
    sy_jw_array(&r->w);
    int64_t id = issue->comment_count;
    for (const struct comment *c = issue->comments; c; c = c->next) {
        sy_jw_object(&r->w);
        sy_jw_member_i64(&r->w, "id", id--);
        sy_jw_member_str(&r->w, "body", c->text);
        sy_jw_object_end(&r->w);
    }
    sy_jw_array_end(&r->w);
    sy_sb_send(r, 200);
}

/* The words of q, but for qualifiers: repo:, is:, state:, in:, label: narrow the search. */
static bool found(const struct issue *issue, struct sy_str q)
{
    struct sy_str word;
    while (sy_str_split(&q, ' ', &word)) {
        size_t colon = sy_str_find_char(word, ':');
        struct sy_str key = colon == (size_t)-1 ? SY_STR("") : sy_str_head(word, colon);
        struct sy_str value = colon == (size_t)-1 ? word : sy_str_skip(word, colon + 1);
        size_t slash = sy_str_find_char(value, '/');
        if (sy_str_eq(key, SY_STR("repo"))) {
            if (slash == (size_t)-1 || !sy_str_eq(sy_str_head(value, slash), issue->owner) ||
                !sy_str_eq(sy_str_skip(value, slash + 1), issue->repo))
                return false;
        } else if (sy_str_eq(key, SY_STR("is")) || sy_str_eq(key, SY_STR("state"))) {
            if ((sy_str_eq(value, SY_STR("open")) && issue->closed) ||
                (sy_str_eq(value, SY_STR("closed")) && !issue->closed))
                return false;
        } else if (key.len == 0) {
            if (value.len > 1 && value.ptr[0] == '"')
                value = sy_str_skip(sy_str_head(value, value.len - 1), 1);
            if (!sy_sb_contains(issue->title, value) && !sy_sb_contains(issue->body, value))
                return false;
        }
    }
    return true;
}

static void search(struct sy_sb_request *r)
{
    struct sy_str q = sy_sb_query(r, "q");
    int64_t total = 0;
    if (q.len == 0) {
        message(r, 422, "Validation Failed");
        return;
    }
    sy_jw_object(&r->w);
    sy_jw_name(&r->w, "items");
    sy_jw_array(&r->w);
    for (size_t i = 0; i < r->sb->issues.count; i++) {
        if (!found(r->sb->issues.items[i], q))
            continue;
        write_issue(r, r->sb->issues.items[i]);
        total++;
    }
    sy_jw_array_end(&r->w);
    sy_jw_member_i64(&r->w, "total_count", total);
    sy_jw_member_bool(&r->w, "incomplete_results", false);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

static void list(struct sy_sb_request *r)
{
    struct sy_str state = sy_sb_query(r, "state");
    bool all = sy_str_eq(state, SY_STR("all"));
    bool closed = sy_str_eq(state, SY_STR("closed"));
    sy_jw_array(&r->w);
    for (size_t i = 0; i < r->sb->issues.count; i++) {
        const struct issue *issue = r->sb->issues.items[i];
        if (sy_str_eq(issue->owner, r->seg[1]) && sy_str_eq(issue->repo, r->seg[2]) &&
            (all || issue->closed == closed))
            write_issue(r, issue);
    }
    sy_jw_array_end(&r->w);
    sy_sb_send(r, 200);
}

void sy_sb_github(struct sy_sb_request *r)
{
    struct sy_str auth = sy_sb_header(r, "authorization");
    size_t space = sy_str_find_char(auth, ' ');
    struct sy_str token = space == (size_t)-1 ? auth : sy_str_skip(auth, space + 1);
    bool issues = sy_sb_seg(r, 0, "repos") && sy_sb_seg(r, 3, "issues");
    if (!sy_str_eq(token, SY_STR(SY_SB_GITHUB_TOKEN))) {
        if (auth.ptr)
            sy_sb_github_unauthorized(r);
        else
            message(r, 401, "Requires authentication");
        return;
    }
    if (r->body.len > 0 && r->json.type != SY_JSON_OBJECT) {
        message(r, 400, "Problems parsing JSON");
        return;
    }
    struct issue *issue = issues ? find(r) : NULL;
    if (sy_sb_is(r, SY_HTTP_GET, 2) && sy_sb_seg(r, 0, "search") && sy_sb_seg(r, 1, "issues"))
        search(r);
    else if (issues && sy_sb_is(r, SY_HTTP_POST, 4))
        create(r);
    else if (issues && sy_sb_is(r, SY_HTTP_GET, 4))
        list(r);
    else if (issue && sy_sb_is(r, SY_HTTP_GET, 5)) {
        write_issue(r, issue);
        sy_sb_send(r, 200);
    } else if (issue && sy_sb_is(r, SY_HTTP_PATCH, 5))
        patch(r, issue);
    else if (issue && sy_sb_is(r, SY_HTTP_POST, 6) && sy_sb_seg(r, 5, "comments"))
        add_comment(r, issue);
    else if (issue && sy_sb_is(r, SY_HTTP_GET, 6) && sy_sb_seg(r, 5, "comments"))
        list_comments(r, issue);
    else
        message(r, 404, "Not Found");
}
