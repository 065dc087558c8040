#include "core/persistence/debug_digest.h"

#include <bit>
#include <cstdio>
#include <span>

#include "core/table/numbers.h"
#include "core/table/short_double.h"

namespace resprobe {
namespace {

constexpr size_t kBlock = 64;

void AddBlock(const uint8_t* block, std::span<uint32_t, 5> state) {
  uint32_t words[80];
  for (size_t i = 0; i < 16; ++i) {
    words[i] = uint32_t{block[4 * i]} << 24 | uint32_t{block[4 * i + 1]} << 16 |
               uint32_t{block[4 * i + 2]} << 8 | uint32_t{block[4 * i + 3]};
  }
  for (size_t i = 16; i < 80; ++i) {
    words[i] = std::rotl(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
  }
  uint32_t a = state[0];
  uint32_t b = state[1];
  uint32_t c = state[2];
  uint32_t d = state[3];
  uint32_t e = state[4];
  for (size_t i = 0; i < 80; ++i) {
    uint32_t mixed;
    if (i < 20) {
      mixed = ((b & c) | (~b & d)) + 0x5a827999;
    } else if (i < 40) {
      mixed = (b ^ c ^ d) + 0x6ed9eba1;
    } else if (i < 60) {
      mixed = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    } else {
      mixed = (b ^ c ^ d) + 0xca62c1d6;
    }
    const uint32_t next = std::rotl(a, 5) + mixed + e + words[i];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
}

std::string_view View(const DebugDigest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// The server's two ways to add bytes: in any order, and in this order.
void XorInto(std::string_view bytes, DebugDigest* digest) {
  const DebugDigest added = Sha1(bytes);
  for (size_t i = 0; i < added.size(); ++i) (*digest)[i] ^= added[i];
}
void MixInto(std::string_view bytes, DebugDigest* digest) {
  XorInto(bytes, digest);
  *digest = Sha1(View(*digest));
}

void MixNumber(uint32_t number, DebugDigest* digest) {
  const char bytes[] = {static_cast<char>(number >> 24), static_cast<char>(number >> 16 & 0xff),
                        static_cast<char>(number >> 8 & 0xff), static_cast<char>(number & 0xff)};
  MixInto({bytes, sizeof bytes}, digest);
}

// OBJ_STRING and so on.
uint32_t ServerType(ObjectType type) {
  switch (type) {
    case ObjectType::kList:
      return 1;
    case ObjectType::kSet:
      return 2;
    case ObjectType::kZset:
      return 3;
    case ObjectType::kHash:
      return 4;
    case ObjectType::kString:
    case ObjectType::kNone:
      break;
  }
  return 0;
}

void XorPair(std::string_view first, std::string_view second, DebugDigest* digest) {
  DebugDigest pair = {};
  MixInto(first, &pair);
  MixInto(second, &pair);
  XorInto(View(pair), digest);
}

std::string_view ScoreText(double score, Profile profile, std::span<char> buffer) {
  if (TraitsOf(profile).short_doubles) return FormatShortDouble(score, buffer);
  const int size = std::snprintf(buffer.data(), buffer.size(), "%.17g", score);
  return {buffer.data(), static_cast<size_t>(size)};
}

void AddObject(const Object& object, Profile profile, DebugDigest* digest) {
  MixNumber(ServerType(object.type()), digest);
  switch (object.type()) {
    case ObjectType::kString:
      MixInto(object.string(), digest);
      break;
    case ObjectType::kList:
      for (size_t i = 0; i < object.size(); ++i) MixInto(object.list().at(i), digest);
      break;
    case ObjectType::kSet:
      for (size_t i = 0; i < object.size(); ++i) {
        XorInto(object.set().members().at(i).key, digest);
      }
      break;
    case ObjectType::kZset:
      for (size_t i = 0; i < object.size(); ++i) {
        const auto& member = object.zset().scores().at(i);
        char score[kNumberBufferSize];
        XorPair(member.key, ScoreText(member.value, profile, score), digest);
      }
      break;
    case ObjectType::kHash:
      for (size_t i = 0; i < object.size(); ++i) {
        const auto& field = object.hash().fields().at(i);
        XorPair(field.key, field.value, digest);
      }
      break;
    case ObjectType::kNone:
      break;
  }
  if (object.expire_at() != kNoExpiry) XorInto("!!expire!!", digest);
}

}  // namespace

DebugDigest Sha1(std::string_view bytes) {
  uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  const uint64_t bits = uint64_t{bytes.size()} * 8;
  while (bytes.size() >= kBlock) {
    AddBlock(data, state);
    data += kBlock;
    bytes.remove_prefix(kBlock);
  }
  uint8_t end[2 * kBlock] = {};
  for (size_t i = 0; i < bytes.size(); ++i) end[i] = data[i];
  end[bytes.size()] = 0x80;
  const size_t size = bytes.size() + 9 <= kBlock ? kBlock : 2 * kBlock;
  for (size_t i = 0; i < 8; ++i) end[size - 1 - i] = static_cast<uint8_t>(bits >> 8 * i);
  for (size_t at = 0; at < size; at += kBlock) AddBlock(end + at, state);
  DebugDigest digest;
  for (size_t i = 0; i < digest.size(); ++i) {
    digest[i] = static_cast<uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
  }
  return digest;
}

DebugDigest DigestOf(const Object& object, Profile profile) {
  DebugDigest digest = {};
  AddObject(object, profile, &digest);
  return digest;
}

DebugDigest DigestOf(const Keyspace& keyspace, Profile profile) {
  DebugDigest all = {};
  for (int db = 0; db < keyspace.databases(); ++db) {
    const Dict<Object>& keys = keyspace.keys(db);
    if (keys.empty()) continue;
    MixNumber(static_cast<uint32_t>(db), &all);
    for (size_t i = 0; i < keys.size(); ++i) {
      DebugDigest key = {};
      MixInto(keys.at(i).key, &key);
      AddObject(keys.at(i).value, profile, &key);
      XorInto(View(key), &all);
    }
  }
  return all;
}

std::string DebugDigestText(const DebugDigest& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace resprobe
