/*
 * switchyard.yaml: faults with places, or settings within their ranges. Texts that name files, or
 * might by an escape, are left out: the reader would open them.
 */
#include "fuzz.h"

#include "config/settings.h"
#include "vendors/vendors.h"

static void check(const struct sy_settings *settings)
{
    FUZZ_CHECK(settings->listen.len && settings->store.len);
    FUZZ_CHECK(settings->named_count <= SY_NAMED_SECRETS_MAX);
    FUZZ_CHECK(settings->ledger_keep_ms >= 0);
    FUZZ_CHECK(settings->log_format.len && settings->log_level.len);
    for (size_t i = 0; i < settings->named_count; i++)
        FUZZ_CHECK(settings->named[i].name.len);
    for (size_t i = 0; i < settings->vendor_count; i++) {
        const struct sy_vendor_config *config = &settings->vendors[i];

        for (size_t j = 0; config->vendor->settings[j].name; j++)
            if (config->settings[j].set && config->vendor->settings[j].flags & SY_SETTING_SECRET)
                FUZZ_CHECK(config->settings[j].text.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sy_str text = fuzz_all(data, size);
    struct sy_settings settings;
    struct sy_faults faults;
    struct sy_arena arena;
    size_t count;
    const struct sy_vendor *const *vendors = sy_vendors(&count);
    int status;

    if (sy_str_find(text, SY_STR("file:")) != (size_t)-1 || memchr(text.ptr, '\\', text.len))
        return 0;
    sy_arena_init(&arena, 64u << 20);
    sy_faults_init(&faults);
    sy_settings_default(&settings, vendors, count);
    status = sy_settings_read(&settings, text, SY_STR("conf/switchyard.yaml"), vendors, count,
                              &arena, &faults);
    FUZZ_CHECK((status == SY_OK) == (faults.errors == 0));
    if (status == SY_OK)
        check(&settings);
    else
        FUZZ_CHECK(status == SY_INVALID && faults.text.len);
    sy_faults_release(&faults);
    sy_arena_release(&arena);
    return 0;
}
