#include "worlds/cluster_bus/bus_tape.h"

#include <algorithm>
#include <utility>

#include "core/cluster/big_endian.h"
#include "core/cluster/bus_text.h"

namespace resprobe {
namespace {

using cluster::BusError;
using cluster::BusResult;
using cluster::DerivedField;
using cluster::DerivedKind;
using cluster::LoadBigEndian;
using cluster::StoreBigEndian;

constexpr uint8_t kValkeyBit = 4;

uint64_t Number(std::string_view bytes, size_t at, size_t size) {
  return LoadBigEndian(bytes.substr(at), size);
}

// Of the field at `offset`, of which the parser says that it is wrong: the value with which the
// packet ends where it does, if that is easily said.
bool Mend(const BusResult& result, const cluster::Packet& read, std::string* bytes) {
  const size_t size = bytes->size();
  switch (result.error) {
    case BusError::kTruncated:
    case BusError::kTotalTooSmall:
      if (size < cluster::kLightHeaderBytes) return false;
      StoreBigEndian(size, 4, cluster::kTotalAt, bytes);
      return true;
    case BusError::kSignature:
      bytes->replace(0, cluster::kBusSignature.size(), cluster::kBusSignature);
      return true;
    case BusError::kVersion:
      StoreBigEndian(cluster::kBusVersion, 2, cluster::kVersionAt, bytes);
      return true;
    case BusError::kExtension:
      if (result.offset == cluster::kExtensionCountAt || (size - result.offset) % 8 != 0) {
        return false;
      }
      StoreBigEndian(size - result.offset, 4, result.offset, bytes);
      return true;
    case BusError::kLength:
      break;
    default:
      return false;
  }
  if (std::holds_alternative<cluster::GossipBody>(read.body)) {
    if (result.offset != cluster::kCountAt) return false;
    StoreBigEndian((size - cluster::kHeaderBytes) / cluster::kGossipBytes, 2, cluster::kCountAt,
                   bytes);
    return true;
  }
  const size_t data = read.header.light ? cluster::kLightHeaderBytes : cluster::kHeaderBytes;
  if (std::holds_alternative<cluster::PublishBody>(read.body) && size >= data + 8) {
    // The one that is not said to be wrong stays, if it fits.
    const size_t texts = size - data - 8;
    const uint64_t second = result.offset == data
                                ? std::min<uint64_t>(Number(*bytes, data + 4, 4), texts)
                                : texts - std::min<uint64_t>(Number(*bytes, data, 4), texts);
    StoreBigEndian(texts - second, 4, data, bytes);
    StoreBigEndian(second, 4, data + 4, bytes);
    return true;
  }
  if (std::holds_alternative<cluster::ModuleBody>(read.body) && size >= data + 13) {
    StoreBigEndian(size - data - 13, 4, data + 8, bytes);
    return true;
  }
  return false;
}

uint64_t Masked(uint64_t value, size_t size) { return value & ((uint64_t{1} << 8 * size) - 1); }

// Fills a piece from the bytes of a packet; leaves it bytes if they are none, even with other
// lengths.
void Understand(std::string_view bytes, Profile profile, BusPiece* piece) {
  constexpr int kAttempts = 6;
  std::string mended(bytes);
  for (int i = 0; i < kAttempts; ++i) {
    const BusResult result = cluster::ParsePacket(mended, profile, &piece->packet);
    if (!result.ok()) {
      if (!Mend(result, piece->packet, &mended)) return;
      continue;
    }
    std::string written;
    std::vector<DerivedField> derived;
    cluster::WritePacket(piece->packet, &written, &derived);
    size_t ordinals[cluster::kDerivedKinds] = {};
    for (const DerivedField& field : derived) {
      const size_t ordinal = ordinals[static_cast<size_t>(field.kind)]++;
      const uint64_t delta =
          Number(bytes, field.offset, field.size) - Number(written, field.offset, field.size);
      if (delta != 0) piece->lies.push_back({field.kind, ordinal, Masked(delta, field.size)});
    }
    piece->is_packet = true;
    return;
  }
}

std::string_view FateText(cluster::BusFate fate) {
  switch (fate) {
    case cluster::BusFate::kHandled:
      return "handled";
    case cluster::BusFate::kWaits:
      return "not whole";
    case cluster::BusFate::kClosesLink:
      return "refused, and the link closed";
    case cluster::BusFate::kIgnored:
      return "ignored";
  }
  return "";
}

}  // namespace

BusTape DecodeBusTape(Bytes input) {
  BusTape tape;
  if (input.empty()) return tape;
  if ((input[0] & kValkeyBit) != 0) tape.profile = Profile::kValkey80;
  tape.stream = {reinterpret_cast<const char*>(input.data()) + 1, input.size() - 1};
  return tape;
}

bool PacketIsSound(std::string_view packet, Profile profile) {
  const bool valkey = profile == Profile::kValkey80;
  if (packet.size() < (valkey ? 14u : 8u) || packet.substr(0, 4) != "RCmb") return false;
  uint64_t type = packet.size() < 14 ? 0 : Number(packet, 12, 2);
  const bool light = valkey && type >= 0x8000;
  if (light) type -= 0x8000;
  uint64_t expected = light ? 16 : 2256;
  if (packet.size() < expected || Number(packet, 4, 4) != packet.size()) return false;
  if (Number(packet, 8, 2) != 1) return false;
  if (light && type != 4 && type != 10) return false;
  const auto has = [&](uint64_t bytes) { return packet.size() >= expected + bytes; };
  switch (type) {
    case 0:
    case 1:
    case 2: {
      expected += 104 * Number(packet, 14, 2);
      if ((static_cast<uint8_t>(packet[2253]) & 4) == 0) break;
      for (uint64_t left = Number(packet, 2214, 2); left > 0; --left) {
        if (!has(8)) return false;
        const uint64_t length = Number(packet, expected, 4);
        if (length < 8 || length % 8 != 0) return false;
        expected += length;
      }
      break;
    }
    case 3:
      expected += 40;
      break;
    case 4:
    case 10:
      if (!has(8)) return false;
      expected += 8 + Number(packet, expected, 4) + Number(packet, expected + 4, 4);
      break;
    case 5:
    case 6:
    case 8:
      break;
    case 7:
      expected += 2096;
      break;
    case 9:
      if (!has(13)) return false;
      expected += 13 + Number(packet, expected + 8, 4);
      break;
    default:
      return true;
  }
  return packet.size() == expected;
}

bool ClosesLink(std::string_view bytes, Profile profile) {
  const bool valkey = profile == Profile::kValkey80;
  if (bytes.size() < (valkey ? 14u : 8u)) return false;
  if (bytes.substr(0, 4) != "RCmb") return true;
  const bool light = valkey && Number(bytes, 12, 2) >= 0x8000;
  return Number(bytes, 4, 4) < (light ? 16u : 2256u);
}

void BusPiece::AppendTo(std::string* out) const {
  if (!is_packet) {
    out->append(bytes);
    return;
  }
  const size_t start = out->size();
  std::vector<DerivedField> derived;
  cluster::WritePacket(packet, out, &derived);
  size_t ordinals[cluster::kDerivedKinds] = {};
  for (const DerivedField& field : derived) {
    const size_t ordinal = ordinals[static_cast<size_t>(field.kind)]++;
    for (const BusLie& lie : lies) {
      if (lie.kind != field.kind || lie.ordinal != ordinal) continue;
      const size_t at = start + field.offset;
      StoreBigEndian(Number(*out, at, field.size) + lie.delta, field.size, at, out);
    }
  }
}

std::vector<BusPiece> CutBusStream(const BusTape& tape) {
  std::vector<BusPiece> pieces;
  std::string_view left = tape.stream;
  while (!left.empty()) {
    const cluster::PacketFrame frame = cluster::ReadFrame(left, tape.profile);
    const bool whole = frame.result.ok() && frame.total <= left.size();
    const std::string_view bytes = left.substr(0, whole ? frame.total : left.size());
    left.remove_prefix(bytes.size());
    BusPiece& piece = pieces.emplace_back();
    Understand(bytes, tape.profile, &piece);
    if (!piece.is_packet) piece.bytes = bytes;
  }
  return pieces;
}

void JoinBusStream(Profile profile, const std::vector<BusPiece>& pieces, Tape* out) {
  std::string stream = profile == Profile::kValkey80 ? "v" : "r";
  for (const BusPiece& piece : pieces) piece.AppendTo(&stream);
  out->assign(stream.begin(), stream.end());
}

std::string ShowBusTape(const BusTape& tape) {
  std::string text = "a node of " + std::string(TraitsOf(tape.profile).name) + " receives " +
                     std::to_string(tape.stream.size()) + " bytes\n";
  std::string_view left = tape.stream;
  while (!left.empty()) {
    const cluster::PacketFrame frame = cluster::ReadFrame(left, tape.profile);
    const bool whole = frame.result.ok() && frame.total <= left.size();
    const std::string_view bytes = left.substr(0, whole ? frame.total : left.size());
    text += "# byte " + std::to_string(tape.stream.size() - left.size()) + ", " +
            std::to_string(bytes.size()) + " bytes: ";
    left.remove_prefix(bytes.size());
    cluster::Packet packet;
    const BusResult result = cluster::ParsePacket(bytes, tape.profile, &packet);
    text += FateText(cluster::FateOf(result.error));
    if (!result.ok()) {
      text += ": " + std::string(cluster::BusErrorText(result.error)) + ", at byte " +
              std::to_string(result.offset) + " of the packet";
      if (frame.result.ok()) text += ", of " + std::to_string(frame.total);
    }
    text += "\n";
    // Of a packet with wrong derived, what it would be.
    BusPiece piece;
    Understand(bytes, tape.profile, &piece);
    if (piece.is_packet) cluster::PrintPacket(piece.packet, &text);
  }
  return text;
}

}  // namespace resprobe
