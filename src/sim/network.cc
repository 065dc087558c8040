#include "sim/network.h"

#include <algorithm>

namespace resprobe {

void Network::Reset(size_t endpoints) {
  endpoints_ = std::min(endpoints, kMaxEndpoints);
  if (any_receiver_) receivers_.fill(nullptr);
  if (any_blocked_) blocked_.fill(0);
  any_receiver_ = any_blocked_ = false;
  // The lowest are used first, so that the others still wait below them.
  free_.resize(connections_.size() - used_);
  for (size_t i = used_; i-- > 0;) {
    connections_[i]->generation = kUnused;
    free_.push_back(static_cast<uint32_t>(i));
  }
  used_ = 0;
  link_count_ = 0;
  open_ends_ = 0;
  made_ = 0;
  counts_ = {};
  toxic_counts_ = &counts_.toxics;
}

// --- Connections.

namespace {

// The difference between the seeds of the two directions of a connection.
constexpr uint64_t kBack = 100;

}  // namespace

Network::End Network::Connect(Endpoint from, Endpoint to, uint64_t seed) {
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(connections_.size()));
    connections_.push_back(std::make_unique<Connection>());
  }
  const uint32_t slot = free_.back();
  free_.pop_back();
  used_ = std::max<size_t>(used_, slot + 1);
  Connection& connection = *connections_[slot];
  // Counts from 1, so that every end differs from kNone and from those of older connections.
  connection.generation = ++made_;
  connection.accepted = true;
  const auto end = static_cast<End>(static_cast<uint64_t>(connection.generation) << 32 |
                                    static_cast<uint64_t>(slot) << 1);
  const Link* const link = LinkBetween(from, to);
  for (size_t side = 0; side < 2; ++side) {
    EndState& one = connection.ends[side];
    one.endpoint = side == 0 ? from : to;
    one.open = true;
    one.silent = false;
    one.label = 0;
    Direction& towards = one.towards;
    // What the client sends goes upstream: to the acceptor, unless a link says otherwise.
    const Endpoint client = link == nullptr ? from : link->client;
    towards.stream.Reset(
        (seed == 0 ? made_ : seed) + (side == 0 ? kBack : 0),
        one.endpoint == client ? ToxicDirection::kDownstream : ToxicDirection::kUpstream,
        toxic_counts_);
    if (link != nullptr) towards.stream.SetToxics(link->toxics, scheduler_->now_us());
    towards.timer = {};
    towards.timer_us = kNever;
    towards.farewell = Farewell::kFin;
    towards.told = false;
    towards.direct = link == nullptr && receivers_[one.endpoint] == nullptr;
  }
  open_ends_ += 2;
  if (link != nullptr) {
    Reschedule(end);
    Reschedule(Peer(end));
  }
  return end;
}

Network::End Network::Dial(Endpoint from, Endpoint to) {
  const End end = Connect(from, to);
  At(end).accepted = false;
  Schedule(scheduler_->now_us() + Towards(Peer(end)).stream.delay_us(), What::kAccept, end);
  return end;
}

void Network::Schedule(int64_t at_us, What what, End end) {
  scheduler_->At(at_us, this, static_cast<uint64_t>(end) << 2 | static_cast<uint64_t>(what));
}

void Network::Accept(End dialler) {
  Connection& connection = At(dialler);
  if (connection.accepted) return;
  const End acceptor = Peer(dialler);
  const int64_t back_us = scheduler_->now_us() + Towards(dialler).stream.delay_us();
  if (Blocked(EndpointOf(dialler), EndpointOf(acceptor))) {
    ++counts_.blocked;
    return;  // Unblock() tries again
  }
  Receiver* const receiver = receivers_[EndpointOf(acceptor)];
  if (receiver == nullptr) {
    Schedule(back_us, What::kRefused, dialler);
    return;
  }
  connection.accepted = true;
  Schedule(back_us, What::kConnected, dialler);
  receiver->OnAccept(acceptor);
  Reschedule(acceptor);
  Reschedule(dialler);
}

void Network::Send(End end, std::string_view bytes) {
  if (!IsOpen(end) || bytes.empty()) return;
  const End peer = Peer(end);
  Towards(peer).stream.Put(bytes, scheduler_->now_us());
  Reschedule(peer);
}

void Network::Close(End end, Farewell farewell) {
  if (!IsOpen(end)) return;
  const End peer = Peer(end);
  EndState& own = At(end).ends[Side(end)];
  own.open = false;
  --open_ends_;
  Towards(peer).direct = false;
  const bool peer_open = IsOpen(peer);
  Direction& out = Towards(peer);
  switch (farewell) {
    case Farewell::kFin:
      out.stream.End(scheduler_->now_us());
      break;
    case Farewell::kReset:
      if (peer_open) ++counts_.resets;
      out.stream.bytes().Lose();
      out.farewell = Farewell::kReset;
      out.stream.End(scheduler_->now_us());
      break;
    case Farewell::kNone:
      if (peer_open) ++counts_.half_open;
      own.silent = true;
      break;
  }
  if (farewell != Farewell::kFin) Towards(end).stream.bytes().Lose();
  if (!peer_open) {
    Release(end);
  } else {
    Reschedule(peer);
    Reschedule(end);
  }
}

