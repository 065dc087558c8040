// Packets from a seed, and changes of packets.

#include <algorithm>
#include <concepts>
#include <string>
#include <utility>
#include <vector>

#include "engine/rng.h"
#include "worlds/cluster_bus/bus_tape.h"

namespace resprobe {
namespace {

using cluster::DerivedField;
using cluster::DerivedKind;
using cluster::Extension;
using cluster::ExtensionType;
using cluster::Gossip;
using cluster::GossipBody;
using cluster::MessageFlags;
using cluster::NodeFlags;
using cluster::NodeId;
using cluster::Packet;
using cluster::PacketType;

// The nodes and epochs of a cluster, from which the values of fields are taken.
class BusValues {
 public:
  explicit BusValues(Rng* rng) : rng_(*rng) {
    for (size_t i = 0; i < kNodes; ++i) {
      std::string id;
      for (size_t j = 0; j < cluster::kIdBytes; ++j) {
        id += "0123456789abcdef"[(7 * i + j * (2 * i + 3)) % 16];
      }
      nodes_.push_back(NodeId::Of(id));
      epochs_.push_back(i + 1);
    }
  }

  // From now on, Fill() chooses from these.
  void Replace(const BusPeople& people) {
    if (!people.nodes.empty()) nodes_ = people.nodes;
    if (!people.epochs.empty()) epochs_ = people.epochs;
  }

  // From now on, the values of this packet are among those that Fill() chooses.
  void Learn(const Packet& packet) {
    Learner learner = {this};
    cluster::Header::Fields(packet.header, learner);
    std::visit([&]<class Kind>(const Kind& body) { Kind::Fields(body, learner); }, packet.body);
  }

  void Fill(uint8_t& value) { value = static_cast<uint8_t>(Number(8)); }
  void Fill(uint16_t& value) {
    constexpr uint16_t kPorts[] = {6379, 6380, 7000, 16379, 16380, 17000, 0, 1, 65535};
    value = rng_.OneIn(4) ? static_cast<uint16_t>(Number(16)) : rng_.Pick(kPorts);
  }
  void Fill(uint32_t& value) {
    const uint64_t seconds = 1'700'000'000 + rng_.Below(100);
    value = static_cast<uint32_t>(rng_.OneIn(3) ? Number(32) : seconds);
  }
  void Fill(uint64_t& value) { value = Number(64); }
  void Fill(cluster::Epoch& epoch) {
    epoch.value = rng_.OneIn(8) ? Number(64) : rng_.Pick(epochs_) + rng_.Below(4) - 1;
  }
  void Fill(cluster::ModuleId& module) { module.value = Number(64); }
  void Fill(cluster::ClusterState& state) {
    state.value = static_cast<uint8_t>(rng_.OneIn(8) ? rng_.Next() : rng_.Below(2));
  }
  void Fill(NodeFlags& flags) {
    constexpr uint16_t kUsual[] = {NodeFlags::kPrimary,
                                   NodeFlags::kReplica,
                                   NodeFlags::kPrimary | NodeFlags::kPFail,
                                   NodeFlags::kPrimary | NodeFlags::kFail,
                                   NodeFlags::kReplica | NodeFlags::kFail,
                                   NodeFlags::kPrimary | NodeFlags::kMigrateTo,
                                   NodeFlags::kReplica | NodeFlags::kNoFailover,
                                   NodeFlags::kHandshake,
                                   NodeFlags::kHandshake | NodeFlags::kMeet,
                                   NodeFlags::kNoAddress};
    if (rng_.OneIn(4)) {
      flags.bits = static_cast<uint16_t>(flags.bits ^ 1u << rng_.Below(16));
    } else {
      flags.bits = rng_.Pick(kUsual);
    }
  }
  void Fill(MessageFlags& flags) {
    flags.bits = static_cast<uint8_t>(flags.bits ^ 1u << rng_.Below(rng_.OneIn(4) ? 8 : 3));
  }
  void Fill(NodeId& node) {
    switch (rng_.Below(16)) {
      case 0:
        node = {};
        break;
      case 1:
        AnyByte(node) = static_cast<char>(rng_.Next());
        break;
      default:
        node = rng_.Pick(nodes_);
    }
  }
  void Fill(cluster::Address& address) {
    switch (rng_.Below(8)) {
      case 0:
        address = {};
        break;
      case 1:
        address = cluster::Address::Of("2001:db8::" + std::to_string(rng_.Below(9)));
        break;
      case 2:  // no zero ends it
        address = cluster::Address::Of(std::string(cluster::kAddressBytes, '1'));
        break;
      case 3:
        AnyByte(address) = static_cast<char>(rng_.Next());
        break;
      default:
        address = cluster::Address::Of("10.0.0." + std::to_string(1 + rng_.Below(kNodes)));
    }
  }
  void Fill(cluster::SlotSet& slots) {
    switch (rng_.Below(8)) {
      case 0:
        slots = {};
        break;
      case 1:
        slots.bytes.fill('\xff');
        break;
      case 2:
      case 3: {
        char& byte = AnyByte(slots);
        byte = static_cast<char>(byte ^ (1 << rng_.Below(8)));
        break;
      }
      default: {
        const size_t third = cluster::kSlots / 3;
        const size_t first = rng_.OneIn(2) ? rng_.Below(cluster::kSlots) : rng_.Below(3) * third;
        const size_t last =
            std::min(first + (rng_.OneIn(2) ? third : rng_.Below(100)), cluster::kSlots - 1);
        slots = {};
        for (size_t slot = first; slot <= last; ++slot) AddSlot(&slots, slot);
      }
    }
  }
  template <size_t kSize>
  void Fill(cluster::Reserved<kSize>& bytes) {
    AnyByte(bytes) = static_cast<char>(rng_.Next());
  }
  void Fill(std::string& text) {
    constexpr std::string_view kTexts[] = {"",      "news",           "{tag}a",
                                           "a b\n", "host-1.example", "192.0.2.1"};
    switch (rng_.Below(6)) {
      case 0:
        text = std::string(rng_.Below(300), 'x');
        break;
      case 1:
        text += static_cast<char>(rng_.Next());
        break;
      default:
        text = rng_.Pick(kTexts);
    }
  }

