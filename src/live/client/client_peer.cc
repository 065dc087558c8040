#include "live/client/client_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "core/resp/writer.h"
#include "live/net/socket.h"
#include "live/proxy/toxic_link.h"

namespace resprobe::live {
namespace {

constexpr int kBacklog = 64;
constexpr size_t kReadBytes = 64 * 1024;
constexpr size_t kMostToxics = 8;
constexpr int64_t kMostDepth = 20'000;  // of the toxic nesting
constexpr int64_t kMostGarbage = 64;
// Each slice waits until the client has read the one before it, which takes milliseconds: after
// this many a run is not sliced any more.
constexpr int kMostSlices = 400;

UniqueFd Bind(uint16_t port, std::string* error) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (fd.valid()) ReuseAddress(fd.get());
  if (!fd.valid() ||
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    *error = std::string("no port to listen on: ") + std::strerror(errno);
    fd.Reset();
  }
  return fd;
}

}  // namespace

bool ClientPeer::Listen(std::string* error) {
  listener_ = Bind(port_, error);
  if (!listener_.valid()) return false;
  if (listen(listener_.get(), kBacklog) == 0) return true;
  *error = std::string("cannot listen: ") + std::strerror(errno);
  listener_.Reset();
  return false;
}

bool ClientPeer::Reset(std::string* error) {
  for (const std::unique_ptr<Link>& link : links_) CloseWith(&link->fd, true);
  links_.clear();
  toxics_.clear();
  counts_.Reset();
  ends_ = 0;
  slices_ = 0;
  holds_ = false;
  server_.Reset();
  other_ = 0;
  // Connections of the last run that still wait are gone with the listener.
  listener_.Reset();
  reserved_ = Bind(0, error);
  if (!reserved_.valid()) return false;
  port_ = LocalPort(reserved_.get());
  return Listen(error);
}

void ClientPeer::Refuse(bool refuses) {
  if (refuses && listener_.valid()) {
    listener_.Reset();
    ++ends_;
  } else if (!refuses && !listener_.valid()) {
    std::string ignored;
    Listen(&ignored);
  }
}

void ClientPeer::Add(const Toxic& given, int64_t now_us) {
  Toxic toxic = given;
  if (toxic.kind == ToxicKind::kNesting) toxic.values[1] = std::min(toxic.values[1], kMostDepth);
  if (toxic.kind == ToxicKind::kGarbage) toxic.values[1] = std::min(toxic.values[1], kMostGarbage);
  const ToxicPlace place = InfoOf(toxic.kind).place;
  if (toxic.kind == ToxicKind::kRefuse || toxic.kind == ToxicKind::kDown) {
    counts_.Fired(ToxicKind::kRefuse);
    Refuse(true);
  }
  if (place != ToxicPlace::kStream && place != ToxicPlace::kReply) return;
  std::erase_if(toxics_, [&](const Toxic& old) {
    return old.kind == toxic.kind && old.direction == toxic.direction;
  });
  if (toxics_.size() == kMostToxics) toxics_.erase(toxics_.begin());
  toxics_.push_back(toxic);
  for (const std::unique_ptr<Link>& link : links_) {
    link->up.SetToxics(toxics_, now_us);
    link->down.SetToxics(toxics_, now_us);
  }
}

void ClientPeer::EndSlicing(int64_t now_us) {
  std::erase_if(toxics_, [](const Toxic& toxic) { return toxic.kind == ToxicKind::kSlicer; });
  for (const std::unique_ptr<Link>& link : links_) {
    link->up.SetToxics(toxics_, now_us);
    link->down.SetToxics(toxics_, now_us);
  }
}

void ClientPeer::Heal(int64_t now_us) {
  toxics_.clear();
  Refuse(false);
  for (const std::unique_ptr<Link>& link : links_) {
    link->up.SetToxics({}, now_us);
    link->down.SetToxics({}, now_us);
  }
}

void ClientPeer::SendRaw(std::string_view bytes, int64_t now_us) {
  for (const std::unique_ptr<Link>& link : links_) {
    if (!link->fd.valid()) continue;
    link->peer.SendRaw(bytes);
    link->down.Put(link->peer.output(), now_us);
    link->peer.output().clear();
  }
}

void ClientPeer::Close(Link& link, bool reset, std::string_view why) {
  if (!link.fd.valid()) return;
  ++ends_;
  link.peer.Close();
  CloseWith(&link.fd, reset);
  watch_->OnEvent("connection " + std::to_string(link.number) + " " +
                  (reset ? "is reset: " : "is closed: ") + std::string(why));
}

bool ClientPeer::HangUp(bool reset) {
  bool any = false;
  for (const std::unique_ptr<Link>& link : links_) {
    any = any || link->fd.valid();
    Close(*link, reset, "hangup");
  }
  return any;
}

bool ClientPeer::HangUpDishonest() {
  bool any = false;
  for (const std::unique_ptr<Link>& link : links_) {
    if (link->peer.honest()) continue;
    any = any || link->fd.valid();
    Close(*link, false, "it was not honest");
  }
  return any;
}

