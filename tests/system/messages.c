/*
 * Messages to a program that receives by itself: calls, sends, order, deadlines, answers given
 * later, ends.
 */
#include "check.h"

enum { ECHO = 1, LATER, ANSWER, COUNT, SLEEP, DIE, NESTED, TIMES };

/* Answers as the tags say. */
static void server(void)
{
    int32_t kept = 0;
    int64_t count = 0, order = 0;
    for (;;) {
        struct tk_receive_results got = tk_receive(TK_NEVER);
        switch (got.r2) {
        case ECHO: tk_reply(0, 0, got.r3, got.r4, got.r5, got.r1); break;
        case LATER: kept = tk_reply_later(); break;
        case ANSWER: tk_reply(0, tk_reply(kept, 7, 8, 9, 10, 11), 0, 0, 0, 0); break;
        case TIMES: /* a send */
            order = order * 10 + got.r3;
            count++;
            break;
        case COUNT: tk_reply(0, 0, count, order, 0, 0); break;
        case SLEEP:
            tk_sleep_until(tk_time_precise() + got.r3);
            tk_reply(0, 0, 0, 0, 0, 0);
            break;
        case DIE: __builtin_trap();
        default: tk_reply(0, -1000, 0, 0, 0, 0); break;
        }
    }
}

static int32_t started(int64_t argument, int32_t *process)
{
    *process = child_new();
    int32_t channel = tk_channel_new(*process);
    check("start", tk_process_start(*process, argument), TK_OK);
    return channel;
}

static void test_calls(int32_t channel)
{
    for (int64_t i = 0; i < 3; i++) {
        struct tk_call_results got = tk_call(channel, ECHO, i, i * i, -i, 0);
        check("echo", got.r0, TK_OK);
        check("echo, first word", got.r1, i);
        check("echo, second word", got.r2, i * i);
        check("echo, third word", got.r3, -i);
        check("echo, badge", got.r4, 0);
    }
    check("a status of the server's own", tk_call(channel, 999, 0, 0, 0, 0).r0, -1000);
}

static void test_sends(int32_t channel)
{
    for (int64_t i = 1; i <= 9; i++) {
        check("send", tk_channel_send(channel, TIMES, i, 0, 0, 0), TK_OK);
    }
    struct tk_call_results got = tk_call(channel, COUNT, 0, 0, 0, 0);
    check("all came", got.r1, 9);
    check("in order", got.r2, 123456789);
    int64_t n = 0;
    int32_t status;
    while ((status = tk_channel_send(channel, TIMES, 0, 0, 0, 0)) == TK_OK) {
        n++;
    }
    check("a flood is told so", status, TK_ERR_FULL);
    check("after so many", n >= 64 && n < 70, 1);
    int32_t other = tk_channel_badge(channel, RIGHT_CHANNEL_SEND | RIGHT_CHANNEL_CALL, 5);
    check("another sender isn't", tk_channel_send(other, TIMES, 0, 0, 0, 0), TK_OK);
    got = tk_call(channel, COUNT, 0, 0, 0, 0);
    check("all of it came", got.r1, 9 + n + 1);
}

/* A process that calls with LATER and waits; then the first has it answered. */
static void waiter(void)
{
    int32_t channel = 3;
    struct tk_call_results got = tk_call(channel, LATER, 0, 0, 0, 0);
    tk_process_exit((int32_t)(got.r0 * 1000 + got.r1 * 100 + got.r2 * 10 + got.r3));
}

static void test_later(int32_t channel)
{
    const int32_t handles[] = {SYSTEM, MODULE, channel};
    int32_t process = tk_process_new(MODULE, (int32_t)(intptr_t)handles, 3);
    check("start", tk_process_start(process, 2), TK_OK);
    tk_yield();
    check("answered later", tk_call(channel, ANSWER, 0, 0, 0, 0).r0, TK_OK);
    check("what it got", (int32_t)tk_process_wait(process, TK_NEVER),
          7 * 1000 + 8 * 100 + 9 * 10 + 10);
    check("answered twice", tk_call(channel, ANSWER, 0, 0, 0, 0).r0, TK_ERR_BAD_HANDLE);
}

static void test_deadlines(int32_t channel)
{
    int64_t start = tk_time_precise();
    check("sleep", tk_call(channel, SLEEP, 3000000, 0, 0, 0).r0, TK_OK);
    check("long enough", tk_time_precise() - start >= 3000000, 1);
    check("nothing comes", tk_receive(tk_time_precise() + 2000000).r0, TK_ERR_TIMED_OUT);
}

static void test_ends(int32_t channel, int32_t process)
{
    check("a call of itself", tk_call(tk_channel_new(0), 0, 0, 0, 0, 0).r0, TK_ERR_WOULD_DEADLOCK);
    check("the server traps", tk_call(channel, DIE, 0, 0, 0, 0).r0, TK_ERR_PEER_DIED);
    check("it is dead", tk_call(channel, ECHO, 0, 0, 0, 0).r0, TK_ERR_PEER_DIED);
    check("how it ended", tk_process_wait(process, TK_NEVER) >> 32, 1); /* unreachable */
    check("its record is gone", tk_process_wait(process, TK_NEVER), TK_ERR_REVOKED);
    check("receive, nobody serves", tk_reply(0, 0, 0, 0, 0, 0), TK_ERR_NOT_FOUND);
    check("nobody to answer later", tk_reply_later(), TK_ERR_NOT_FOUND);
}

TK_START
{
    switch (tk_process_argument()) {
    case 1: server(); break;
    case 2: waiter(); break;
    default: break;
    }
    int32_t process, channel = started(1, &process);
    test_calls(channel);
    test_sends(channel);
    test_later(channel);
    test_deadlines(channel);
    test_ends(channel, process);
    finish();
}
