/*
 * Capabilities: copies, narrowing, lending and revoking, in one process and across two.
 */
#include "check.h"

static void test_handles(void)
{
    const int32_t forged[] = {0, 3, -1, INT32_MIN, INT32_MAX, 0x10001, 0xffff, 0x10000};
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        check("a forged handle", tk_handle_inspect(forged[i]), TK_ERR_BAD_HANDLE);
    }
    check("the system", tk_handle_inspect(SYSTEM), OBJECT_SYSTEM << 12 | RIGHTS_ALL);
    check("the module", tk_handle_inspect(MODULE), OBJECT_MODULE << 12 | RIGHTS_ALL);
    check("another kind", tk_process_kill(SYSTEM), TK_ERR_WRONG_KIND);
    check("closing a forged handle", tk_handle_close(77), TK_ERR_BAD_HANDLE);
}

static void test_copies(void)
{
    int32_t copy = tk_handle_copy(SYSTEM, RIGHT_SYSTEM_LOG);
    check("a copy's rights", tk_handle_inspect(copy), OBJECT_SYSTEM << 12 | RIGHT_SYSTEM_LOG);
    check("a copy of what may not be copied", tk_handle_copy(copy, RIGHT_SYSTEM_LOG),
          TK_ERR_NO_RIGHT);
    check("a copy logs", tk_log(copy, 0, 0), TK_OK);
    int32_t mute = tk_handle_copy(SYSTEM, RIGHT_ANY_DUPLICATE);
    check("without the right it doesn't", tk_log(mute, 0, 0), TK_ERR_NO_RIGHT);
    check("rights don't come back", tk_handle_copy(mute, RIGHTS_ALL), TK_ERR_NO_RIGHT);
    check("close", tk_handle_close(copy), TK_OK);
    check("closed", tk_handle_inspect(copy), TK_ERR_BAD_HANDLE);
    int32_t other = tk_handle_copy(SYSTEM, RIGHT_SYSTEM_LOG);
    check("the place is used again", (other ^ copy) & 0xffff, 0);
    check("under another handle", other != copy, 1);
    check("the old one names nothing", tk_handle_inspect(copy), TK_ERR_BAD_HANDLE);
    tk_handle_close(other);
    tk_handle_close(mute);
}

static void test_lending(void)
{
    int32_t lent = tk_handle_lend(SYSTEM, RIGHTS_ALL), again = tk_handle_lend(lent, RIGHTS_ALL);
    int32_t copy = tk_handle_copy(lent, RIGHTS_ALL);
    check("lent", tk_log(lent, 0, 0), TK_OK);
    check("lent on", tk_log(again, 0, 0), TK_OK);
    check("revoke what was lent on", tk_handle_revoke(lent), TK_OK);
    check("lent on is dead", tk_log(again, 0, 0), TK_ERR_REVOKED);
    check("lent is not", tk_log(lent, 0, 0), TK_OK);
    check("revoke", tk_handle_revoke(SYSTEM), TK_OK);
    check("lent is dead", tk_log(lent, 0, 0), TK_ERR_REVOKED);
    check("so is its copy", tk_log(copy, 0, 0), TK_ERR_REVOKED);
    check("the lender's is not", tk_log(SYSTEM, 0, 0), TK_OK);
    int32_t depth = 0, handle = SYSTEM;
    while ((handle = tk_handle_lend(handle, RIGHTS_ALL)) > 0) {
        depth++;
    }
    check("lent eight times in turn", depth, 8);
    check("no more", handle, TK_ERR_LIMIT);
    check("revoke all", tk_handle_revoke(SYSTEM), TK_OK);
}

/* Handles are 16 bits: a process can't have more, and fails gracefully. */
static void test_many(void)
{
    int32_t last = 0, n = 0, handle;
    while ((handle = tk_handle_copy(SYSTEM, RIGHT_SYSTEM_LOG)) > 0) {
        last = handle;
        n++;
    }
    check("the table has an end", handle, TK_ERR_LIMIT);
    check("a large one", n > 60000, 1);
    check("the last one works", tk_log(last, 0, 0), TK_OK);
    check("a place is free", tk_handle_close(last), TK_OK);
    check("and taken", tk_handle_copy(SYSTEM, 0) > 0, 1);
}

/* The child logs with what it was lent, until that is taken back. */
static void child(void)
{
    for (;;) {
        struct tk_receive_results got = tk_receive(TK_NEVER);
        (void)tk_reply(0, tk_log(SYSTEM, 0, 0), (int64_t)got.r1, 0, 0, 0);
    }
}

static void test_across(void)
{
    const int32_t handles[] = {tk_handle_lend(SYSTEM, RIGHTS_ALL)};
    int32_t process = tk_process_new(MODULE, (int32_t)(intptr_t)handles, 1);
    int32_t channel = tk_channel_new(process);
    check("start", tk_process_start(process, 1), TK_OK);
    check("the child may log", tk_call(channel, 0, 0, 0, 0, 0).r0, TK_OK);
    check("revoke", tk_handle_revoke(SYSTEM), TK_OK);
    check("it may no more", tk_call(channel, 0, 0, 0, 0, 0).r0, TK_ERR_REVOKED);
    int32_t badged = tk_channel_badge(channel, RIGHT_CHANNEL_CALL, 41);
    check("a badge", tk_call(badged, 0, 0, 0, 0, 0).r1, 41);
    check("a badged copy can't change it", tk_channel_badge(badged, RIGHT_CHANNEL_CALL, 1),
          TK_ERR_NO_RIGHT);
    check("nor send", tk_channel_send(badged, 0, 0, 0, 0, 0), TK_ERR_NO_RIGHT);
    check("end it", tk_process_kill(process), TK_OK);
    check("the channel's other end is gone", tk_call(channel, 0, 0, 0, 0, 0).r0, TK_ERR_PEER_DIED);
}

TK_START
{
    if (tk_process_argument() != 0) {
        child();
    }
    test_handles();
    test_copies();
    test_lending();
    test_across();
    test_many();
    finish();
}
