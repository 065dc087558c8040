#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/persistence/crc64.h"
#include "core/persistence/intset.h"
#include "core/persistence/listpack.h"
#include "core/persistence/little_endian.h"
#include "core/persistence/rdb.h"
#include "core/persistence/rdb_bytes.h"
#include "core/persistence/rdb_format.h"
#include "core/table/numbers.h"

namespace resprobe {
namespace {

// list-max-listpack-size -2.
constexpr size_t kMostNodeBytes = 8192;
// What a server allows for the header of an element that it adds to a node.
constexpr size_t kElementAllowance = 8;

class ValueWriter {
 public:
  ValueWriter(Profile profile, bool packed, bool compress, std::string* out)
      : profile_(profile), packed_(packed), to_(compress, out) {}

  RdbTextWriter& to() { return to_; }

  void Type(const Object& object) { to_.Byte(TypeOf(object)); }

  void Value(const Object& object) {
    switch (object.type()) {
      case ObjectType::kString:
        to_.Text(object.string());
        break;
      case ObjectType::kList:
        WriteList(object.list());
        break;
      case ObjectType::kHash:
        WriteHash(object.hash());
        break;
      case ObjectType::kSet:
        WriteSet(object.set());
        break;
      case ObjectType::kZset:
        WriteZset(object.zset());
        break;
      case ObjectType::kNone:
        break;
    }
  }

 private:
  const ProfileTraits& traits() const { return TraitsOf(profile_); }

  rdb::Type TypeOf(const Object& object) const {
    switch (object.type()) {
      case ObjectType::kList:
        return packed_ ? rdb::kListQuicklist2 : rdb::kList;
      case ObjectType::kHash:
        return IsPacked(object.hash()) ? rdb::kHashListpack : rdb::kHash;
      case ObjectType::kSet:
        if (IsIntset(object.set())) return rdb::kSetIntset;
        return IsPacked(object.set()) ? rdb::kSetListpack : rdb::kSet;
      case ObjectType::kZset:
        return IsPacked(object.zset()) ? rdb::kZsetListpack : rdb::kZset2;
      case ObjectType::kString:
      case ObjectType::kNone:
        break;
    }
    return rdb::kString;
  }

  bool IsPacked(const Hash& hash) const { return packed_ && hash.compact(); }
  bool IsPacked(const ZSet& zset) const { return packed_ && zset.compact(); }
  bool IsIntset(const Set& set) const { return packed_ && set.intset(); }
  bool IsPacked(const Set& set) const {
    return packed_ && traits().packs_lists_and_sets && set.compact();
  }

  // An element that is a node of its own.
  bool IsPlain(std::string_view element) const {
    return traits().packs_lists_and_sets && element.size() > kMostNodeBytes;
  }

  // The nodes of a list whose elements were pushed to its end, one by one.
  void WriteList(const List& list) {
    if (!packed_) {
      to_.Length(list.size());
      for (size_t i = 0; i < list.size(); ++i) to_.Text(list.at(i));
      return;
    }
    blob_.clear();
    nodes_.clear();
    for (size_t i = 0; i < list.size();) {
      const size_t first = i;
      const size_t begin = blob_.size();
      i = IsPlain(list.at(i)) ? i + 1 : PackNode(list, i);
      nodes_.push_back({first, blob_.size() - begin});
    }
    to_.Length(nodes_.size());
    size_t at = 0;
    for (const Node& node : nodes_) {
      const bool plain = node.bytes == 0;
      to_.Length(plain ? rdb::kPlain : rdb::kPacked);
      to_.Text(plain ? std::string_view(list.at(node.first))
                     : std::string_view(blob_).substr(at, node.bytes));
      at += node.bytes;
    }
  }

  // Appends a listpack to blob_ with the elements from `i` on that a node has room for. Returns the
  // position of the first one that it has not.
  size_t PackNode(const List& list, size_t i) {
    constexpr size_t kEndMark = 1;
    // While a list is one listpack, the server of profile valkey-8.0 allows nothing.
    const size_t allowance =
        traits().packs_lists_and_sets && nodes_.empty() ? 0 : kElementAllowance;
    ListpackWriter pack(&blob_);
    do {
      pack.Append(list.at(i++));
    } while (i < list.size() && !IsPlain(list.at(i)) &&
             pack.size() + kEndMark + list.at(i).size() + allowance <= kMostNodeBytes);
    pack.Finish();
    return i;
  }

  void WriteHash(const Hash& hash) {
    const Dict<std::string>& fields = hash.fields();
    if (!IsPacked(hash)) {
      to_.Length(fields.size());
      for (size_t i = 0; i < fields.size(); ++i) {
        to_.Text(fields.at(i).key);
        to_.Text(fields.at(i).value);
      }
      return;
    }
    blob_.clear();
    ListpackWriter pack(&blob_);
    for (size_t i = 0; i < fields.size(); ++i) {
      pack.Append(fields.at(i).key);
      pack.Append(fields.at(i).value);
    }
    pack.Finish();
    to_.Text(blob_);
  }

