# cmake -DINPUT=file -DOUTPUT=file.c -P embed.cmake: the file's bytes as api_schemas_text().
file(READ "${INPUT}" bytes HEX)
string(LENGTH "${bytes}" length)
math(EXPR length "${length} / 2")
string(REGEX REPLACE "(................................)" "\\1\n    " bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1, " bytes "${bytes}")
file(WRITE "${OUTPUT}" "/* Made from src/api/schemas.json by embed.cmake. */
#include \"api/api_int.h\"

static const unsigned char BYTES[] = {
    ${bytes}
};

struct sy_str api_schemas_text(void)
{
    return sy_str_from((const char *)BYTES, ${length});
}
")
