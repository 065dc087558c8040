// Sockets. A descriptor is a placeholder (of /dev/null), so that the kernel gives its number to
// nothing else; what it stands for is in shared memory. Node n (from 0) has the address
// 10.0.0.(n+1), the host 10.0.0.254. There is no IPv6, and there are no unix sockets.

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sandbox/preload/preload.h"

enum { kHostAddress = 254 };
static const uint32_t kNetwork = 10u << 24;

Fd fds[kMaxFds];

int Placeholder(void) {
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
  if (fd >= kMaxFds) {
    syscall(SYS_close, fd);
    errno = EMFILE;
    return -1;
  }
  return fd;
}

Fd* RegisterFd(int fd, enum FdKind kind) {
  Fd* const of = &fds[fd];
  memset(of, 0, sizeof(*of));
  of->kind = (uint8_t)kind;
  return of;
}

static Fd* SocketOf(int fd) {
  Fd* const of = FdOf(fd);
  return of == NULL || IsPipe(of) || IsFile(of) || of->kind == kFdEpoll ? NULL : of;
}

static uint32_t OwnAddress(void) { return kNetwork | (self_number + 1); }
static uint32_t AddressOf(uint32_t node) {
  return kNetwork | (node == kSandboxHost ? (uint32_t)kHostAddress : node + 1);
}
static int IsLoopback(uint32_t address) { return address >> 24 == 127; }

HOOK int socket(int domain, int type, int protocol) {
  if (!Active()) return (int)syscall(SYS_socket, domain, type, protocol);
  if (domain != AF_INET || (type & 0xf) != SOCK_STREAM) {
    errno = EAFNOSUPPORT;
    return -1;
  }
  const int fd = Placeholder();
  if (fd >= 0) RegisterFd(fd, kFdSocket)->nonblocking = (type & SOCK_NONBLOCK) != 0;
  return fd;
}

static int Fail(int error) {
  errno = error;
  return -1;
}

HOOK int bind(int fd, const struct sockaddr* address, socklen_t size) {
  Fd* const of = SocketOf(fd);
  if (of == NULL) return (int)syscall(SYS_bind, fd, address, size);
  struct sockaddr_in in;
  if (size < sizeof(in)) return Fail(EINVAL);
  memcpy(&in, address, sizeof(in));
  const uint32_t wanted = ntohl(in.sin_addr.s_addr);
  if (wanted != 0 && wanted != OwnAddress() && !IsLoopback(wanted)) return Fail(EADDRNOTAVAIL);
  of->port = ntohs(in.sin_port);
  of->local = wanted;
  if (of->port != 0 && SandboxListenerAt(memory, self_number, of->port) != NULL) {
    return Fail(EADDRINUSE);
  }
  return 0;
}

HOOK int listen(int fd, int backlog) {
  Fd* const of = SocketOf(fd);
  if (of == NULL) return (int)syscall(SYS_listen, fd, backlog);
  if (of->kind == kFdListener) return 0;
  if (of->port == 0) of->port = self->next_port++;
  if (SandboxListenerAt(memory, self_number, of->port) != NULL) return Fail(EADDRINUSE);
  for (int i = 0; i < kSandboxMaxListeners; ++i) {
    SandboxListener* const listener = &self->listeners[i];
    if (listener->backlog > 0) continue;
    memset(listener, 0, sizeof(*listener));
    listener->port = of->port;
    listener->backlog =
        (uint16_t)(backlog > 0 && backlog < kSandboxBacklog ? backlog : kSandboxBacklog);
    of->kind = kFdListener;
    return 0;
  }
  Refuse("more than %d listening sockets", kSandboxMaxListeners);
}

uint32_t Ready(const Fd* of) {
  switch (of->kind) {
    case kFdListener: {
      const SandboxListener* const listener = SandboxListenerAt(memory, self_number, of->port);
      return listener != NULL && listener->count > 0 ? kSandboxCanRead : 0;
    }
    case kFdLink: {
      const uint32_t ready = SandboxReadiness(memory, of->link, of->side);
      return of->read_shut ? ready | kSandboxCanRead : ready;
    }
    case kFdSocket:
      return kSandboxCanWrite | kSandboxHup;
    default:
      return 0;
  }
}

