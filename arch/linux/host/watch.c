/*
 * Sanitizers watch stacks: they are told when the thread goes to another one and comes back. Both
 * calls are made on the kernel's stack: between them and the switch itself runs only assembly.
 *
 * AddressSanitizer also has marks (redzones) on the guest's stack, from C functions that guest
 * code called; when they were cut off by a trap, those are wiped here.
 */
#include <stdlib.h>

#include "arch/linux/host.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCH_ADDRESSES
#endif
#if __has_feature(thread_sanitizer)
#define WATCH_THREADS
#endif
#endif

#ifdef WATCH_ADDRESSES

#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

struct watcher {
    void *guest, *kernel; /* frames that the sanitizer keeps apart from the stacks */
    const void *kernel_low;
    size_t kernel_bytes;
};

[[clang::disable_sanitizer_instrumentation]] void host_stack_enter(void *low, size_t len_bytes,
                                                                   void **watcher)
{
    if (*watcher == NULL) {
        *watcher = calloc(1, sizeof(struct watcher));
    }
    struct watcher *w = *watcher;
    __sanitizer_start_switch_fiber(&w->kernel, low, len_bytes);
    __sanitizer_finish_switch_fiber(w->guest, &w->kernel_low, &w->kernel_bytes);
}

[[clang::disable_sanitizer_instrumentation]] void host_stack_leave(void *low, size_t len_bytes,
                                                                   void **watcher, bool was_cut)
{
    struct watcher *w = *watcher;
    w->guest = NULL;
    __sanitizer_start_switch_fiber(was_cut ? NULL : &w->guest, w->kernel_low, w->kernel_bytes);
    __sanitizer_finish_switch_fiber(w->kernel, NULL, NULL);
    if (was_cut) {
        __asan_unpoison_memory_region(low, len_bytes);
    }
}

static struct watcher *watcher_of(void **watcher)
{
    if (*watcher == NULL) {
        *watcher = calloc(1, sizeof(struct watcher));
    }
    return *watcher;
}

/* Here .guest and .kernel_* are of the flow itself. */
[[clang::disable_sanitizer_instrumentation]] void host_flow_watch(void **from, void **to, void *low,
                                                                  size_t len_bytes, bool from_ends)
{
    struct watcher *old = watcher_of(from), *next = watcher_of(to);
    if (low == NULL) {
        low = (void *)(uintptr_t)next->kernel_low;
        len_bytes = next->kernel_bytes;
    }
    old->guest = NULL;
    __sanitizer_start_switch_fiber(from_ends ? NULL : &old->guest, low, len_bytes);
    __sanitizer_finish_switch_fiber(next->guest, &old->kernel_low, &old->kernel_bytes);
    if (from_ends) {
        __asan_unpoison_memory_region(old->kernel_low, old->kernel_bytes);
    }
}

void host_stack_forget(void **watcher)
{
    free(*watcher);
    *watcher = NULL;
}

#elifdef WATCH_THREADS

#include <sanitizer/tsan_interface.h>

struct watcher {
    void *guest, *kernel;
};

[[clang::disable_sanitizer_instrumentation]] void host_stack_enter(void *low, size_t len_bytes,
                                                                   void **watcher)
{
    (void)low, (void)len_bytes;
    if (*watcher == NULL) {
        *watcher = calloc(1, sizeof(struct watcher));
    }
    struct watcher *w = *watcher;
    if (w->guest == NULL) {
        w->guest = __tsan_create_fiber(0);
    }
    w->kernel = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(w->guest, 0);
}

[[clang::disable_sanitizer_instrumentation]] void host_stack_leave(void *low, size_t len_bytes,
                                                                   void **watcher, bool was_cut)
{
    (void)low, (void)len_bytes;
    struct watcher *w = *watcher;
    __tsan_switch_to_fiber(w->kernel, 0);
    if (was_cut) { /* its call stack is of functions that never returned */
        __tsan_destroy_fiber(w->guest);
        w->guest = NULL;
    }
}

static struct watcher *watcher_of(void **watcher)
{
    if (*watcher == NULL) {
        *watcher = calloc(1, sizeof(struct watcher));
    }
    return *watcher;
}

[[clang::disable_sanitizer_instrumentation]] void host_flow_watch(void **from, void **to, void *low,
                                                                  size_t len_bytes, bool from_ends)
{
    (void)len_bytes;
    struct watcher *old = watcher_of(from), *next = watcher_of(to);
    void *ended = from_ends ? old->guest : NULL;
    old->guest = from_ends ? NULL : __tsan_get_current_fiber();
    if (next->guest == NULL && low != NULL) {
        next->guest = __tsan_create_fiber(0);
    }
    __tsan_switch_to_fiber(next->guest, 0);
    if (ended != NULL) {
        __tsan_destroy_fiber(ended);
    }
}

void host_stack_forget(void **watcher)
{
    struct watcher *w = *watcher;
    if (w != NULL && w->guest != NULL) {
        __tsan_destroy_fiber(w->guest);
    }
    free(w);
    *watcher = NULL;
}

#else

void host_flow_watch(void **from, void **to, void *low, size_t len_bytes, bool from_ends)
{
    (void)from, (void)to, (void)low, (void)len_bytes, (void)from_ends;
}

void host_stack_enter(void *low, size_t len_bytes, void **watcher)
{
    (void)low, (void)len_bytes, (void)watcher;
}

void host_stack_leave(void *low, size_t len_bytes, void **watcher, bool was_cut)
{
    (void)low, (void)len_bytes, (void)watcher, (void)was_cut;
}

void host_stack_forget(void **watcher)
{
    (void)watcher;
}

#endif