void Network::Remove(End end) {
  if (!Exists(end)) return;
  for (EndState& one : At(end).ends) {
    if (one.open) --open_ends_;
    one.open = false;
  }
  Release(end);
}

void Network::Release(End end) {
  for (const End one : {end, Peer(end)}) scheduler_->Cancel(Towards(one).timer);
  At(end).generation = kUnused;
  free_.push_back(static_cast<uint32_t>(SlotOf(end)));
}

// --- Arrivals.

bool Network::HoldsBack(End end) {
  if (!Blocked(EndpointOf(Peer(end)), EndpointOf(end))) return false;
  if (Incoming(end).in_flight() > 0) ++counts_.blocked;
  return true;
}

void Network::UpdateDirect(End end) {
  Direction& towards = Towards(end);
  towards.direct = IsOpen(Peer(end)) && receivers_[EndpointOf(end)] == nullptr &&
                   !towards.stream.toxic() && !towards.stream.bytes().cut();
}

void Network::Attach(Endpoint at, Receiver* receiver) {
  if (receivers_[at] == receiver) return;
  receivers_[at] = receiver;
  any_receiver_ |= receiver != nullptr;
  RescheduleAll();
}

ToxicStream::Step Network::Next(End end) {
  if (any_blocked_ && HoldsBack(end)) [[unlikely]]
    return {};
  const ToxicStream::Step step = Towards(end).stream.Next(scheduler_->now_us());
  // at_us of kWait is when the stream has more; after an end it never has.
  if (step.kind != ToxicStream::Step::Kind::kData) Reschedule(end, step.at_us);
  return step;
}

void Network::Taken(End end, size_t count) {
  Towards(end).stream.Taken(count, scheduler_->now_us());
  Reschedule(end);
}

void Network::Reschedule(End end) {
  const Direction& towards = Towards(end);
  const int64_t now = scheduler_->now_us();
  if (!any_receiver_ && towards.timer_us == kNever && !towards.stream.waits(now)) return;
  Reschedule(end, towards.stream.NextDue(now));
}

void Network::Reschedule(End end, int64_t at) {
  const Connection& connection = At(end);
  Direction& towards = Towards(end);
  if (at == kNever && towards.timer_us == kNever) return;
  const int64_t now = scheduler_->now_us();
  if (towards.told) at = kNever;
  const EndState& own = connection.ends[Side(end)];
  const bool by_receiver = receivers_[own.endpoint] != nullptr;
  // If the world moves the bytes, it checks for arrivals itself.
  if (!by_receiver && at <= now) at = kNever;
  if (!connection.accepted) at = kNever;
  if (at != kNever && any_blocked_ &&
      Blocked(connection.ends[1 - Side(end)].endpoint, own.endpoint)) {
    at = kNever;
  }
  if (at == towards.timer_us && (at == kNever || scheduler_->Waits(towards.timer))) return;
  scheduler_->Cancel(towards.timer);
  towards.timer_us = at;
  if (at == kNever) return;
  towards.timer = scheduler_->At(
      at, this, static_cast<uint64_t>(end) << 2 | static_cast<uint64_t>(What::kArrival));
}

void Network::RescheduleAll() {
  for (size_t i = 0; i < connections_.size(); ++i) {
    const Connection& connection = *connections_[i];
    if (connection.generation == kUnused) continue;
    const auto end = static_cast<End>(static_cast<uint64_t>(connection.generation) << 32 | i << 1);
    for (const End one : {end, Peer(end)}) {
      UpdateDirect(one);
      Reschedule(one);
    }
  }
}

void Network::OnDue(uint64_t tag) {
  const auto end = static_cast<End>(tag >> 2);
  if (!Exists(end)) return;
  switch (static_cast<What>(tag & 3)) {
    case What::kArrival:
      Towards(end).timer_us = kNever;
      return Arrive(end);
    case What::kAccept:
      return Accept(end);
    case What::kConnected:
      if (Receiver* const receiver = receivers_[EndpointOf(end)]; receiver != nullptr) {
        if (IsOpen(end)) receiver->OnConnected(end);
      }
      return;
    case What::kRefused:
      if (Towards(end).told) return;
      ++counts_.refused;
      if (IsOpen(Peer(end))) Close(Peer(end), Farewell::kNone);
      if (!Exists(end)) return;
      Towards(end).told = true;
      if (Receiver* const receiver = receivers_[EndpointOf(end)]; receiver != nullptr) {
        receiver->OnEnd(end, Farewell::kReset, /*refused=*/true);
      }
      return;
  }
}