static void PutAddress(uint32_t ip, uint16_t port, struct sockaddr* out, socklen_t* size) {
  if (out == NULL || size == NULL) return;
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
  in.sin_addr.s_addr = htonl(ip);
  memcpy(out, &in, *size < sizeof(in) ? *size : sizeof(in));
  *size = sizeof(in);
}

HOOK int accept4(int fd, struct sockaddr* address, socklen_t* size, int flags) {
  Fd* const of = SocketOf(fd);
  if (of == NULL) return (int)syscall(SYS_accept4, fd, address, size, flags);
  if (of->kind != kFdListener) return Fail(EINVAL);
  SandboxListener* const listener = SandboxListenerAt(memory, self_number, of->port);
  if (listener == NULL) return Fail(EINVAL);
  while (listener->count == 0) {
    if (of->nonblocking) return Fail(EAGAIN);
    Idle(SANDBOX_NEVER);
  }
  const int taken = Placeholder();
  if (taken < 0) return -1;
  const int link = SandboxAccept(memory, listener);
  Fd* const end = RegisterFd(taken, kFdLink);
  end->link = (uint16_t)link;
  end->side = 1;
  end->nonblocking = (flags & SOCK_NONBLOCK) != 0;
  const SandboxLink* const taken_link = &memory->link[link];
  PutAddress(AddressOf(taken_link->node[0]), taken_link->port[0], address, size);
  return taken;
}
HOOK int accept(int fd, struct sockaddr* address, socklen_t* size) {
  return accept4(fd, address, size, 0);
}

static int ErrorOf(const Fd* of) {
  if (of->kind != kFdLink) return 0;
  const SandboxLink* const link = &memory->link[of->link];
  if (link->state == kSandboxLinkRefused) return ECONNREFUSED;
  return link->to[of->side].reset ? ECONNRESET : 0;
}

HOOK int connect(int fd, const struct sockaddr* address, socklen_t size) {
  Fd* const of = SocketOf(fd);
  if (of == NULL) return (int)syscall(SYS_connect, fd, address, size);
  if (of->kind == kFdListener) return Fail(EINVAL);
  if (in_child) Refuse("a forked child that dials");
  if (of->kind == kFdSocket) {
    struct sockaddr_in in;
    if (size < sizeof(in)) return Fail(EINVAL);
    memcpy(&in, address, sizeof(in));
    if (in.sin_family != AF_INET) return Fail(EAFNOSUPPORT);
    const uint32_t ip = ntohl(in.sin_addr.s_addr);
    uint32_t node = ip - kNetwork - 1;
    if (IsLoopback(ip) || ip == 0) node = self_number;
    if (node >= memory->nodes) return Fail(ENETUNREACH);
    const int link = SandboxDial(memory, self_number, node, ntohs(in.sin_port), TrueNow());
    if (link < 0) Refuse("more than %d connections", kSandboxMaxLinks);
    of->kind = kFdLink;
    of->link = (uint16_t)link;
    of->side = 0;
  } else if (of->side == 1 || memory->link[of->link].state == kSandboxLinkOpen) {
    return Fail(EISCONN);
  }
  while (memory->link[of->link].state == kSandboxLinkDialling) {
    if (of->nonblocking) return Fail(EINPROGRESS);
    Idle(SANDBOX_NEVER);
  }
  const int error = ErrorOf(of);
  return error == 0 ? 0 : Fail(error);
}

static ssize_t ReadLink(Fd* of, void* bytes, size_t size, int flags) {
  if (of->kind != kFdLink) return Fail(ENOTCONN);
  if (of->read_shut || size == 0) return 0;
  for (;;) {
    const int64_t taken =
        SandboxRead(memory, of->link, of->side, bytes, size, (flags & MSG_PEEK) != 0);
    if (taken != -EAGAIN || of->nonblocking || (flags & MSG_DONTWAIT)) return Result(taken);
    Idle(SANDBOX_NEVER);
  }
}

