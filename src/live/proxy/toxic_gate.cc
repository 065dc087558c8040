#include "live/proxy/toxic_gate.h"

#include <arpa/inet.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/rng.h"

namespace resprobe::live {
namespace {

// The interval at which a full queue's drop counter is polled.
constexpr int64_t kLateLookUs = 2'000;

sockaddr_in AddressOf(uint16_t port, bool any) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(any ? INADDR_ANY : INADDR_LOOPBACK);
  return address;
}

// The number of connections that the system has dropped at a listening socket whose queue was full.
uint32_t DroppedAt(int fd) {
  uint32_t info[SK_MEMINFO_VARS] = {};
  socklen_t size = sizeof(info);
  return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size) == 0 ? info[SK_MEMINFO_DROPS] : 0;
}

uint64_t SeedOf(uint64_t seed, uint64_t connection, std::string_view name) {
  uint64_t mixed = Rng(seed ^ (connection * 0x9e3779b97f4a7c15)).Next();
  for (const char c : name) mixed = Rng(mixed ^ static_cast<unsigned char>(c)).Next();
  return mixed;
}

}  // namespace

bool WorksOnSockets(const Toxic& toxic, std::string* error) {
  const ToxicInfo& info = InfoOf(toxic.kind);
  if (info.place == ToxicPlace::kCall || info.place == ToxicPlace::kMemory) {
    *error = std::string(info.name) +
             ": acts inside the client, out of reach of a socket: use another toxic";
    return false;
  }
  if (toxic.kind == ToxicKind::kRefuse && toxic.values[0] != 0) {
    *error = "refuse: a closed port cannot count connection attempts: give connections=0 (all)";
    return false;
  }
  if (info.place == ToxicPlace::kReply && toxic.direction == ToxicDirection::kUpstream) {
    *error = std::string(info.name) + ": acts on replies, which go downstream";
    return false;
  }
  return true;
}

ToxicGate::ToxicGate(const Setting& setting, Connector connect, SocketLog* log,
                     TrafficListener* listener)
    : setting_(setting), connect_(std::move(connect)), log_(log), listener_(listener) {}

ToxicGate::~ToxicGate() {
  for (ToxicLink& link : links_) link.Close(false, "gate closed");
}

bool ToxicGate::Bind(std::string* error) {
  socket_.Reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (socket_.valid()) {
    setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    // Accepted sockets inherit these sizes; if set later, the window would already be negotiated.
    const auto set_size = [&](int option, const int& size) {
      if (size > 0) setsockopt(socket_.get(), SOL_SOCKET, option, &size, sizeof(size));
    };
    set_size(SO_SNDBUF, setting_.send_buffer);
    set_size(SO_RCVBUF, setting_.receive_buffer);
  }
  const uint16_t port = port_ != 0 ? port_ : setting_.port;
  const sockaddr_in address = AddressOf(port, setting_.allow_remote);
  if (!socket_.valid() ||
      bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    *error = "cannot listen on port " + std::to_string(port) + ": " + std::strerror(errno);
    socket_.Reset();
    return false;
  }
  port_ = LocalPort(socket_.get());
  return true;
}

bool ToxicGate::Open(std::string* error) {
  if (!Bind(error)) return false;
  UpdateListening();
  if (enabled_ && Find(ToxicKind::kDown) == nullptr && Find(ToxicKind::kRefuse) == nullptr &&
      !listening_) {
    *error = "cannot listen on port " + std::to_string(port_) + ": " + std::strerror(errno);
    return false;
  }
  return true;
}

const Toxic* ToxicGate::Find(ToxicKind kind) const {
  const auto found = std::find_if(toxics_.begin(), toxics_.end(),
                                  [&](const GateToxic& one) { return one.toxic.kind == kind; });
  return found == toxics_.end() ? nullptr : &found->toxic;
}

void ToxicGate::UpdateListening() {
  if (port_ == 0) return;  // Open() was not called yet
  const bool down = Find(ToxicKind::kDown) != nullptr;
  const bool wanted = enabled_ && !down && Find(ToxicKind::kRefuse) == nullptr;
  const bool late = wanted && Find(ToxicKind::kLateConnect) != nullptr;
  if (!wanted || late != (late_ != Late::kOff)) StopListening();
  if (wanted && !listening_) {
    late_ = late ? Late::kFull : Late::kOff;
    Listen();
  }
}

void ToxicGate::Listen() {
  std::string error;
  if (!socket_.valid() && !Bind(&error)) {
    log_->Text("error", error);
    return;
  }
  listening_ = listen(socket_.get(), SOMAXCONN) == 0;
  log_->Add({.what = "listen", .result = listening_ ? 0 : -1, .error = listening_ ? 0 : errno});
  if (late_ == Late::kFull) FillQueue();
}

