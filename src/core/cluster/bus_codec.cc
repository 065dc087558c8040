#include "core/cluster/bus_codec.h"

#include <concepts>
#include <utility>

#include "core/cluster/big_endian.h"

namespace resprobe::cluster {
namespace {

constexpr size_t kFrameBytes = 10;  // signature, total length, version

// Reads the fields that it visits.
class Reader {
 public:
  // `bytes`: a packet from its start on, of which `at` bytes have been read.
  Reader(std::string_view bytes, size_t at, const Header* header)
      : bytes_(bytes), at_(at), header_(header) {}

  const BusResult& result() const { return result_; }
  size_t left() const { return bytes_.size() - at_; }

  template <std::unsigned_integral T>
  void operator()(std::string_view, T& value) {
    value = static_cast<T>(Number(sizeof(T)));
  }
  void operator()(std::string_view, Epoch& epoch) { epoch.value = Number(8); }
  void operator()(std::string_view, NodeFlags& flags) {
    flags.bits = static_cast<uint16_t>(Number(2));
  }
  void operator()(std::string_view, MessageFlags& flags) {
    flags.bits = static_cast<uint8_t>(Number(1));
  }
  void operator()(std::string_view, ClusterState& state) {
    state.value = static_cast<uint8_t>(Number(1));
  }
  void operator()(std::string_view, ModuleId& module) {
    module.value = Swapped(Number(sizeof(module.value)));
  }
  template <class Tag, size_t kSize>
  void operator()(std::string_view, FixedBytes<Tag, kSize>& value) {
    if (!Has(kSize)) return;
    std::memcpy(value.bytes.data(), bytes_.data() + at_, kSize);
    at_ += kSize;
  }
  void Type(uint16_t& type, bool light) {
    type = static_cast<uint16_t>(Number(2));
    if (light) type = static_cast<uint16_t>(type & ~kLightBit);
  }
  void GossipCount(uint16_t& count) { count = static_cast<uint16_t>(Number(2)); }
  void ExtensionCount(uint16_t& count) { count = static_cast<uint16_t>(Number(2)); }

  void Size(const std::string&) {
    size_at_[sizes_] = at_;
    size_[sizes_++] = static_cast<size_t>(Number(4));
  }
  void Text(std::string_view, std::string& text) {
    const size_t size = size_[texts_];
    if (result_.ok() && left() < size) Fail(BusError::kLength, size_at_[texts_]);
    ++texts_;
    if (!result_.ok()) return;
    text.assign(bytes_.substr(at_, size));
    at_ += size;
  }
  void Rest(std::string_view, std::string& data) {
    data.assign(bytes_.substr(at_));
    at_ = bytes_.size();
  }

  void List(std::vector<Gossip>& gossip) {
    gossip.clear();
    if (left() / kGossipBytes < header_->count) return Fail(BusError::kLength, kCountAt);
    gossip.resize(header_->count);
    for (Gossip& entry : gossip) Gossip::Fields(entry, *this);
  }
  void List(std::vector<Extension>& extensions) {
    const bool any = (header_->mflags.bits & MessageFlags::kExtensionData) != 0;
    // Each has a header, so a list is never longer than the bytes.
    if (any && left() / kExtensionHeaderBytes < header_->extensions) {
      extensions.clear();
      return Fail(BusError::kLength, kExtensionCountAt);
    }
    extensions.resize(any ? header_->extensions : 0);
    for (Extension& extension : extensions) {
      if (left() < kExtensionHeaderBytes) return Fail(BusError::kExtension, kExtensionCountAt);
      const size_t start = at_;
      const uint64_t length = Number(4);
      Extension::Fields(extension, *this);
      if (length % 8 != 0 || length < kExtensionHeaderBytes || length > bytes_.size() - start) {
        return Fail(BusError::kExtension, start);
      }
      const size_t size = static_cast<size_t>(length) - kExtensionHeaderBytes;
      extension.data.assign(bytes_.substr(at_, size));
      at_ += size;
    }
  }