  Gossip Entry() {
    Gossip entry;
    Fill(entry.node);
    if (rng_.OneIn(3)) Fill(entry.ping_sent);
    Fill(entry.pong_received);
    Fill(entry.ip);
    Fill(entry.port);
    Fill(entry.cport);
    Fill(entry.flags);
    if (rng_.OneIn(8)) Fill(entry.pport);
    if (rng_.OneIn(16)) Fill(entry.reserved);
    return entry;
  }
  Extension MakeExtension() {
    const auto type = static_cast<ExtensionType>(rng_.Below(6));
    Extension extension;
    if (type == ExtensionType::kForgotten) {
      cluster::ForgottenData data;
      Fill(data.node);
      data.ttl = rng_.OneIn(4) ? Number(64) : 60;
      extension = cluster::MakeExtension(type, data);
    } else if (type == ExtensionType::kShardId) {
      cluster::ShardData data;
      Fill(data.shard);
      extension = cluster::MakeExtension(type, data);
    } else {
      cluster::TextData data;
      Fill(data.text);
      std::erase(data.text, '\0');
      extension = cluster::MakeExtension(type, data);
    }
    switch (rng_.Below(12)) {
      case 3:  // no multiple of 8: refused
        extension.data.resize(rng_.Below(64), 'x');
        break;
      case 0:
        extension.type = static_cast<uint16_t>(Number(16));
        break;
      case 1:
        extension.data.resize(8 * rng_.Below(8), 'x');
        break;
      case 2:
        extension.reserved = static_cast<uint16_t>(Number(16));
        break;
      default:
        break;
    }
    return extension;
  }
  // A number of any magnitude, and of those at which something ends.
  uint64_t Number(size_t bits) {
    const uint64_t power = uint64_t{1} << rng_.Below(bits);
    switch (rng_.Below(4)) {
      case 0:
        return power - 1;
      case 1:
        return UINT64_MAX - rng_.Below(3);
      case 2:
        return rng_.Below(power);
      default:
        return power;
    }
  }

 private:
  static constexpr size_t kNodes = 6;
  static constexpr size_t kMostNodes = 64;

