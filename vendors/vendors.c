#include "vendors/vendors.h"

static const struct sy_vendor *const vendors[] = {
    &sy_vendor_composio, &sy_vendor_scalekit, &sy_vendor_pipedream,
    &sy_vendor_worker,   &sy_vendor_pending,  &sy_vendor_session,
};

const struct sy_vendor *const *sy_vendors(size_t *ret_count)
{
    *ret_count = SY_ARRAY_LEN(vendors);
    return vendors;
}
