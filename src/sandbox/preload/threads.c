// Threads besides the main one (Redis's run background jobs) run only while the main thread waits
// for them, one at a time, so that nothing is parallel: a thread that is signalled runs as soon as
// the main thread holds no lock, until it waits again. Condition variables are ours, so that a
// forked copy of the process can start its threads anew.

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/preload/preload.h"

enum { kMaxThreads = 32 };

enum ThreadState {
  kThreadNone,
  kThreadRunning,
  kThreadWaiting,
  kThreadSignalled,
  kThreadSleeping,
  kThreadEnded,
};

typedef struct Thread {
  uint8_t state;
  uint8_t lost;      // this process is a copy, in which the thread does not exist yet
  uint32_t word;     // futex: 1: it may run
  uint64_t since;    // orders those that wait
  int64_t until_ns;  // true time at which one that sleeps goes on
  pthread_cond_t* condition;
  void* (*start)(void*);
  void* argument;
  pthread_t id;
} Thread;

static Thread threads[kMaxThreads];
static uint32_t main_word;  // futex: 1: the thread that ran waits or has ended
static uint64_t waits;
static int main_locks;  // held by the main thread
static int any_signalled;
static int sleeping;
static pthread_cond_t* main_waits;  // for what the main thread waits
static __thread int number __attribute__((tls_model("initial-exec")));  // 0: the main thread

int IsMainThread(void) { return number == 0; }

static void Await(uint32_t* word) {
  while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == 0) FutexWait(word, 0);
  *word = 0;
}

static void Post(uint32_t* word) {
  __atomic_store_n(word, 1, __ATOMIC_RELEASE);
  FutexWake(word);
}

typedef int Create(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);

static void* Start(void* argument) {
  Thread* const thread = argument;
  number = (int)(thread - threads);
  Await(&thread->word);
  void* const result = thread->start(thread->argument);
  thread->state = kThreadEnded;
  Post(&main_word);
  return result;
}

static int StartThread(Thread* thread, const pthread_attr_t* attributes) {
  static Create* next;
  if (next == NULL) next = (Create*)Next("pthread_create");
  thread->word = 0;
  thread->lost = 0;
  return next(&thread->id, attributes, Start, thread);
}

static void RunThread(Thread* thread) {
  // In a copy it starts at its beginning, finds its work, and waits where it has waited before.
  if (thread->lost && StartThread(thread, NULL) != 0) Refuse("no thread for a copy");
  thread->state = kThreadRunning;
  Post(&thread->word);
  Await(&main_word);
}

int64_t NextAwakening(void) {
  int64_t first = SANDBOX_NEVER;
  for (int i = 1; sleeping > 0 && i < kMaxThreads; ++i) {
    if (threads[i].state == kThreadSleeping && threads[i].until_ns < first) {
      first = threads[i].until_ns;
    }
  }
  return first;
}

void SleepThread(int64_t until_ns) {
  Thread* const thread = &threads[number];
  thread->until_ns = until_ns;
  thread->state = kThreadSleeping;
  ++sleeping;
  Post(&main_word);
  Await(&thread->word);
  --sleeping;
}

static void WakeSleepers(void) {
  for (int i = 1; sleeping > 0 && i < kMaxThreads; ++i) {
    if (threads[i].state == kThreadSleeping && threads[i].until_ns <= TrueNow()) {
      RunThread(&threads[i]);
    }
  }
}

void QuiesceThreads(void) {
  WakeSleepers();
  while (any_signalled) {
    any_signalled = 0;
    for (int i = 1; i < kMaxThreads; ++i) {
      if (threads[i].state == kThreadSignalled) RunThread(&threads[i]);
    }
  }
}

void ForgetThreads(void) {
  for (int i = 1; i < kMaxThreads; ++i) threads[i].state = kThreadNone;
  any_signalled = sleeping = 0;
}

void LoseThreads(void) {
  if (sleeping > 0) Refuse("a copy while a thread makes an fsync");
  for (int i = 1; i < kMaxThreads; ++i) threads[i].lost = threads[i].state == kThreadWaiting;
}

HOOK int pthread_create(pthread_t* restrict id, const pthread_attr_t* restrict attributes,
                        void* (*start)(void*), void* restrict argument) {
  if (!Active()) {
    static Create* next;
    if (next == NULL) next = (Create*)Next("pthread_create");
    return next(id, attributes, start, argument);
  }
  if (!IsMainThread()) Refuse("a thread that starts threads");
  int i = 1;
  while (i < kMaxThreads && threads[i].state != kThreadNone) ++i;
  if (i == kMaxThreads) Refuse("more than %d threads", kMaxThreads - 1);
  Thread* const thread = &threads[i];
  thread->start = start;
  thread->argument = argument;
  const int result = StartThread(thread, attributes);
  if (result != 0) return result;
  *id = thread->id;
  ++self->helpers;
  RunThread(thread);
  return 0;
}