void Network::Arrive(End end) {
  using Kind = ToxicStream::Step::Kind;
  Receiver* const receiver = receivers_[EndpointOf(end)];
  if (receiver == nullptr) return Reschedule(end);  // the world checks
  Direction& towards = Towards(end);
  const ToxicStream::Step step = towards.stream.Next(scheduler_->now_us());
  switch (step.kind) {
    case Kind::kWait:
      break;
    case Kind::kData: {
      arriving_.assign(step.bytes);
      towards.stream.Taken(arriving_.size(), scheduler_->now_us());
      if (IsOpen(end)) {
        receiver->OnBytes(end, arriving_);
      } else if (!At(end).ends[Side(end)].silent && IsOpen(Peer(end))) {
        // Its owner does not read any more.
        ++counts_.resets;
        Direction& back = Towards(Peer(end));
        back.stream.bytes().Lose();
        back.farewell = Farewell::kReset;
        Reschedule(Peer(end));
      }
      break;
    }
    case Kind::kHalfClose:
      towards.told = true;
      if (IsOpen(end)) receiver->OnEnd(end, towards.farewell, /*refused=*/false);
      break;
    case Kind::kFin:
    case Kind::kRst: {
      // A toxic ends the whole connection, between the two ends.
      const Farewell how = step.kind == Kind::kRst ? Farewell::kReset : Farewell::kFin;
      for (const End one : {end, Peer(end)}) {
        if (!Exists(one)) return;
        Direction& direction = Towards(one);
        const bool tell = !direction.told && IsOpen(one);
        direction.told = true;
        direction.stream.bytes().Lose();
        Receiver* const whose = receivers_[EndpointOf(one)];
        if (tell && whose != nullptr) whose->OnEnd(one, how, /*refused=*/false);
      }
      break;
    }
  }
  if (Exists(end)) Reschedule(end);
}

// --- Faults.

const Network::Link* Network::LinkBetween(Endpoint a, Endpoint b) const {
  for (size_t i = 0; i < link_count_; ++i) {
    const Link& link = links_[i];
    if ((link.client == a && link.server == b) || (link.client == b && link.server == a)) {
      return &link;
    }
  }
  return nullptr;
}

void Network::SetToxics(Endpoint client, Endpoint server, std::span<const Toxic> toxics) {
  auto* link = const_cast<Link*>(LinkBetween(client, server));
  if (link == nullptr) {
    if (toxics.empty()) return;
    if (link_count_ == links_.size()) links_.emplace_back();
    link = &links_[link_count_++];
    link->client = client;
    link->server = server;
  }
  link->toxics.assign(toxics.begin(), toxics.end());
  for (size_t i = 0; i < connections_.size(); ++i) {
    Connection& connection = *connections_[i];
    if (connection.generation == kUnused) continue;
    const Endpoint a = connection.ends[0].endpoint;
    const Endpoint b = connection.ends[1].endpoint;
    if (!(a == client && b == server) && !(a == server && b == client)) continue;
    const auto end = static_cast<End>(static_cast<uint64_t>(connection.generation) << 32 | i << 1);
    for (const End one : {end, Peer(end)}) {
      ToxicStream& stream = Towards(one).stream;
      stream.set_direction(EndpointOf(one) == link->client ? ToxicDirection::kDownstream
                                                           : ToxicDirection::kUpstream);
      stream.SetToxics(link->toxics, scheduler_->now_us());
      UpdateDirect(one);
      Reschedule(one);
    }
  }
}

void Network::CutAt(End end, uint64_t offset) {
  if (!Exists(end)) return;
  ++counts_.cuts;
  Incoming(end).CutAt(offset);
  UpdateDirect(end);
  Reschedule(end);
}

void Network::Block(EndpointSet from, EndpointSet to) {
  for (size_t i = 0; i < endpoints_; ++i) {
    if ((from >> i & 1) != 0) blocked_[i] |= to & ~(EndpointSet{1} << i);
    any_blocked_ |= blocked_[i] != 0;
  }
  RescheduleAll();
}

void Network::Unblock() {
  blocked_.fill(0);
  any_blocked_ = false;
  for (size_t i = 0; i < connections_.size(); ++i) {
    const Connection& connection = *connections_[i];
    if (connection.generation == kUnused || connection.accepted) continue;
    const auto end = static_cast<End>(static_cast<uint64_t>(connection.generation) << 32 | i << 1);
    Schedule(scheduler_->now_us() + Towards(Peer(end)).stream.delay_us(), What::kAccept, end);
  }
  RescheduleAll();
}

bool Network::HalfOpen(End end) const {
  const Connection* const connection = Find(end);
  if (connection == nullptr || !connection->ends[Side(end)].open) return false;
  const EndState& peer = connection->ends[1 - Side(end)];
  return !peer.open && peer.silent;
}

void Network::TellPeer(End end) {
  if (!HalfOpen(end)) return;
  At(end).ends[1 - Side(end)].silent = false;
  Direction& towards = Towards(end);
  towards.farewell = Farewell::kReset;
  towards.stream.End(scheduler_->now_us());
  Reschedule(end);
}

}  // namespace resprobe
