/*
 * State machines: a program with a handler gets one message at a time and has no stack between
 * them. The module has a handler only, so its first process is made by a call of its own.
 */
#include "check.h"

enum { BEGIN = 100, ADD, CALL_ON, TRAP };

static int64_t total;

/* The first message of the first process tests the others. */
static int64_t test_all(void)
{
    const int32_t handles[] = {SYSTEM, MODULE};
    int32_t children[50], channels[50];
    for (int i = 0; i < 50; i++) {
        children[i] = tk_process_new(MODULE, (int32_t)(intptr_t)handles, 2);
        channels[i] = tk_channel_new(children[i]);
        check("start", tk_process_start(children[i], 0), TK_OK);
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 50; i++) {
            check("each has a state of its own", tk_call(channels[i], ADD, i, 0, 0, 0).r1,
                  (int64_t)i * (round + 1));
        }
    }
    check("a trap", tk_call(channels[0], TRAP, 0, 0, 0, 0).r0, TK_ERR_PEER_DIED);
    check("the others live", tk_call(channels[1], ADD, 0, 0, 0, 0).r1, 3);
    check("a call from a handler to itself", tk_call(tk_channel_new(0), ADD, 0, 0, 0, 0).r0,
          TK_ERR_WOULD_DEADLOCK);
    for (int i = 1; i < 50; i++) {
        check("kill", tk_process_kill(children[i]), TK_OK);
    }
    check("killed", tk_call(channels[1], ADD, 0, 0, 0, 0).r0, TK_ERR_PEER_DIED);
    for (int i = 0; i < 50; i++) {
        (void)tk_process_wait(children[i], TK_NEVER);
        (void)tk_handle_close(children[i]);
        (void)tk_handle_close(channels[i]);
    }
    for (int i = 0; i < 300; i++) { /* as many as there is room for only if all is given back */
        int32_t process = tk_process_new(MODULE, (int32_t)(intptr_t)handles, 2);
        int32_t channel = tk_channel_new(process);
        if (tk_process_start(process, 0) != TK_OK || tk_call(channel, ADD, 5, 0, 0, 0).r1 != 5 ||
            tk_process_kill(process) != TK_OK || tk_process_wait(process, TK_NEVER) < 0 ||
            tk_handle_close(channel) != TK_OK) {
            check("process", i, -1);
        }
        (void)tk_handle_close(process);
    }
    return failures;
}

TK_HANDLER(badge, tag, w0, w1, w2, w3)
{
    struct tk_results out = {0, w0, badge, w2, w3};
    (void)w1;
    switch (tag) {
    case BEGIN: out.w0 = (uint64_t)test_all(); break;
    case ADD: out.w0 = (uint64_t)(total += (int64_t)w0); break;
    case TRAP: __builtin_trap();
    default: out.status = -1; break;
    }
    return out;
}

/* Started as a program: makes the first process with a handler. */
TK_START
{
    int32_t first = child_new(), channel = tk_channel_new(first);
    check("start", tk_process_start(first, 0), TK_OK);
    struct tk_call_results got = tk_call(channel, BEGIN, 0, 0, 0, 0);
    check("began", got.r0, TK_OK);
    failures += (int)got.r1;
    finish();
}