static ssize_t WriteLink(Fd* of, const void* bytes, size_t size, int flags) {
  if (of->kind != kFdLink) return Fail(ENOTCONN);
  size_t done = 0;
  if (of->side == 0 && memory->link[of->link].state == kSandboxLinkDialling) return Fail(EAGAIN);
  while (done < size) {
    const int64_t sent =
        SandboxWrite(memory, of->link, of->side, (const char*)bytes + done, size - done);
    if (sent < 0) return done > 0 ? (ssize_t)done : Result(sent);
    done += (size_t)sent;
    if (done == size) break;
    if (of->nonblocking || (flags & MSG_DONTWAIT)) {
      if (done == 0) return Fail(EAGAIN);
      break;
    }
    Idle(SANDBOX_NEVER);
  }
  return (ssize_t)done;
}

// Pipes are the kernel's. Whoever would block gives the others a turn first.
static ssize_t ReadPipe(int fd, const Fd* of, void* bytes, size_t size) {
  while (!of->nonblocking && !(PipeReadiness(fd) & (kSandboxCanRead | kSandboxHup))) {
    if (in_child) {
      ParkChild();
    } else if (!RunChildren()) {
      Refuse("a read from a pipe that nothing writes to");
    }
  }
  PipesChanged();
  return syscall(SYS_read, fd, bytes, size);
}
static ssize_t WritePipe(int fd, const Fd* of, const void* bytes, size_t size) {
  enum { kAtomic = 4096 };  // a pipe that can be written to takes as many bytes at once
  size_t done = 0;
  PipesChanged();
  if (of->nonblocking) return syscall(SYS_write, fd, bytes, size);
  while (done < size) {
    while (!(PipeReadiness(fd) & (kSandboxCanWrite | kSandboxHup | kSandboxError))) {
      if (in_child) {
        ParkChild();
      } else if (!RunChildren()) {
        Refuse("a write to a pipe that nothing reads");
      }
    }
    const size_t part = size - done < kAtomic ? size - done : kAtomic;
    const long written = syscall(SYS_write, fd, (const char*)bytes + done, part);
    if (written < 0) return done > 0 ? (ssize_t)done : -1;
    done += (size_t)written;
  }
  return (ssize_t)done;
}