  void Fail(BusError error, size_t offset) {
    if (result_.ok()) result_ = {error, static_cast<uint32_t>(offset)};
    at_ = bytes_.size();
  }

 private:
  bool Has(size_t size) {
    if (left() >= size) return true;
    Fail(BusError::kLength, kTotalAt);
    return false;
  }
  uint64_t Number(size_t size) {
    if (!Has(size)) return 0;
    const uint64_t value = LoadBigEndian(bytes_.substr(at_), size);
    at_ += size;
    return value;
  }

  const std::string_view bytes_;
  size_t at_;
  const Header* const header_;
  BusResult result_;
  // Of the texts of a body, which come after all their sizes.
  size_t size_[2] = {};
  size_t size_at_[2] = {};
  size_t sizes_ = 0;
  size_t texts_ = 0;
};

// Appends the fields that it visits.
class Writer {
 public:
  Writer(const Packet* packet, std::string* out, std::vector<DerivedField>* derived)
      : packet_(packet), out_(out), derived_(derived), start_(out->size()) {}

  template <std::unsigned_integral T>
  void operator()(std::string_view, const T& value) {
    AppendBigEndian(value, sizeof(T), out_);
  }
  void operator()(std::string_view, const Epoch& epoch) { AppendBigEndian(epoch.value, 8, out_); }
  void operator()(std::string_view, const NodeFlags& flags) {
    AppendBigEndian(flags.bits, 2, out_);
  }
  void operator()(std::string_view, const MessageFlags& flags) {
    AppendBigEndian(flags.bits, 1, out_);
  }
  void operator()(std::string_view, const ClusterState& state) {
    AppendBigEndian(state.value, 1, out_);
  }
  void operator()(std::string_view, const ModuleId& module) {
    AppendBigEndian(Swapped(module.value), 8, out_);
  }
  template <class Tag, size_t kSize>
  void operator()(std::string_view, const FixedBytes<Tag, kSize>& value) {
    out_->append(value.view());
  }
  void Type(uint16_t type, bool light) {
    AppendBigEndian(light ? type | kLightBit : type, 2, out_);
  }
  void GossipCount(uint16_t count) {
    const auto* const lists = std::get_if<GossipBody>(&packet_->body);
    Derived(DerivedKind::kGossipCount, lists != nullptr ? lists->gossip.size() : count, 2);
  }
  void ExtensionCount(uint16_t count) {
    const auto* const lists = std::get_if<GossipBody>(&packet_->body);
    const bool any = lists != nullptr && has_extensions();
    Derived(DerivedKind::kExtensionCount, any ? lists->extensions.size() : count, 2);
  }
  void Size(const std::string& text) { Derived(DerivedKind::kTextSize, text.size(), 4); }
  void Text(std::string_view, const std::string& text) { out_->append(text); }
  void Rest(std::string_view, const std::string& data) { out_->append(data); }
  void List(const std::vector<Gossip>& gossip) {
    for (const Gossip& entry : gossip) Gossip::Fields(entry, *this);
  }
  void List(const std::vector<Extension>& extensions) {
    if (!has_extensions()) return;
    for (const Extension& extension : extensions) {
      Derived(DerivedKind::kExtensionSize, kExtensionHeaderBytes + extension.data.size(), 4);
      Extension::Fields(extension, *this);
      out_->append(extension.data);
    }
  }

  void Derived(DerivedKind kind, uint64_t value, uint8_t size) {
    if (derived_ != nullptr) {
      derived_->push_back({kind, size, static_cast<uint32_t>(out_->size() - start_)});
    }
    AppendBigEndian(value, size, out_);
  }

 private:
  bool has_extensions() const {
    return (packet_->header.mflags.bits & MessageFlags::kExtensionData) != 0;
  }

