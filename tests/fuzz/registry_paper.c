/*
 * A registry document (first byte: YAML, JSON or Markdown): faults with places, or a registry that
 * reads back the same from what is written of it, in each of the three.
 */
#include "gather.h"

static struct sy_str written(const struct sy_registry *registry, enum sy_registry_format format,
                             struct sy_arena *arena)
{
    struct sy_buf out;

    sy_buf_init_arena(&out, arena, 16u << 20);
    sy_registry_write(&out, registry, format);
    FUZZ_CHECK(sy_buf_ok(&out));
    return sy_buf_str(&out);
}

static void check(const struct sy_registry *registry, enum sy_registry_format format,
                  struct sy_arena *arena)
{
    struct sy_str first = written(registry, format, arena), second;
    struct sy_registry again;
    struct sy_import import;
    struct sy_buf faults;

    sy_buf_init_arena(&faults, arena, 1u << 20);
    if (sy_registry_read(first, SY_STR("again"), format, arena, &import, &faults)) {
        fprintf(stderr, "%.*s\n----\n%.*s\n", SY_FMT(first), SY_FMT(sy_buf_str(&faults)));
        abort();
    }
    gather(&import, arena, &again);
    FUZZ_CHECK(again.row_count == registry->row_count && again.map_count == registry->map_count);
    second = written(&again, format, arena);
    if (!sy_str_eq(first, second)) {
        fprintf(stderr, "%.*s\n----\n%.*s\n", SY_FMT(first), SY_FMT(second));
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sy_str text = fuzz_all(data, size);
    enum sy_registry_format format = (enum sy_registry_format)(fuzz_byte(&text) % 3);
    struct sy_registry registry;
    struct sy_import import;
    struct sy_arena arena;
    struct sy_buf faults;

    sy_arena_init(&arena, 256u << 20);
    sy_buf_init_arena(&faults, &arena, 1u << 20);
    if (sy_registry_read(text, SY_STR("doc"), format, &arena, &import, &faults)) {
        FUZZ_CHECK(sy_str_starts(sy_buf_str(&faults), SY_STR("doc:")));
    } else {
        gather(&import, &arena, &registry);
        for (int to = SY_FORMAT_YAML; to <= SY_FORMAT_MARKDOWN; to++)
            check(&registry, (enum sy_registry_format)to, &arena);
    }
    sy_arena_release(&arena);
    return 0;
}