void ClientPeer::Act(std::span<const std::string_view> words, int64_t now_us) {
  if (other_ == 0) other_ = server_.Connect();
  std::string bytes;
  resp::AppendRequest(&bytes, words);
  server_.Send(other_, bytes);
  bytes.clear();
  server_.Receive(other_, &bytes);
  for (const std::unique_ptr<Link>& link : links_) {
    if (!link->fd.valid()) continue;
    link->peer.Collect(toxics_);
    link->down.Put(link->peer.output(), now_us);
    link->peer.output().clear();
  }
}

void ClientPeer::AddTo(std::vector<pollfd>* fds) const {
  if (listener_.valid()) fds->push_back({listener_.get(), POLLIN, 0});
  for (const std::unique_ptr<Link>& link : links_) {
    if (!link->fd.valid() || !link->reads) continue;
    // While the toxic never_read acts, what the client sends stays where it is.
    if (link->up.Room(1) > 0) fds->push_back({link->fd.get(), POLLIN, 0});
  }
}

bool ClientPeer::Accept(int64_t now_us) {
  if (!listener_.valid()) return false;
  UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.valid()) return false;
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  auto link = std::make_unique<Link>();
  link->owner = this;
  link->number = links_.size();
  link->fd = std::move(fd);
  link->peer.Open(&server_, &counts_, link.get());
  link->up.Reset(2 * link->number + 1, ToxicDirection::kUpstream, &counts_);
  link->down.Reset(2 * link->number + 2, ToxicDirection::kDownstream, &counts_);
  link->up.SetToxics(toxics_, now_us);
  link->down.SetToxics(toxics_, now_us);
  watch_->OnEvent("connection " + std::to_string(link->number) + " is made");
  links_.push_back(std::move(link));
  return true;
}

bool ClientPeer::Read(Link& link, int64_t now_us) {
  const size_t room = link.reads ? link.up.Room(kReadBytes) : 0;
  if (room == 0) return false;
  char bytes[kReadBytes];
  const ssize_t got = recv(link.fd.get(), bytes, room, 0);
  if (got > 0) {
    link.up.Put({bytes, static_cast<size_t>(got)}, now_us);
    return true;
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  // The client has closed it; a server closes, too, and this is no end that the client sees.
  link.reads = false;
  link.peer.Close();
  CloseWith(&link.fd, false);
  return true;
}

bool ClientPeer::MoveUp(Link& link, int64_t now_us) {
  using Kind = ToxicStream::Step::Kind;
  const ToxicStream::Step step = link.up.Next(now_us);
  switch (step.kind) {
    case Kind::kWait:
      return false;
    case Kind::kData: {
      const std::string bytes(step.bytes);
      link.up.Taken(bytes.size(), now_us);
      link.peer.Receive(bytes, toxics_);
      link.down.Put(link.peer.output(), now_us);
      link.peer.output().clear();
      return true;
    }
    case Kind::kHalfClose:  // the server gets no more
      link.reads = false;
      return true;
    case Kind::kFin:
    case Kind::kRst:
      Close(link, step.kind == Kind::kRst, InfoOf(step.cause).name);
      return true;
  }
  return false;
}

bool ClientPeer::MoveDown(Link& link, int64_t now_us, bool client_rests) {
  using Kind = ToxicStream::Step::Kind;
  if (holds_) return false;
  if (link.slice_out) {
    if (!client_rests && UnreadAtPeer(link.fd.get()).value_or(0) > 0) return false;
    link.slice_out = false;
  }
  const ToxicStream::Step step = link.down.Next(now_us);
  switch (step.kind) {
    case Kind::kWait:
      return false;
    case Kind::kData: {
      const ssize_t sent =
          send(link.fd.get(), step.bytes.data(), step.bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0) {
        if (errno == EAGAIN || errno == EINTR) return false;
        link.reads = false;
        link.peer.Close();
        link.fd.Reset();  // the client has closed it
        return true;
      }
      link.slice_out = link.down.toxic();
      link.down.Taken(static_cast<size_t>(sent), now_us);
      if (link.slice_out && ++slices_ == kMostSlices) EndSlicing(now_us);
      return true;
    }
    case Kind::kHalfClose:
      ++ends_;
      shutdown(link.fd.get(), SHUT_WR);
      watch_->OnEvent("connection " + std::to_string(link.number) + " is half-closed");
      return true;
    case Kind::kFin:
    case Kind::kRst:
      Close(link, step.kind == Kind::kRst, InfoOf(step.cause).name);
      return true;
  }
  return false;
}

bool ClientPeer::Move(int64_t now_us, bool client_rests) {
  bool any = false;
  while (Accept(now_us)) any = true;
  for (const std::unique_ptr<Link>& link : links_) {
    while (link->fd.valid() && Read(*link, now_us)) any = true;
    while (link->fd.valid() && MoveUp(*link, now_us)) any = true;
    while (link->fd.valid() && MoveDown(*link, now_us, client_rests)) any = true;
  }
  return any;
}

int64_t ClientPeer::NextDue(int64_t now_us) const {
  int64_t next = kNever;
  for (const std::unique_ptr<Link>& link : links_) {
    if (!link->fd.valid()) continue;
    next = std::min(next, link->up.NextDue(now_us));
    if (!holds_) next = std::min(next, link->down.NextDue(now_us));
  }
  return next;
}

bool ClientPeer::always_honest() const {
  return std::ranges::all_of(links_, [](const auto& link) { return link->peer.honest(); });
}

}  // namespace resprobe::live
