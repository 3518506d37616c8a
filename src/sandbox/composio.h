/* The parts of the Composio stand-in, and what they share. */
#ifndef SY_SANDBOX_COMPOSIO_H
#define SY_SANDBOX_COMPOSIO_H

#include "sandbox/internal.h"

/* Segments are "api", "v3" or "v3.1", then the rest; `at` below counts from the rest. */
#define SY_SB_REST 2

struct sy_sb_page {
    size_t offset, limit, seen, written;
};

void sy_sb_composio_error(struct sy_sb_request *r, int status, int code, const char *slug,
                          const char *fix, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
void sy_sb_composio_not_found(struct sy_sb_request *r);
bool sy_sb_composio_is_v3(const struct sy_sb_request *r);
/* The default version of the API the request came in by, or the one it asks for. */
struct sy_str sy_sb_composio_version(const struct sy_sb_request *r, struct sy_str asked);
/* The tool if `version` has it. */
struct sy_sb_tool *sy_sb_composio_tool(struct sy_sb_request *r, struct sy_str slug,
                                       struct sy_str version);

/* Pages: begin opens {"items":[, wants() says whether to write the next match, end closes. */
void sy_sb_page_begin(struct sy_sb_request *r, struct sy_sb_page *page, int64_t limit,
                      int64_t limit_max);
bool sy_sb_page_wants(struct sy_sb_page *page);
void sy_sb_page_end(struct sy_sb_request *r, const struct sy_sb_page *page);

void sy_sb_composio_toolkits(struct sy_sb_request *r);
void sy_sb_composio_tools(struct sy_sb_request *r);
void sy_sb_composio_execute(struct sy_sb_request *r);
void sy_sb_composio_configs(struct sy_sb_request *r);
void sy_sb_composio_accounts(struct sy_sb_request *r);
void sy_sb_composio_sessions(struct sy_sb_request *r);

void sy_sb_composio_write_tool(struct sy_sb_request *r, const struct sy_sb_tool *tool);
void sy_sb_composio_write_account(struct sy_sb_request *r, const struct sy_sb_account *account,
                                  bool detail);
const char *sy_sb_composio_status(enum sy_sb_status status);
/* Makes an INITIATED account and its link; answers an error and NULL if it cannot. */
struct sy_sb_link *sy_sb_composio_link(struct sy_sb_request *r, struct sy_sb_config *config,
                                       struct sy_str user, struct sy_str callback);
struct sy_str sy_sb_composio_link_url(struct sy_sb_request *r, const struct sy_sb_link *link);
/* Runs the tool and writes {"data","error"…}; `session` leaves out "successful". */
void sy_sb_composio_run(struct sy_sb_request *r, const struct sy_sb_tool *tool,
                        struct sy_sb_account *account, struct sy_json arguments, bool session);
bool sy_sb_composio_allows(const struct sy_sb_session *session, const struct sy_sb_app *app);
/* The session user's ACTIVE account for an app, or NULL. */
struct sy_sb_account *sy_sb_composio_active(struct sy_sb_request *r,
                                            const struct sy_sb_session *session,
                                            const struct sy_sb_app *app);
void sy_sb_composio_search(struct sy_sb_request *r, const struct sy_sb_session *session);
void sy_sb_composio_proxy(struct sy_sb_request *r, struct sy_sb_account *account);

#endif