void ToxicGate::FillQueue() {
  late_ = Late::kFull;
  dropped_ = DroppedAt(socket_.get());
  listen(socket_.get(), 0);  // a queue for one connection
  const sockaddr_in address = AddressOf(port_, false);
  filler_.Reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // Its outcome does not matter: the queue is full.
  // NOLINTNEXTLINE(bugprone-unused-return-value)
  (void)connect(filler_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  filler_port_ = LocalPort(filler_.get());
}

void ToxicGate::StopListening() {
  filler_.Reset();
  late_ = Late::kOff;
  if (!listening_) return;
  listening_ = false;
  socket_.Reset();
  log_->Add({.what = "close", .note = "listening socket"});
  // While bound but not listening, the port refuses connections and stays reserved.
  std::string error;
  if (!Bind(&error)) log_->Text("error", error);
}

void ToxicGate::TellFaults() {
  if (listener_ != nullptr) listener_->OnFaults(!enabled_ || !toxics_.empty());
}

bool ToxicGate::ClientHasReadAll(uint64_t connection) const {
  const auto found = std::ranges::find(links_, connection, &ToxicLink::id);
  return found != links_.end() && found->ClientHasReadAll();
}

void ToxicGate::SetToxics(std::vector<GateToxic> toxics) {
  toxics_ = std::move(toxics);
  TellFaults();
  const int64_t now = SteadyUs();
  for (ToxicLink& link : links_) link.SetToxics(ToxicsOf(link.id()), now);
  UpdateListening();
}

void ToxicGate::Enable(bool enabled) {
  enabled_ = enabled;
  TellFaults();
  if (!enabled) {
    for (ToxicLink& link : links_) link.Close(false, "not enabled", /*cut=*/true);
    links_.clear();
  }
  UpdateListening();
}

std::vector<Toxic> ToxicGate::ToxicsOf(uint64_t connection) const {
  std::vector<Toxic> toxics;
  for (const GateToxic& one : toxics_) {
    if (one.connection != 0 && one.connection != connection) continue;
    constexpr uint64_t kParts = 1'000'000;
    const uint64_t part = SeedOf(setting_.seed, connection, one.name) % kParts;
    if (static_cast<double>(part) < one.toxicity * kParts) toxics.push_back(one.toxic);
  }
  return toxics;
}

void ToxicGate::AddEvents(std::vector<pollfd>* polled) const {
  // While the queue is kept full, nothing is accepted.
  const bool accepts = listening_ && (late_ == Late::kOff || late_ == Late::kLetIn);
  polled->push_back({accepts ? socket_.get() : -1, POLLIN, 0});
  for (const ToxicLink& link : links_) {
    pollfd client;
    pollfd backend;
    link.WantedEvents(&client, &backend);
    polled->push_back(client);
    polled->push_back(backend);
  }
}

void ToxicGate::Serve(const pollfd* answers) {
  const int64_t now = SteadyUs();
  const bool knocks = answers->revents != 0;
  const pollfd* at = answers + 1;
  for (ToxicLink& link : links_) {
    link.ServeUpstream({at[0].revents, at[1].revents}, now);
    at += 2;
  }
  at = answers + 1;
  for (ToxicLink& link : links_) {
    link.ServeDownstream({at[0].revents, at[1].revents}, now);
    at += 2;
  }
  links_.remove_if([](const ToxicLink& link) { return link.done(); });
  ServeLate(now);
  if (knocks) Accept(now);
}

int64_t ToxicGate::wake_us() const {
  int64_t wake = ToxicStream::Step::kNever;
  for (const ToxicLink& link : links_) wake = std::min(wake, link.wake_us());
  if (late_ == Late::kFull) wake = std::min(wake, SteadyUs() + kLateLookUs);
  if (late_ == Late::kDropping) wake = std::min(wake, let_in_us_);
  return wake;
}

bool ToxicGate::ready() const {
  return std::any_of(links_.begin(), links_.end(),
                     [](const ToxicLink& link) { return link.ready(); });
}

void ToxicGate::ServeLate(int64_t now_us) {
  const Toxic* late = Find(ToxicKind::kLateConnect);
  if (late == nullptr) return;
  if (late_ == Late::kFull) {
    const uint32_t dropped = DroppedAt(socket_.get()) - dropped_;
    if (dropped == 0) return;
    counts_.Fired(ToxicKind::kLateConnect);
    log_->Add({.what = "dropped", .result = dropped, .note = "late_connect"});
    late_ = Late::kDropping;
    let_in_us_ = now_us + late->values[0] * 1000;
  }
  if (late_ == Late::kDropping && now_us >= let_in_us_) {
    listen(socket_.get(), SOMAXCONN);
    late_ = Late::kLetIn;
  }
}

void ToxicGate::Accept(int64_t now_us) {
  sockaddr_in from = {};
  socklen_t size = sizeof(from);
  UniqueFd client(accept4(socket_.get(), reinterpret_cast<sockaddr*>(&from), &size,
                          SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!client.valid()) {
    if (errno != EAGAIN) log_->Add({.what = "accept", .result = -1, .error = errno});
    return;
  }
  if (filler_.valid() && ntohs(from.sin_port) == filler_port_) {
    filler_.Reset();
    return;
  }
  const int on = 1;
  setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const uint64_t id = ++last_id_;
  log_->Add({.connection = id, .side = "client", .what = "accept", .result = 0});
  if (late_ == Late::kLetIn) FillQueue();
  std::string error;
  std::unique_ptr<Backend> backend = connect_(&error);
  if (backend == nullptr) {
    log_->Text("refused", error);
    if (listener_ != nullptr) listener_->OnRefused(error);
    CloseWith(&client, false);
    return;
  }
  ToxicLink& link = links_.emplace_back(std::move(client), std::move(backend),
                                        ToxicLink::Setting{.id = id,
                                                           .seed = SeedOf(setting_.seed, id, ""),
                                                           .log = log_,
                                                           .counts = &counts_,
                                                           .listener = listener_});
  link.SetToxics(ToxicsOf(id), now_us);
}

}  // namespace resprobe::live
