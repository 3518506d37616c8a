/* The parts of the Pipedream stand-in, and what they share. */
#ifndef SY_SANDBOX_PIPEDREAM_H
#define SY_SANDBOX_PIPEDREAM_H

#include "sandbox/internal.h"

struct sy_sb_pd_page {
    struct sy_str after, start, end;
    size_t limit, total, written;
    bool past; /* the row named by `after` was seen */
};

/* {"error": text} */
void sy_sb_pd_error(struct sy_sb_request *r, int status, const char *text);
void sy_sb_pd_page_begin(struct sy_sb_request *r, struct sy_sb_pd_page *page, int64_t limit);
/* Whether to write the next match, whose row id makes the cursor. */
bool sy_sb_pd_page_wants(struct sy_sb_request *r, struct sy_sb_pd_page *page, struct sy_str id);
void sy_sb_pd_page_end(struct sy_sb_request *r, const struct sy_sb_pd_page *page);

/* `at`: index of the first segment after /v1/connect[/{project}] */
void sy_sb_pd_apps(struct sy_sb_request *r, size_t at);
void sy_sb_pd_categories(struct sy_sb_request *r, size_t at);
void sy_sb_pd_components(struct sy_sb_request *r, size_t at);
void sy_sb_pd_accounts(struct sy_sb_request *r, size_t at);
void sy_sb_pd_users(struct sy_sb_request *r, size_t at);
void sy_sb_pd_tokens(struct sy_sb_request *r, size_t at);
void sy_sb_pd_proxy(struct sy_sb_request *r, size_t at);

struct sy_str sy_sb_pd_app_id(struct sy_arena *mem, const struct sy_sb_app *app);
/* By slug or by app_ id. */
struct sy_sb_app *sy_sb_pd_app(struct sy_sb_request *r, struct sy_str slug_or_id);
void sy_sb_pd_write_app(struct sy_sb_request *r, const struct sy_sb_app *app);
/* The user a request is about: a parameter, or the connect token's own. */
struct sy_str sy_sb_pd_user(struct sy_sb_request *r, struct sy_str given);

#endif