  struct Learner {
    BusValues* values;

    template <class T>
    void operator()(std::string_view, const T& value) {
      if constexpr (std::is_same_v<T, NodeId>) {
        if (values->nodes_.size() < kMostNodes) values->nodes_.push_back(value);
      } else if constexpr (std::is_same_v<T, cluster::Epoch>) {
        if (values->epochs_.size() < kMostNodes) values->epochs_.push_back(value.value);
      }
    }
    void Type(uint16_t, bool) {}
    void GossipCount(uint16_t) {}
    void ExtensionCount(uint16_t) {}
    void Size(const std::string&) {}
    void Text(std::string_view, const std::string&) {}
    void Rest(std::string_view, const std::string&) {}
    void List(const std::vector<Gossip>& gossip) {
      for (const Gossip& entry : gossip) Gossip::Fields(entry, *this);
    }
    void List(const std::vector<Extension>&) {}
  };

  template <class Fixed>
  char& AnyByte(Fixed& value) {
    return value.bytes[rng_.Below(Fixed::kBytes)];
  }

  Rng& rng_;
  std::vector<NodeId> nodes_;
  std::vector<uint64_t> epochs_;
};

// Does something with one of the fields that it visits: the one with number `target`.
template <class Do>
class AtField {
 public:
  AtField(size_t target, const Do& change) : target_(target), change_(change) {}
  // Of the fields until now.
  size_t count() const { return at_; }

  template <class T>
  void operator()(std::string_view, T& value) {
    if (at_++ == target_) change_(value);
  }
  void Type(uint16_t&, bool) {}
  void GossipCount(uint16_t& count) { (*this)("", count); }
  void ExtensionCount(uint16_t& count) { (*this)("", count); }
  void Size(const std::string&) {}
  void Text(std::string_view name, std::string& text) { (*this)(name, text); }
  void Rest(std::string_view name, std::string& data) { (*this)(name, data); }
  void List(std::vector<Gossip>& gossip) {
    for (Gossip& entry : gossip) Gossip::Fields(entry, *this);
  }
  void List(std::vector<Extension>& extensions) {
    for (Extension& extension : extensions) Extension::Fields(extension, *this);
  }

 private:
  const size_t target_;
  const Do& change_;
  size_t at_ = 0;
};

// Returns the number of fields of a packet.
template <class Do>
size_t VisitField(Packet* packet, size_t target, const Do& change) {
  AtField visit(target, change);
  cluster::Header::Fields(packet->header, visit);
  std::visit([&]<class Kind>(Kind& body) { Kind::Fields(body, visit); }, packet->body);
  return visit.count();
}
size_t FieldCount(Packet* packet) {
  return VisitField(packet, SIZE_MAX, [](auto&) {});
}

class BusGenerator {
 public:
  BusGenerator(Rng* rng, Profile profile) : rng_(*rng), values_(rng), profile_(profile) {}

  BusValues& values() { return values_; }