HOOK ssize_t read(int fd, void* bytes, size_t size) {
  Fd* const of = FdOf(fd);
  if (of == NULL) return syscall(SYS_read, fd, bytes, size);
  if (IsFile(of)) return ReadFile(of, bytes, size);
  return IsPipe(of) ? ReadPipe(fd, of, bytes, size) : ReadLink(of, bytes, size, 0);
}
HOOK ssize_t recv(int fd, void* bytes, size_t size, int flags) {
  Fd* const of = SocketOf(fd);
  if (of == NULL) return syscall(SYS_recvfrom, fd, bytes, size, flags, NULL, NULL);
  return ReadLink(of, bytes, size, flags);
}
HOOK ssize_t recvfrom(int fd, void* restrict bytes, size_t size, int flags,
                      struct sockaddr* restrict address, socklen_t* restrict length) {
  if (SocketOf(fd) != NULL) return recv(fd, bytes, size, flags);
  return syscall(SYS_recvfrom, fd, bytes, size, flags, address, length);
}
HOOK ssize_t readv(int fd, const struct iovec* parts, int count) {
  if (FdOf(fd) == NULL) return syscall(SYS_readv, fd, parts, count);
  return count == 0 ? 0 : read(fd, parts[0].iov_base, parts[0].iov_len);
}
HOOK ssize_t write(int fd, const void* bytes, size_t size) {
  Fd* const of = FdOf(fd);
  if (of == NULL) return syscall(SYS_write, fd, bytes, size);
  if (IsFile(of)) return WriteFile(of, bytes, size);
  return IsPipe(of) ? WritePipe(fd, of, bytes, size) : WriteLink(of, bytes, size, 0);
}
HOOK ssize_t send(int fd, const void* bytes, size_t size, int flags) {
  Fd* const of = SocketOf(fd);
  if (of == NULL) return syscall(SYS_sendto, fd, bytes, size, flags, NULL, 0);
  return WriteLink(of, bytes, size, flags);
}
HOOK ssize_t sendto(int fd, const void* bytes, size_t size, int flags,
                    const struct sockaddr* address, socklen_t length) {
  if (SocketOf(fd) != NULL) return send(fd, bytes, size, flags);
  return syscall(SYS_sendto, fd, bytes, size, flags, address, length);
}
static ssize_t SendParts(int fd, const struct iovec* parts, size_t count, int flags) {
  Fd* const of = &fds[fd];
  size_t done = 0;
  for (size_t i = 0; i < count; ++i) {
    if (parts[i].iov_len == 0) continue;
    const ssize_t sent = IsFile(of) ? WriteFile(of, parts[i].iov_base, parts[i].iov_len)
                                    : WriteLink(of, parts[i].iov_base, parts[i].iov_len, flags);
    if (sent < 0) return done > 0 ? (ssize_t)done : sent;
    done += (size_t)sent;
    if ((size_t)sent < parts[i].iov_len) break;
  }
  return (ssize_t)done;
}
HOOK ssize_t writev(int fd, const struct iovec* parts, int count) {
  if (SocketOf(fd) == NULL && FileOf(fd) == NULL) return syscall(SYS_writev, fd, parts, count);
  return SendParts(fd, parts, (size_t)count, 0);
}
HOOK ssize_t sendmsg(int fd, const struct msghdr* message, int flags) {
  if (SocketOf(fd) == NULL) return syscall(SYS_sendmsg, fd, message, flags);
  return SendParts(fd, message->msg_iov, message->msg_iovlen, flags);
}
HOOK ssize_t recvmsg(int fd, struct msghdr* message, int flags) {
  if (SocketOf(fd) == NULL) return syscall(SYS_recvmsg, fd, message, flags);
  message->msg_namelen = 0;
  message->msg_controllen = 0;
  message->msg_flags = 0;
  if (message->msg_iovlen == 0) return 0;
  return recv(fd, message->msg_iov[0].iov_base, message->msg_iov[0].iov_len, flags);
}
HOOK ssize_t sendfile(int out, int in, off_t* offset, size_t size) {
  if (FdOf(out) != NULL || FdOf(in) != NULL) Refuse("sendfile");
  return syscall(SYS_sendfile, out, in, offset, size);
}
HOOK ssize_t sendfile64(int out, int in, off64_t* offset, size_t size) {
  return sendfile(out, in, offset, size);
}

HOOK int shutdown(int fd, int how) {
  Fd* const of = SocketOf(fd);
  if (of == NULL) return (int)syscall(SYS_shutdown, fd, how);
  if (of->kind != kFdLink) return Fail(ENOTCONN);
  if (how != SHUT_WR) of->read_shut = 1;
  if (how != SHUT_RD) SandboxShut(memory, of->link, of->side);
  return 0;
}

static void CloseListener(const Fd* of) {
  SandboxListener* const listener = SandboxListenerAt(memory, self_number, of->port);
  if (listener == NULL) return;
  for (int link; (link = SandboxAccept(memory, listener)) >= 0;) {
    SandboxClose(memory, (uint32_t)link, 1, kSandboxReset);
  }
  memset(listener, 0, sizeof(*listener));
}

HOOK int close(int fd) {
  Fd* const of = FdOf(fd);
  if (of != NULL) {
    ForgetInEpoll(fd);
    if (of->kind == kFdLink && !in_child) SandboxClose(memory, of->link, of->side, kSandboxFin);
    if (of->kind == kFdListener && !in_child) CloseListener(of);
    if (IsPipe(of)) PipesChanged();
    const int result = IsFile(of) ? CloseFile(of) : 0;
    of->kind = kFdKernel;
    syscall(SYS_close, fd);
    return result;
  }
  return (int)syscall(SYS_close, fd);
}

