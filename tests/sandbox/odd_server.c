// A small server with an event loop, for the tests: a line is a command, everything else is sent
// back. Some commands do what a sandbox cannot simulate.

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int loop;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static int jobs;
static int done;
static volatile int never;

static void Watch(int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event);
}

static long long Ms(clockid_t id) {
  struct timespec now;
  clock_gettime(id, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void* Work(void* unused) {
  (void)unused;
  pthread_mutex_lock(&lock);
  for (;;) {
    while (jobs == done) pthread_cond_wait(&work, &lock);
    ++done;
  }
  return NULL;
}

static void* Compete(void* unused) {
  pthread_mutex_lock(&lock);
  return unused;
}

static void Dial(const char* address, int port, const char* text) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  inet_pton(AF_INET, address, &to.sin_addr);
  if (connect(fd, (struct sockaddr*)&to, sizeof(to)) != 0) {
    printf("dial: %s\n", strerror(errno));
    fflush(stdout);
    close(fd);
    return;
  }
  if (write(fd, text, strlen(text)) < 0) abort();
  if (write(fd, "\n", 1) < 0) abort();
}

// A child that writes more than a pipe holds.
static long long Fork(long long size) {
  int ends[2];
  if (pipe(ends) != 0) abort();
  const pid_t child = fork();
  if (child == 0) {
    static char bytes[10000];
    close(ends[0]);
    for (long long sent = 0; sent < size; sent += (long long)sizeof(bytes)) {
      if (write(ends[1], bytes, sizeof(bytes)) < 0) _exit(1);
    }
    _exit(7);
  }
  close(ends[1]);
  long long total = 0;
  char bytes[3000];
  for (ssize_t got; (got = read(ends[0], bytes, sizeof(bytes))) > 0;) total += got;
  close(ends[0]);
  int status = 0;
  if (waitpid(child, &status, 0) != child || WEXITSTATUS(status) != 7) return -1;
  return total;
}

static void Run(int fd, const char* line) {
  char out[400];
  char text[200] = "";
  long long number = 0;
  int port = 0;
  pthread_t thread;
  snprintf(out, sizeof(out), "%s\n", line);
  if (strcmp(line, "time") == 0) {
    snprintf(out, sizeof(out), "%lld %lld\n", Ms(CLOCK_REALTIME), Ms(CLOCK_MONOTONIC));
  } else if (strcmp(line, "who") == 0) {
    struct sockaddr_in in;
    socklen_t size = sizeof(in);
    getpeername(fd, (struct sockaddr*)&in, &size);
    snprintf(out, sizeof(out), "%d %s\n", (int)getpid(), inet_ntoa(in.sin_addr));
  } else if (strcmp(line, "random") == 0) {
    uint64_t value;
    getrandom(&value, sizeof(value), 0);
    snprintf(out, sizeof(out), "%016llx\n", (unsigned long long)value);
  } else if (sscanf(line, "fork %lld", &number) == 1) {
    snprintf(out, sizeof(out), "%lld\n", Fork(number));
  } else if (strcmp(line, "job") == 0) {
    if (jobs == 0) pthread_create(&thread, NULL, Work, NULL);
    pthread_mutex_lock(&lock);
    ++jobs;
    pthread_cond_signal(&work);
    pthread_mutex_unlock(&lock);
    snprintf(out, sizeof(out), "%d of %d\n", done, jobs);
  } else if (sscanf(line, "dial %100s %d %100s", text, &port, out) == 3) {
    Dial(text, port, out);
    snprintf(out, sizeof(out), "dialled\n");
  } else if (sscanf(line, "print %100s", text) == 1) {
    printf("%lld %s\n", Ms(CLOCK_MONOTONIC), text);
    fflush(stdout);
    return;
  } else if (sscanf(line, "exit %lld", &number) == 1) {
    exit((int)number);
  } else if (strcmp(line, "crash") == 0) {
    *(volatile int*)8 = 1;
  } else if (strcmp(line, "hang") == 0) {
    while (!never) {
    }
  } else if (strcmp(line, "eventfd") == 0) {
    Watch(eventfd(0, 0));
  } else if (strcmp(line, "file") == 0) {
    Watch(open("/dev/tty", O_RDONLY));
  } else if (strcmp(line, "compete") == 0) {
    pthread_mutex_lock(&lock);
    pthread_create(&thread, NULL, Compete, NULL);
  }
  if (write(fd, out, strlen(out)) < 0) abort();
}

int main(void) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(6379)};
  if (bind(listener, (struct sockaddr*)&at, sizeof(at)) != 0 || listen(listener, 16) != 0) return 3;
  loop = epoll_create1(0);
  Watch(listener);
  for (;;) {
    struct epoll_event events[16];
    const int count = epoll_wait(loop, events, 16, 1000);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        Watch(accept(listener, NULL, NULL));
        continue;
      }
      char bytes[4096];
      const ssize_t size = read(fd, bytes, sizeof(bytes) - 1);
      if (size <= 0) {
        close(fd);
        continue;
      }
      bytes[size] = 0;
      for (char* line = strtok(bytes, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        Run(fd, line);
      }
    }
  }
}