  BusPiece Make() {
    BusPiece piece;
    piece.is_packet = true;
    Packet& packet = piece.packet;
    cluster::Header& header = packet.header;
    // Gossip is what most packets are.
    header.type = static_cast<uint16_t>(rng_.OneIn(3) ? rng_.Below(2) : rng_.Below(11));
    if (rng_.OneIn(32)) values_.Fill(header.type);
    header.light =
        MayBeLight(header.type) ? rng_.OneIn(2) : profile_ == Profile::kValkey80 && rng_.OneIn(32);
    if (!header.light) {
      values_.Fill(header.port);
      values_.Fill(header.current_epoch);
      values_.Fill(header.config_epoch);
      header.offset = rng_.Below(100000);
      values_.Fill(header.sender);
      values_.Fill(header.slots);
      if (rng_.OneIn(2)) values_.Fill(header.primary);
      if (rng_.OneIn(2)) values_.Fill(header.ip);
      values_.Fill(header.cport);
      values_.Fill(header.flags);
      header.flags.bits |= NodeFlags::kMyself;
      if (rng_.OneIn(3)) values_.Fill(header.state);
      if (rng_.OneIn(4)) values_.Fill(header.mflags);
    }
    packet.ChooseBody();
    if (auto* const lists = std::get_if<GossipBody>(&packet.body)) {
      for (size_t i = rng_.Below(4); i > 0; --i) lists->gossip.push_back(values_.Entry());
      if (rng_.OneIn(2)) header.mflags.bits |= MessageFlags::kExtensionData;
      if ((header.mflags.bits & MessageFlags::kExtensionData) != 0) {
        for (size_t i = rng_.Below(4); i > 0; --i) {
          lists->extensions.push_back(values_.MakeExtension());
        }
      }
    } else if (auto* const update = std::get_if<cluster::UpdateBody>(&packet.body)) {
      values_.Fill(update->config_epoch);
      values_.Fill(update->node);
      values_.Fill(update->slots);
    } else if (auto* const fail = std::get_if<cluster::FailBody>(&packet.body)) {
      values_.Fill(fail->node);
    } else if (auto* const publish = std::get_if<cluster::PublishBody>(&packet.body)) {
      values_.Fill(publish->channel);
      values_.Fill(publish->message);
    } else if (auto* const module = std::get_if<cluster::ModuleBody>(&packet.body)) {
      values_.Fill(module->module);
      values_.Fill(module->kind);
      values_.Fill(module->payload);
    } else if (auto* const unknown = std::get_if<cluster::UnknownBody>(&packet.body)) {
      values_.Fill(unknown->data);
    }
    if (rng_.OneIn(3)) Change(&piece);
    if (rng_.OneIn(6)) Lie(&piece);
    return piece;
  }

  // Changes a value, a list, or the type.
  void Change(BusPiece* piece) {
    Packet& packet = piece->packet;
    auto* const lists = std::get_if<GossipBody>(&packet.body);
    switch (rng_.Below(8)) {
      case 0:
        packet.header.type = static_cast<uint16_t>(rng_.Below(12));
        packet.header.light = packet.header.light && MayBeLight(packet.header.type);
        packet.ChooseBody();
        break;
      case 1:
        if (MayBeLight(packet.header.type)) packet.header.light = !packet.header.light;
        break;
      case 2:
        if (lists != nullptr) ChangeList(&lists->gossip, [&] { return values_.Entry(); });
        break;
      case 3:
        if (lists == nullptr) break;
        packet.header.mflags.bits |= MessageFlags::kExtensionData;
        ChangeList(&lists->extensions, [&] { return values_.MakeExtension(); });
        break;
      default:
        VisitField(&packet, rng_.Below(FieldCount(&packet)),
                   [&](auto& value) { values_.Fill(value); });
    }
  }

  // Makes a length, a count, or what a packet begins with wrong; two of the same kind may be wrong
  // by the same amount, so that their sum is right.
  void Lie(BusPiece* piece) {
    std::string written;
    std::vector<DerivedField> derived;
    cluster::WritePacket(piece->packet, &written, &derived);
    const DerivedField& field = rng_.Pick(derived);
    size_t ordinal = 0;
    size_t same = 0;
    for (const DerivedField& other : derived) {
      if (other.kind != field.kind) continue;
      if (&other < &field) ++ordinal;
      ++same;
    }
    constexpr uint64_t kSteps[] = {1, 8, cluster::kGossipBytes, 1 << 16, uint64_t{1} << 31};
    uint64_t delta = rng_.OneIn(2) ? values_.Number(8u * field.size) : rng_.Pick(kSteps);
    if (rng_.OneIn(2)) delta = 0 - delta;
    piece->lies.push_back({field.kind, ordinal, delta});
    if (same > 1 && rng_.OneIn(2)) {
      piece->lies.push_back({field.kind, (ordinal + 1) % same, 0 - delta});
    }
  }

 private:
  bool MayBeLight(uint16_t type) const {
    return profile_ == Profile::kValkey80 && type < cluster::kPacketTypes &&
           cluster::kPacketTypeInfo[type].light;
  }

  template <class T, class MakeOne>
  void ChangeList(std::vector<T>* list, const MakeOne& make) {
    if (list->empty() || rng_.OneIn(3)) {
      list->insert(list->begin() + static_cast<std::ptrdiff_t>(rng_.Below(list->size() + 1)),
                   make());
      return;
    }
    const size_t at = rng_.Below(list->size());
    const auto place = list->begin() + static_cast<std::ptrdiff_t>(at);
    switch (rng_.Below(3)) {
      case 0:
        list->erase(place);
        break;
      case 1:
        list->insert(place, T((*list)[at]));
        break;
      default:
        std::swap(*place, (*list)[rng_.Below(list->size())]);
    }
  }