static void RefuseCopy(int fd) {
  if (FdOf(fd) != NULL) Refuse("a second descriptor for a socket, a pipe or a file");
}
HOOK int dup(int fd) {
  RefuseCopy(fd);
  return (int)syscall(SYS_dup, fd);
}
HOOK int dup2(int from, int to) {
  RefuseCopy(from);
  if (from != to && FdOf(to) != NULL) close(to);
  return (int)syscall(SYS_dup2, from, to);
}
HOOK int dup3(int from, int to, int flags) {
  RefuseCopy(from);
  if (FdOf(to) != NULL) close(to);
  return (int)syscall(SYS_dup3, from, to, flags);
}

HOOK int setsockopt(int fd, int level, int option, const void* value, socklen_t size) {
  if (SocketOf(fd) != NULL) return 0;
  return (int)syscall(SYS_setsockopt, fd, level, option, value, size);
}
HOOK int getsockopt(int fd, int level, int option, void* restrict value, socklen_t* restrict size) {
  Fd* const of = SocketOf(fd);
  if (of == NULL) return (int)syscall(SYS_getsockopt, fd, level, option, value, size);
  if (*size < sizeof(int)) return Fail(EINVAL);
  int result = 0;
  if (level == SOL_SOCKET) {
    switch (option) {
      case SO_ERROR:
        result = ErrorOf(of);
        break;
      case SO_SNDBUF:
      case SO_RCVBUF:
        result = (int)memory->ring_bytes;
        break;
      case SO_TYPE:
        result = SOCK_STREAM;
        break;
      case SO_ACCEPTCONN:
        result = of->kind == kFdListener;
        break;
      default:
        break;
    }
  }
  memcpy(value, &result, sizeof(result));
  *size = sizeof(result);
  return 0;
}

HOOK int getsockname(int fd, struct sockaddr* restrict address, socklen_t* restrict size) {
  Fd* const of = SocketOf(fd);
  if (of == NULL) return (int)syscall(SYS_getsockname, fd, address, size);
  if (of->kind == kFdLink) {
    PutAddress(OwnAddress(), memory->link[of->link].port[of->side], address, size);
  } else {
    PutAddress(of->local, of->port, address, size);
  }
  return 0;
}
HOOK int getpeername(int fd, struct sockaddr* restrict address, socklen_t* restrict size) {
  Fd* const of = SocketOf(fd);
  if (of == NULL) return (int)syscall(SYS_getpeername, fd, address, size);
  if (of->kind != kFdLink) return Fail(ENOTCONN);
  const SandboxLink* const link = &memory->link[of->link];
  if (of->side == 0 && link->state != kSandboxLinkOpen) return Fail(ENOTCONN);
  PutAddress(AddressOf(link->node[1 - of->side]), link->port[1 - of->side], address, size);
  return 0;
}

static int Control(int fd, int command, unsigned long argument) {
  Fd* const of = FdOf(fd);
  if (of != NULL) {
    if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) RefuseCopy(fd);
    if (command == F_SETFL) of->nonblocking = (argument & O_NONBLOCK) != 0;
    if (!IsPipe(of)) {
      if (command == F_SETFL) return 0;
      if (command == F_GETFL) return O_RDWR | (of->nonblocking ? O_NONBLOCK : 0);
      if (command == F_SETLK || command == F_SETLKW) return 0;  // nothing else has its files
    }
  }
  return (int)syscall(SYS_fcntl, fd, command, argument);
}
HOOK int fcntl(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  const unsigned long argument = va_arg(arguments, unsigned long);
  va_end(arguments);
  return Control(fd, command, argument);
}
HOOK int fcntl64(int fd, int command, ...) __attribute__((alias("fcntl")));
HOOK int ioctl(int fd, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  Fd* const of = SocketOf(fd);
  if (of == NULL) return (int)syscall(SYS_ioctl, fd, request, argument);
  if (request == FIONBIO) {
    of->nonblocking = *(int*)argument != 0;
    return 0;
  }
  if (request == FIONREAD && of->kind == kFdLink) {
    const SandboxStream* const in = &memory->link[of->link].to[of->side];
    *(int*)argument = (int)(in->delivered - in->read);
    return 0;
  }
  Refuse("ioctl %#lx of a socket", request);
}