  const Packet* const packet_;
  std::string* const out_;
  std::vector<DerivedField>* const derived_;
  const size_t start_;
};

constexpr ExtensionType kTextTypes[] = {ExtensionType::kHostname, ExtensionType::kHumanName,
                                        ExtensionType::kClientIpv4, ExtensionType::kClientIpv6};

bool HasText(uint16_t type) {
  for (const ExtensionType text : kTextTypes) {
    if (type == static_cast<uint16_t>(text)) return true;
  }
  return false;
}

template <class Data>
Data DataIn(const Extension& extension) {
  Data data;
  Reader reader(extension.data, 0, nullptr);
  Data::Fields(data, reader);
  return data;
}

}  // namespace

BusFate FateOf(BusError error) {
  switch (error) {
    case BusError::kNone:
    case BusError::kTooLarge:
      return BusFate::kHandled;
    case BusError::kTruncated:
      return BusFate::kWaits;
    case BusError::kSignature:
    case BusError::kTotalTooSmall:
      return BusFate::kClosesLink;
    default:
      return BusFate::kIgnored;
  }
}

std::string_view BusErrorText(BusError error) {
  switch (error) {
    case BusError::kNone:
      return "";
    case BusError::kTruncated:
      return "more bytes are needed";
    case BusError::kSignature:
      return "the signature is not RCmb";
    case BusError::kTotalTooSmall:
      return "the total length is less than that of a header";
    case BusError::kTooLarge:
      return "the packet is over the limit";
    case BusError::kLightType:
      return "packets of this type have no light header";
    case BusError::kVersion:
      return "the version is not 1";
    case BusError::kLength:
      return "the total length is not that of the contents";
    case BusError::kExtension:
      return "the length of an extension is not a multiple of 8, or not inside the packet";
  }
  return "";
}

PacketFrame ReadFrame(std::string_view bytes, Profile profile) {
  const BusTraits& traits = BusTraitsOf(profile);
  if (bytes.size() < traits.first_bytes) {
    return {{BusError::kTruncated, static_cast<uint32_t>(bytes.size())}};
  }
  for (uint32_t i = 0; i < kBusSignature.size(); ++i) {
    if (bytes[i] != kBusSignature[i]) return {{BusError::kSignature, i}};
  }
  const auto total = static_cast<uint32_t>(LoadBigEndian(bytes.substr(kTotalAt), 4));
  const bool light = traits.light && (static_cast<uint8_t>(bytes[kTypeAt]) & kLightBit >> 8) != 0;
  if (total < (light ? kLightHeaderBytes : kHeaderBytes)) {
    return {{BusError::kTotalTooSmall, kTotalAt}, total};
  }
  return {{}, total};
}

BusResult ParsePacket(std::string_view bytes, Profile profile, Packet* packet) {
  const PacketFrame frame = ReadFrame(bytes, profile);
  if (!frame.result.ok()) return frame.result;
  if (bytes.size() < frame.total) {
    return {BusError::kTruncated, static_cast<uint32_t>(bytes.size())};
  }
  Header& header = packet->header;
  const auto type = static_cast<uint16_t>(LoadBigEndian(bytes.substr(kTypeAt), 2));
  const bool light = BusTraitsOf(profile).light && (type & kLightBit) != 0;
  if (light) {
    const auto plain = static_cast<uint16_t>(type & ~kLightBit);
    if (plain >= kPacketTypes || !kPacketTypeInfo[plain].light) {
      return {BusError::kLightType, kTypeAt};
    }
    header = {};
  }
  if (LoadBigEndian(bytes.substr(kVersionAt), 2) != kBusVersion) {
    return {BusError::kVersion, kVersionAt};
  }
  if (bytes.size() > frame.total) return {BusError::kLength, kTotalAt};
  header.light = light;
  Reader reader(bytes, kFrameBytes, &header);
  Header::Fields(header, reader);
  packet->ChooseBody();
  std::visit([&]<class Kind>(Kind& body) { Kind::Fields(body, reader); }, packet->body);
  if (reader.left() > 0) reader.Fail(BusError::kLength, kTotalAt);
  return reader.result();
}

void WritePacket(const Packet& packet, std::string* out, std::vector<DerivedField>* derived) {
  const size_t start = out->size();
  Writer writer(&packet, out, derived);
  writer.Derived(DerivedKind::kSignature, LoadBigEndian(kBusSignature, 4), 4);
  writer.Derived(DerivedKind::kTotal, 0, 4);
  writer.Derived(DerivedKind::kVersion, kBusVersion, 2);
  Header::Fields(packet.header, writer);
  std::visit([&]<class Kind>(const Kind& body) { Kind::Fields(body, writer); }, packet.body);
  StoreBigEndian(out->size() - start, 4, start + kTotalAt, out);
}

void Packet::ChooseBody() {
  const size_t index = BodyOf(header.type);
  if (body.index() == index) return;
  [&]<size_t... kIndex>(std::index_sequence<kIndex...>) {
    ((kIndex == index ? static_cast<void>(body.emplace<kIndex>()) : void()), ...);
  }(std::make_index_sequence<std::variant_size_v<Body>>());
}

void Packet::CountLists() {
  const auto* const lists = std::get_if<GossipBody>(&body);
  if (lists == nullptr) return;
  header.count = static_cast<uint16_t>(lists->gossip.size());
  if ((header.mflags.bits & MessageFlags::kExtensionData) != 0) {
    header.extensions = static_cast<uint16_t>(lists->extensions.size());
  }
}

std::optional<ExtensionData> DataOf(const Extension& extension) {
  std::optional<ExtensionData> data;
  if (HasText(extension.type)) {
    data = TextData{extension.data.substr(0, extension.data.find('\0'))};
  } else if (extension.type == static_cast<uint16_t>(ExtensionType::kForgotten)) {
    data = DataIn<ForgottenData>(extension);
  } else if (extension.type == static_cast<uint16_t>(ExtensionType::kShardId)) {
    data = DataIn<ShardData>(extension);
  }
  if (!data.has_value() ||
      MakeExtension(static_cast<ExtensionType>(extension.type), *data) != extension) {
    return std::nullopt;
  }
  return data;
}

Extension MakeExtension(ExtensionType type, const ExtensionData& data) {
  Extension extension;
  extension.type = static_cast<uint16_t>(type);
  if (const auto* const text = std::get_if<TextData>(&data)) {
    // With its zero.
    extension.data = text->text;
    extension.data.resize((text->text.size() / 8 + 1) * 8);
    return extension;
  }
  Writer writer(nullptr, &extension.data, nullptr);
  if (const auto* const forgotten = std::get_if<ForgottenData>(&data)) {
    ForgottenData::Fields(*forgotten, writer);
  } else if (const auto* const shard = std::get_if<ShardData>(&data)) {
    ShardData::Fields(*shard, writer);
  }
  return extension;
}

void PacketSplitter::Append(std::string_view bytes) {
  bytes_.erase(0, begin_);
  begin_ = 0;
  bytes_.append(bytes);
}

BusResult PacketSplitter::Next(std::string_view* packet) {
  const std::string_view left = std::string_view(bytes_).substr(begin_);
  const PacketFrame frame = ReadFrame(left, profile_);
  if (!frame.result.ok()) return frame.result;
  if (frame.total > most_) return {BusError::kTooLarge, kTotalAt};
  if (left.size() < frame.total) {
    return {BusError::kTruncated, static_cast<uint32_t>(left.size())};
  }
  *packet = left.substr(0, frame.total);
  begin_ += frame.total;
  offset_ += frame.total;
  return {};
}

void PacketSplitter::Reset() {
  bytes_.clear();
  begin_ = 0;
  offset_ = 0;
}

}  // namespace resprobe::cluster