  Rng& rng_;
  BusValues values_;
  const Profile profile_;
};

bool MutatePieces(Rng* rng, Profile profile, std::vector<BusPiece>* pieces) {
  BusGenerator generator(rng, profile);
  for (const BusPiece& piece : *pieces) {
    if (piece.is_packet) generator.values().Learn(piece.packet);
  }
  const size_t at = rng->Below(pieces->size());
  const auto place = pieces->begin() + static_cast<std::ptrdiff_t>(at);
  switch (rng->Below(16)) {
    case 0:
      pieces->insert(place, generator.Make());
      return true;
    case 1:
      pieces->insert(place, BusPiece((*pieces)[at]));
      return true;
    case 2:
      if (pieces->size() < 2) return false;
      pieces->erase(place);
      return true;
    case 3:
      std::swap(*place, (*pieces)[rng->Below(pieces->size())]);
      return pieces->size() > 1;
    default:
      break;
  }
  if (!place->is_packet) return false;
  if (!place->lies.empty() && rng->OneIn(3)) {
    place->lies.erase(place->lies.begin() +
                      static_cast<std::ptrdiff_t>(rng->Below(place->lies.size())));
  } else if (rng->OneIn(6)) {
    generator.Lie(&*place);
  } else {
    for (size_t i = 1 + rng->Below(3); i > 0; --i) generator.Change(&*place);
  }
  return true;
}

}  // namespace

void GenerateBusTape(uint64_t seed, Tape* out) {
  Rng rng(seed);
  const Profile profile = rng.OneIn(2) ? Profile::kValkey80 : Profile::kRedis70;
  BusGenerator generator(&rng, profile);
  std::vector<BusPiece> pieces;
  for (size_t i = 1 + (rng.OneIn(4) ? rng.Below(3) : 0); i > 0; --i) {
    pieces.push_back(generator.Make());
    generator.values().Learn(pieces.back().packet);
  }
  JoinBusStream(profile, pieces, out);
  if (rng.OneIn(16)) out->resize(1 + rng.Below(out->size()));
}

namespace {

// A server's own checks of the lengths of this packet are enough.
bool ServersCheck(std::string_view bytes, const Packet& packet, Profile profile) {
  Packet parsed;
  switch (cluster::ParsePacket(bytes, profile, &parsed).error) {
    case cluster::BusError::kExtension:
    case cluster::BusError::kLightType:
      return false;
    case cluster::BusError::kLength:
      return !packet.header.light && packet.header.type != uint16_t{4} &&
             packet.header.type != uint16_t{9} && packet.header.type != uint16_t{10} &&
             (packet.header.mflags.bits & MessageFlags::kExtensionData) == 0;
    default:
      return true;
  }
}

}  // namespace

std::vector<std::string> MakeHostilePackets(uint64_t seed, const BusPeople& people) {
  Rng rng(seed);
  const Profile profile = rng.OneIn(2) ? Profile::kValkey80 : Profile::kRedis70;
  BusGenerator generator(&rng, profile);
  generator.values().Replace(people);
  std::vector<std::string> packets;
  for (size_t i = 1 + rng.Below(6); i > 0; --i) {
    const BusPiece piece = generator.Make();
    std::string bytes;
    piece.AppendTo(&bytes);
    // By either profile: the receiver may be of the other one.
    if (ServersCheck(bytes, piece.packet, Profile::kRedis70) &&
        ServersCheck(bytes, piece.packet, Profile::kValkey80)) {
      packets.push_back(std::move(bytes));
    }
  }
  return packets;
}

bool MutateBusTape(Bytes tape, uint64_t seed, Tape* out) {
  Rng rng(seed);
  if (rng.OneIn(8)) return false;
  BusTape decoded = DecodeBusTape(tape);
  if (rng.OneIn(32)) {
    decoded.profile = decoded.profile == Profile::kRedis70 ? Profile::kValkey80 : Profile::kRedis70;
  }
  std::vector<BusPiece> pieces = CutBusStream(decoded);
  if (pieces.empty() || !MutatePieces(&rng, decoded.profile, &pieces)) return false;
  JoinBusStream(decoded.profile, pieces, out);
  return true;
}

namespace {

// Tries changed copies of one piece of a tape.
class PieceShrinker {
 public:
  PieceShrinker(Tape* tape, const std::function<bool(const Tape&)>& still_fails)
      : tape_(*tape), still_fails_(still_fails) {
    const BusTape decoded = DecodeBusTape(*tape);
    profile_ = decoded.profile;
    pieces_ = CutBusStream(decoded);
  }