  void WriteSet(const Set& set) {
    const Dict<Nothing>& members = set.members();
    blob_.clear();
    if (IsIntset(set)) {
      numbers_.clear();
      for (size_t i = 0; i < members.size(); ++i) {
        numbers_.push_back(ParseInt64(members.at(i).key).value);
      }
      std::sort(numbers_.begin(), numbers_.end());
      AppendIntset(numbers_, &blob_);
      return to_.Text(blob_);
    }
    if (IsPacked(set)) {
      ListpackWriter pack(&blob_);
      for (size_t i = 0; i < members.size(); ++i) pack.Append(members.at(i).key);
      pack.Finish();
      return to_.Text(blob_);
    }
    to_.Length(members.size());
    for (size_t i = 0; i < members.size(); ++i) to_.Text(members.at(i).key);
  }

  void WriteZset(const ZSet& zset) {
    if (!IsPacked(zset)) {
      to_.Length(zset.size());
      for (size_t rank = zset.size(); rank-- > 0;) {
        to_.Text(zset.member_at(rank));
        AppendLittleEndian(std::bit_cast<uint64_t>(zset.score_at(rank)), 8, to_.out());
      }
      return;
    }
    blob_.clear();
    ListpackWriter pack(&blob_);
    for (size_t rank = 0; rank < zset.size(); ++rank) {
      pack.Append(zset.member_at(rank));
      const double score = zset.score_at(rank);
      if (std::fabs(score) <= 0x1p62 && score == std::trunc(score)) {
        pack.Append(static_cast<int64_t>(score));
      } else {
        char digits[kNumberBufferSize];
        pack.Append(FormatDouble(profile_, score, digits));
      }
    }
    pack.Finish();
    to_.Text(blob_);
  }

  const Profile profile_;
  const bool packed_;
  RdbTextWriter to_;
  std::string blob_;
  struct Node {
    size_t first;  // element
    size_t bytes;  // in blob_; 0: the element is the node
  };
  std::vector<Node> nodes_;
  std::vector<int64_t> numbers_;
};

void WriteField(std::string_view name, std::string_view value, RdbTextWriter* to) {
  to->Byte(rdb::kAux);
  to->Text(name);
  to->Text(value);
}

void WriteFields(const RdbWriteOptions& options, RdbTextWriter* to) {
  const ProfileTraits& traits = TraitsOf(options.profile);
  char digits[kNumberBufferSize];
  WriteField(std::string(traits.server) + "-ver", traits.version, to);
  WriteField("redis-bits", "64", to);
  WriteField("ctime", FormatInt64(options.ctime, digits), to);
  WriteField("used-mem", FormatInt64(static_cast<int64_t>(options.used_memory), digits), to);
  WriteField("aof-base", options.aof_base ? "1" : "0", to);
}

}  // namespace

void AppendRdb(const Keyspace& keyspace, const RdbWriteOptions& options, std::string* rdb) {
  const size_t begin = rdb->size();
  rdb->append(rdb::kMagic);
  const int version = TraitsOf(options.profile).rdb_version;
  for (const int unit : {1000, 100, 10, 1}) *rdb += static_cast<char>('0' + version / unit % 10);
  ValueWriter writer(options.profile, options.packed, options.compress, rdb);
  if (options.fields) WriteFields(options, &writer.to());
  if (options.stream_db >= 0) {
    char digits[kNumberBufferSize];
    WriteField("repl-stream-db", FormatInt64(options.stream_db, digits), &writer.to());
  }
  for (int db = 0; db < keyspace.databases(); ++db) {
    const Dict<Object>& keys = keyspace.keys(db);
    if (keys.empty()) continue;
    writer.to().Byte(rdb::kSelectDb);
    writer.to().Length(static_cast<uint64_t>(db));
    writer.to().Byte(rdb::kResizeDb);
    writer.to().Length(keys.size());
    writer.to().Length(keyspace.VolatileCount(db));
    for (size_t i = 0; i < keys.size(); ++i) {
      const Object& object = keys.at(i).value;
      if (object.expire_at() != kNoExpiry) {
        writer.to().Byte(rdb::kExpireMs);
        AppendLittleEndian(static_cast<uint64_t>(object.expire_at()), 8, rdb);
      }
      writer.Type(object);
      writer.to().Text(keys.at(i).key);
      writer.Value(object);
    }
  }
  writer.to().Byte(rdb::kEnd);
  const uint64_t crc = options.checksum ? Crc64(std::string_view(*rdb).substr(begin)) : uint64_t{0};
  AppendLittleEndian(crc, rdb::kChecksumSize, rdb);
}

void AppendDumpPayload(const Object& object, Profile profile, bool compress, std::string* payload) {
  const size_t begin = payload->size();
  ValueWriter writer(profile, true, compress, payload);
  writer.Type(object);
  writer.Value(object);
  AppendLittleEndian(static_cast<uint64_t>(TraitsOf(profile).rdb_version), 2, payload);
  AppendLittleEndian(Crc64(std::string_view(*payload).substr(begin)), rdb::kChecksumSize, payload);
}

}  // namespace resprobe
