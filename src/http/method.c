#include "http/internal.h"

#define HTTP SY_HTTP_IS_HTTP
#define RTSP SY_HTTP_IS_RTSP
#define ICE SY_HTTP_IS_ICE

#define OTHER(text)                                                                                \
    {                                                                                              \
        SY_STR_INIT(text), SY_HTTP_OTHER, HTTP, false, false                                       \
    }

/*
 * The methods in IANA's registry and a few in wide use. CONNECT is left out on purpose: what
 * follows it is another protocol, so it is refused like a method that nobody knows.
 */
static const struct sy_http_method_entry methods[] = {
    {SY_STR_INIT("GET"), SY_HTTP_GET, HTTP, false, true},
    {SY_STR_INIT("HEAD"), SY_HTTP_HEAD, HTTP, false, true},
    {SY_STR_INIT("POST"), SY_HTTP_POST, HTTP, false, false},
    {SY_STR_INIT("PUT"), SY_HTTP_PUT, HTTP, false, false},
    {SY_STR_INIT("PATCH"), SY_HTTP_PATCH, HTTP, false, false},
    {SY_STR_INIT("DELETE"), SY_HTTP_DELETE, HTTP, false, false},
    {SY_STR_INIT("OPTIONS"), SY_HTTP_OPTIONS, HTTP | RTSP, true, false},
    {SY_STR_INIT("TRACE"), SY_HTTP_OTHER, HTTP, false, true},
    {SY_STR_INIT("M-SEARCH"), SY_HTTP_OTHER, HTTP, true, false},
    {SY_STR_INIT("SOURCE"), SY_HTTP_OTHER, HTTP | ICE, false, false},
    {SY_STR_INIT("ANNOUNCE"), SY_HTTP_OTHER, RTSP, false, false},
    {SY_STR_INIT("DESCRIBE"), SY_HTTP_OTHER, RTSP, false, false},
    OTHER("ACL"),
    OTHER("BASELINE-CONTROL"),
    OTHER("BIND"),
    OTHER("CHECKIN"),
    OTHER("CHECKOUT"),
    OTHER("COPY"),
    OTHER("LABEL"),
    OTHER("LINK"),
    OTHER("LOCK"),
    OTHER("MERGE"),
    OTHER("MKACTIVITY"),
    OTHER("MKCALENDAR"),
    OTHER("MKCOL"),
    OTHER("MKREDIRECTREF"),
    OTHER("MKWORKSPACE"),
    OTHER("MOVE"),
    OTHER("NOTIFY"),
    OTHER("ORDERPATCH"),
    OTHER("PRI"),
    OTHER("PROPFIND"),
    OTHER("PROPPATCH"),
    OTHER("PURGE"),
    OTHER("QUERY"),
    OTHER("REBIND"),
    OTHER("REPORT"),
    OTHER("SEARCH"),
    OTHER("SUBSCRIBE"),
    OTHER("UNBIND"),
    OTHER("UNCHECKOUT"),
    OTHER("UNLINK"),
    OTHER("UNLOCK"),
    OTHER("UNSUBSCRIBE"),
    OTHER("UPDATE"),
    OTHER("UPDATEREDIRECTREF"),
    OTHER("VERSION-CONTROL"),
};

const struct sy_http_method_entry *sy_http_method_find(struct sy_str name)
{
    for (size_t i = 0; i < SY_ARRAY_LEN(methods); i++) {
        if (sy_str_eq(methods[i].name, name))
            return &methods[i];
    }
    return NULL;
}