  bool Run() {
    bool any = false;
    for (size_t i = pieces_.size(); i-- > 0;) {
      any |= Try([&](std::vector<BusPiece>* pieces) {
        pieces->erase(pieces->begin() + static_cast<std::ptrdiff_t>(i));
      });
    }
    for (size_t i = 0; i < pieces_.size(); ++i) {
      if (pieces_[i].is_packet) any |= ShrinkPacket(i);
    }
    return any;
  }

 private:
  template <class Change>
  bool Try(const Change& change) {
    std::vector<BusPiece> changed = pieces_;
    change(&changed);
    Tape candidate;
    JoinBusStream(profile_, changed, &candidate);
    // What becomes smaller, or has more zeros.
    const auto weight = [](const Tape& tape) {
      return tape.size() + static_cast<size_t>(
                               std::ranges::count_if(tape, [](uint8_t byte) { return byte != 0; }));
    };
    if (weight(candidate) >= weight(tape_) || !still_fails_(candidate)) return false;
    tape_ = std::move(candidate);
    pieces_ = std::move(changed);
    return true;
  }

  bool ShrinkPacket(size_t number) {
    bool any = false;
    const auto on_packet = [&](const auto& change) {
      return Try([&](std::vector<BusPiece>* pieces) { change((*pieces)[number]); });
    };
    for (size_t i = pieces_[number].lies.size(); i-- > 0;) {
      any |= on_packet([&](BusPiece& piece) {
        piece.lies.erase(piece.lies.begin() + static_cast<std::ptrdiff_t>(i));
      });
    }
    if (profile_ == Profile::kValkey80 && !pieces_[number].packet.header.light) {
      any |= on_packet([](BusPiece& piece) {
        const uint16_t type = piece.packet.header.type;
        piece.packet.header = {};
        piece.packet.header.light = true;
        piece.packet.header.type = type;
      });
    }
    // Of a list, from its end.
    const auto shrink_list = [&](const auto& list_of) {
      auto* lists = std::get_if<GossipBody>(&pieces_[number].packet.body);
      for (size_t i = lists == nullptr ? 0 : list_of(*lists).size(); i-- > 0;) {
        any |= on_packet([&](BusPiece& piece) {
          auto& list = list_of(std::get<GossipBody>(piece.packet.body));
          list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
        });
      }
    };
    shrink_list([](GossipBody& lists) -> auto& { return lists.gossip; });
    shrink_list([](GossipBody& lists) -> auto& { return lists.extensions; });
    for (size_t field = 0; field < FieldCount(&pieces_[number].packet); ++field) {
      const bool cleared = on_packet([&](BusPiece& piece) {
        VisitField(&piece.packet, field, []<class T>(T& value) { value = T(); });
      });
      any |= cleared;
      bool halved = !cleared;
      while (halved) {
        halved = on_packet([&](BusPiece& piece) {
          VisitField(&piece.packet, field, []<class T>(T& value) {
            if constexpr (std::is_same_v<T, std::string>) value.resize(value.size() / 2);
          });
        });
        any |= halved;
      }
    }
    return any;
  }

  Tape& tape_;
  const std::function<bool(const Tape&)>& still_fails_;
  Profile profile_ = Profile::kRedis70;
  std::vector<BusPiece> pieces_;
};

}  // namespace

bool ShrinkBusTape(Tape* tape, const std::function<bool(const Tape&)>& still_fails) {
  return PieceShrinker(tape, still_fails).Run();
}

}  // namespace resprobe
