/*
 * Runs a Lua script that is part of the program (BENCH_SCRIPT): once a round, in a new state. The
 * script returns an integer, the checksum.
 *
 * Lua is built without its io, os and package libraries, and so that an error ends the program (no
 * setjmp): the scripts make none, and use no coroutines, whose yield is a jump as well.
 */
#include <stdlib.h>

#include "bench.h"
#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

static const char script[] = {
#embed BENCH_SCRIPT
};

static void libraries_open(lua_State *lua)
{
    static const luaL_Reg libraries[] = {
        {LUA_GNAME, luaopen_base},        {LUA_TABLIBNAME, luaopen_table},
        {LUA_STRLIBNAME, luaopen_string}, {LUA_MATHLIBNAME, luaopen_math},
        {LUA_UTF8LIBNAME, luaopen_utf8},
    };
    for (uint32_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        luaL_requiref(lua, libraries[i].name, libraries[i].func, 1);
        lua_pop(lua, 1);
    }
}

static uint64_t lua_round(uint32_t size)
{
    lua_State *lua = luaL_newstate();
    if (!lua)
        abort();
    libraries_open(lua);
    if (luaL_loadbufferx(lua, script, sizeof script, "script", "t") != LUA_OK)
        abort();
    lua_pushinteger(lua, size);
    lua_call(lua, 1, 1);
    uint64_t sum = (uint64_t)luaL_checkinteger(lua, -1);
    lua_close(lua);
    return sum;
}

int main(void)
{
    return bench_run(lua_round, 1);
}
