/* The driver of builds without libFuzzer: runs a target over the files and folders given. */
#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

static int replay_file(const char *path, unsigned *count)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = NULL;
    long size;
    int ret = 1;

    if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0)
        goto out;
    rewind(file);
    bytes = malloc(size ? (size_t)size : 1);
    if (!bytes || fread(bytes, 1, (size_t)size, file) != (size_t)size)
        goto out;
    (void)LLVMFuzzerTestOneInput(bytes, (size_t)size);
    (*count)++;
    ret = 0;
out:
    if (ret)
        perror(path);
    free(bytes);
    if (file)
        (void)fclose(file);
    return ret;
}

static int replay(const char *path, unsigned *count)
{
    struct dirent *entry;
    char inner[4096];
    struct stat st;
    int ret = 0;
    DIR *dir;

    if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
        return replay_file(path, count);
    dir = opendir(path);
    if (!dir) {
        perror(path);
        return 1;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
        fprintf(stderr, "%s\n", inner);
        ret |= replay_file(inner, count);
    }
    (void)closedir(dir);
    return ret;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    int ret = 0;

    for (int i = 1; i < argc; i++)
        ret |= replay(argv[i], &count);
    printf("%u inputs\n", count);
    return ret || !count;
}
