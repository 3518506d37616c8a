/*
 * The adapters that are built in. Adding one: a folder, a line in vendors.c, case files.
 */
#ifndef SY_VENDORS_VENDORS_H
#define SY_VENDORS_VENDORS_H

#include "contract/vendor.h"

extern const struct sy_vendor sy_vendor_composio;
extern const struct sy_vendor sy_vendor_scalekit;
extern const struct sy_vendor sy_vendor_pipedream;
extern const struct sy_vendor sy_vendor_worker;
extern const struct sy_vendor sy_vendor_pending;
extern const struct sy_vendor sy_vendor_session;

/* All of them, in a fixed order; the index is the vendor id in masks and tables. */
const struct sy_vendor *const *sy_vendors(size_t *ret_count);

#endif
