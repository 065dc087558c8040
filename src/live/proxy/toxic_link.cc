#include "live/proxy/toxic_link.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "live/net/socket.h"

namespace resprobe::live {
namespace {

constexpr size_t kMostHeld = 1 << 20;
constexpr size_t kReadBytes = 64 << 10;
// A stream that has bytes to forward does not announce when a toxic will end it; while the receiver
// accepts nothing, the stream is polled at this interval.
constexpr int64_t kLookAgainUs = 10'000;

bool IsTransient(int code) { return code == EAGAIN || code == EWOULDBLOCK || code == EINTR; }

}  // namespace

size_t WaitingBytes(int fd) {
  int waiting = 0;
  return ioctl(fd, FIONREAD, &waiting) == 0 && waiting > 0 ? static_cast<size_t>(waiting) : 0;
}

void CloseWith(UniqueFd* fd, bool reset) {
  if (!fd->valid()) return;
  if (reset) {
    const linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd->get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  } else {
    // close() on a socket with unread bytes resets the connection. The peer should see the end of
    // the stream first; bytes that arrive later get a reset.
    shutdown(fd->get(), SHUT_WR);
    char bytes[4096];
    for (int i = 0; i < 1024 && recv(fd->get(), bytes, sizeof(bytes), MSG_DONTWAIT) > 0; ++i) {
    }
  }
  fd->Reset();
}

SocketBackend::SocketBackend(UniqueFd fd) : fd_(std::move(fd)) {}

size_t SocketBackend::waiting() const { return WaitingBytes(fd_.get()); }

ssize_t SocketBackend::Read(char* bytes, size_t size) {
  return recv(fd_.get(), bytes, size, MSG_DONTWAIT);
}

ssize_t SocketBackend::Write(std::string_view bytes) {
  return send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void SocketBackend::EndWrites() { shutdown(fd_.get(), SHUT_WR); }

void SocketBackend::Close(bool reset) { CloseWith(&fd_, reset); }

ToxicLink::ToxicLink(UniqueFd client, std::unique_ptr<Backend> backend, const Setting& setting)
    : setting_(setting), client_(std::move(client)), backend_(std::move(backend)) {
  up_.stream.Reset(setting.seed, ToxicDirection::kUpstream, &counts_);
  down_.stream.Reset(~setting.seed, ToxicDirection::kDownstream, &counts_);
  if (setting_.listener != nullptr) setting_.listener->OnOpen(setting_.id);
}

void ToxicLink::SetToxics(std::span<const Toxic> toxics, int64_t now_us) {
  for (Flow* flow : {&up_, &down_}) {
    flow->stream.SetToxics(toxics, now_us);
    flow->paused = false;
    flow->wake_us = now_us;
  }
  editor_.SetToxics(toxics);
}

bool ToxicLink::MayRead(const Flow& flow) const {
  return !flow.ended && !flow.paused && flow.stream.held() < kMostHeld;
}

void ToxicLink::WantedEvents(pollfd* client, pollfd* backend) const {
  const auto events = [&](const Flow& from, const Flow& to) {
    return static_cast<short>((MayRead(from) ? POLLIN : 0) | (to.blocked ? POLLOUT : 0));
  };
  // poll() reports a hang-up again and again, whatever is requested, so stop polling that end.
  *client = {client_hung_up_ && !MayRead(up_) ? -1 : client_.get(), events(up_, down_), 0};
  *backend = {backend_hung_up_ && !MayRead(down_) ? -1 : backend_->fd(), events(down_, up_), 0};
}

int64_t ToxicLink::wake_us() const { return std::min(up_.wake_us, down_.wake_us); }

bool ToxicLink::ready() const {
  return backend_->fd() < 0 && MayRead(down_) && (backend_->waiting() > 0 || backend_->ended());
}

void ToxicLink::Log(std::string_view side, std::string_view what, int64_t asked, int64_t result,
                    int error, std::string_view data) const {
  if (!setting_.log->on()) return;
  setting_.log->Add({.connection = setting_.id,
                     .side = side,
                     .what = what,
                     .asked = asked,
                     .result = result,
                     .error = error,
                     .data = data});
}

void ToxicLink::NoteFired() {
  for (size_t i = 0; i < kToxicKinds; ++i) {
    const auto kind = static_cast<ToxicKind>(i);
    if (counts_[kind] == told_[kind]) continue;
    if (told_[kind] == 0) {
      setting_.log->Add({.connection = setting_.id, .what = "toxic", .note = InfoOf(kind).name});
    }
    while (told_[kind] < counts_[kind]) {
      told_.Fired(kind);
      setting_.counts->Fired(kind);
    }
  }
}

void ToxicLink::Read(Flow& flow, bool from_client, int64_t now_us) {
  const std::string_view side = from_client ? "client" : "server";
  const size_t waiting = from_client ? WaitingBytes(client_.get()) : backend_->waiting();
  size_t size = std::min({waiting, kMostHeld - flow.stream.held(), kReadBytes});
  if (waiting > 0) {
    size = flow.stream.Room(size);
    NoteFired();
    if (size == 0) {
      flow.paused = true;
      return;
    }
  }
  char bytes[kReadBytes];
  // If nothing is waiting, this reads the end of the stream, or an error.
  const size_t asked = std::max<size_t>(size, 1);
  const ssize_t got =
      from_client ? recv(client_.get(), bytes, asked, MSG_DONTWAIT) : backend_->Read(bytes, asked);
  const int error = got < 0 ? errno : 0;
  if (got < 0 && IsTransient(error)) return;
  const std::string_view data(bytes, static_cast<size_t>(std::max<ssize_t>(got, 0)));
  Log(side, "recv", static_cast<int64_t>(asked), got, error, data);
  if (got <= 0) {
    // An end of the stream with an error is forwarded as an ordinary end.
    flow.ended = true;
    flow.stream.End(now_us);
    if (got < 0) (from_client ? down_ : up_).deaf = true;
    return;
  }
  if (from_client) {
    if (setting_.listener != nullptr) setting_.listener->OnClientBytes(setting_.id, data);
    flow.stream.Put(data, now_us);
    return;
  }
  if (setting_.listener != nullptr) setting_.listener->OnServerBytes(setting_.id, data);
  std::string edited;
  editor_.Feed(data, [&](const Toxic& toxic) { counts_.Fired(toxic.kind); }, &edited);
  NoteFired();
  flow.stream.Put(edited, now_us);
}

void ToxicLink::Pass(Flow& flow, bool to_client, bool writable, int64_t now_us) {
  using Kind = ToxicStream::Step::Kind;
  const std::string_view side = to_client ? "client" : "server";
  flow.wake_us = ToxicStream::Step::kNever;
  const bool wait = flow.blocked && !writable;
  flow.blocked = false;
  while (!done_ && !flow.closed) {
    const ToxicStream::Step step = flow.stream.Next(now_us);
    NoteFired();
    if (step.kind == Kind::kWait) {
      flow.wake_us = step.at_us;
      break;
    }
    if (step.kind == Kind::kHalfClose) {
      flow.closed = true;  // input read from here on is dropped
      if (!flow.deaf) {
        int error = 0;
        if (to_client) {
          error = shutdown(client_.get(), SHUT_WR) == 0 ? 0 : errno;
        } else {
          backend_->EndWrites();
        }
        Log(side, "shutdown", SocketEvent::kNone, error == 0 ? 0 : -1, error);
      }
      break;
    }
    if (step.kind == Kind::kFin || step.kind == Kind::kRst) {
      Close(step.kind == Kind::kRst, InfoOf(step.cause).name, /*cut=*/true);
      break;
    }
    if (flow.deaf) {
      flow.stream.Taken(step.bytes.size(), now_us);
      continue;
    }
    if (wait) {
      flow.blocked = true;
      flow.wake_us = now_us + kLookAgainUs;
      break;
    }
    const ssize_t sent = to_client ? send(client_.get(), step.bytes.data(), step.bytes.size(),
                                          MSG_NOSIGNAL | MSG_DONTWAIT)
                                   : backend_->Write(step.bytes);
    const int error = sent < 0 ? errno : 0;
    if (error == EINTR) continue;
    Log(side, "send", static_cast<int64_t>(step.bytes.size()), sent, error,
        step.bytes.substr(0, static_cast<size_t>(std::max<ssize_t>(sent, 0))));
    if (sent > 0) {
      if (to_client && setting_.listener != nullptr) {
        setting_.listener->OnSent(setting_.id, step.bytes.substr(0, static_cast<size_t>(sent)));
      }
      flow.stream.Taken(static_cast<size_t>(sent), now_us);
    } else if (IsTransient(error)) {
      flow.blocked = true;
      flow.wake_us = now_us + kLookAgainUs;
      break;
    } else {
      // The receiver has gone. A server may have sent something before (usually an error), which
      // must reach the client; a departed client's data still goes to the server.
      flow.deaf = true;
      flow.ended = true;
      flow.stream.End(now_us);
    }
  }
}

void ToxicLink::ServeUpstream(const Events& events, int64_t now_us) {
  if (done_) return;
  const bool hung_up = (events.client & (POLLHUP | POLLERR | POLLNVAL)) != 0;
  if ((events.client & ~POLLOUT) != 0 && MayRead(up_)) {
    Read(up_, true, now_us);
  } else if (hung_up && !client_hung_up_) {
    client_hung_up_ = true;
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(client_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    Log("client", "hangup", SocketEvent::kNone, error == 0 ? 0 : -1, error);
    down_.deaf = true;
    if (up_.paused) return Close(false, "client gone");
  }
  Pass(up_, false, (events.backend & ~POLLIN) != 0, now_us);
}

void ToxicLink::ServeDownstream(const Events& events, int64_t now_us) {
  if (done_) return;
  const bool readable = (events.backend & ~POLLOUT) != 0 || ready();
  if (readable && MayRead(down_)) {
    Read(down_, false, now_us);
  } else if ((events.backend & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
    backend_hung_up_ = true;
    up_.deaf = true;
  }
  Pass(down_, true, (events.client & ~POLLIN) != 0, now_us);
  if (done_) return;
  // Replies to a departed client are dropped.
  const bool upstream_over = up_.closed || (up_.deaf && up_.ended);
  const bool downstream_over = down_.closed || down_.deaf;
  if (upstream_over && downstream_over) Close(false, "both ended");
}

bool ToxicLink::ClientHasReadAll() const {
  return UnreadAtPeer(client_.get()) == 0 && WaitingBytes(client_.get()) == 0;
}

void ToxicLink::Close(bool reset, std::string_view note, bool cut) {
  if (done_) return;
  done_ = true;
  if (cut && setting_.listener != nullptr) setting_.listener->OnCut(setting_.id);
  NoteFired();
  if (setting_.log->on()) {
    const std::string how = std::string(reset ? "rst" : "fin") + ": " + std::string(note);
    setting_.log->Add({.connection = setting_.id, .what = "close", .note = how});
  }
  CloseWith(&client_, reset);
  backend_->Close(reset);
  if (setting_.listener != nullptr) setting_.listener->OnClose(setting_.id);
}

}  // namespace resprobe::live