// Of jemalloc, which would start a thread without us.
HOOK int mallctl(const char* name, void* old_value, size_t* old_size, void* new_value,
                 size_t new_size) {
  static int (*next)(const char*, void*, size_t*, void*, size_t);
  if (Active() && new_value != NULL && strcmp(name, "background_thread") == 0) return 0;
  if (next == NULL) next = (int (*)(const char*, void*, size_t*, void*, size_t))Next("mallctl");
  return next(name, old_value, old_size, new_value, new_size);
}

HOOK int pthread_cancel(pthread_t id) {
  static int (*next)(pthread_t);
  if (next == NULL) next = (int (*)(pthread_t))Next("pthread_cancel");
  for (int i = 1; i < kMaxThreads; ++i) {
    if (threads[i].state != kThreadNone && pthread_equal(threads[i].id, id)) {
      threads[i].state = kThreadEnded;
      if (threads[i].lost) return ESRCH;
    }
  }
  return next(id);
}

typedef int Lock(pthread_mutex_t*);

HOOK int pthread_mutex_trylock(pthread_mutex_t* mutex) {
  static Lock* next;
  if (next == NULL) next = (Lock*)Next("pthread_mutex_trylock");
  const int result = next(mutex);
  if (memory != NULL && number == 0 && result == 0) ++main_locks;
  return result;
}

HOOK int pthread_mutex_lock(pthread_mutex_t* mutex) {
  static Lock* next;
  static Lock* try_lock;
  if (UNLIKELY(next == NULL)) {
    try_lock = (Lock*)Next("pthread_mutex_trylock");
    next = (Lock*)Next("pthread_mutex_lock");
  }
  if (memory != NULL && number != 0) {
    const int result = try_lock(mutex);
    if (result != EBUSY) return result;
    Refuse("a thread that runs beside the main one (more than one I/O thread?)");
  }
  const int result = next(mutex);
  if (memory != NULL && result == 0) ++main_locks;
  return result;
}

HOOK int pthread_mutex_unlock(pthread_mutex_t* mutex) {
  static Lock* next;
  if (UNLIKELY(next == NULL)) next = (Lock*)Next("pthread_mutex_unlock");
  const int result = next(mutex);
  if (memory != NULL && number == 0) {
    if (main_locks > 0) --main_locks;
    if (UNLIKELY(any_signalled) && main_locks == 0) QuiesceThreads();
  }
  return result;
}

HOOK int pthread_cond_wait(pthread_cond_t* restrict condition, pthread_mutex_t* restrict mutex) {
  static int (*next)(pthread_cond_t*, pthread_mutex_t*);
  if (!Active()) {
    if (next == NULL) {
      next = (int (*)(pthread_cond_t*, pthread_mutex_t*))Next("pthread_cond_wait");
    }
    return next(condition, mutex);
  }
  if (number == 0) {
    main_waits = condition;
    pthread_mutex_unlock(mutex);
    QuiesceThreads();
    while (main_waits != NULL && sleeping > 0) {
      Spend(NextAwakening() - TrueNow());
      QuiesceThreads();
    }
    if (main_waits != NULL) Refuse("the main thread waits for a thread that waits");
    return pthread_mutex_lock(mutex);
  }
  Thread* const thread = &threads[number];
  thread->condition = condition;
  thread->since = ++waits;
  thread->state = kThreadWaiting;
  pthread_mutex_unlock(mutex);
  Post(&main_word);
  Await(&thread->word);
  return pthread_mutex_lock(mutex);
}

HOOK int pthread_cond_timedwait(pthread_cond_t* restrict condition, pthread_mutex_t* restrict mutex,
                                const struct timespec* restrict time) {
  if (Active()) Refuse("a thread that waits with a time-out");
  static int (*next)(pthread_cond_t*, pthread_mutex_t*, const struct timespec*);
  if (next == NULL) {
    next = (int (*)(pthread_cond_t*, pthread_mutex_t*, const struct timespec*))Next(
        "pthread_cond_timedwait");
  }
  return next(condition, mutex, time);
}

// Signals the one that has waited longest. False if none waits.
static int Signal(const pthread_cond_t* condition) {
  if (main_waits == condition) {
    main_waits = NULL;
    return 1;
  }
  Thread* longest = NULL;
  for (int i = 1; i < kMaxThreads; ++i) {
    Thread* const thread = &threads[i];
    if (thread->state != kThreadWaiting || thread->condition != condition) continue;
    if (longest == NULL || thread->since < longest->since) longest = thread;
  }
  if (longest == NULL) return 0;
  longest->state = kThreadSignalled;
  any_signalled = 1;
  return 1;
}

HOOK int pthread_cond_signal(pthread_cond_t* condition) {
  if (Active()) {
    Signal(condition);
    return 0;
  }
  static int (*next)(pthread_cond_t*);
  if (next == NULL) next = (int (*)(pthread_cond_t*))Next("pthread_cond_signal");
  return next(condition);
}

HOOK int pthread_cond_broadcast(pthread_cond_t* condition) {
  if (Active()) {
    while (Signal(condition)) {
    }
    return 0;
  }
  static int (*next)(pthread_cond_t*);
  if (next == NULL) next = (int (*)(pthread_cond_t*))Next("pthread_cond_broadcast");
  return next(condition);
}
