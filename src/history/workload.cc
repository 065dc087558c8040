#include "history/workload.h"

#include <algorithm>
#include <utility>

#include "core/resp/writer.h"
#include "core/table/letter_case.h"
#include "history/specification.h"

namespace resprobe::history {
namespace {

// Distinguishes what is drawn for the whole life from what a client draws.
constexpr uint64_t kSwarm = 0x5357;
constexpr uint64_t kClient = 0x434c;

uint64_t SeedOf(uint64_t seed, uint64_t purpose, uint64_t number) {
  Rng rng(seed);
  Rng other(rng.Next() ^ (purpose << 32 | number));
  return other.Next();
}

std::vector<std::string_view> Split(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const std::string_view word = line.substr(0, line.find(' '));
    words.push_back(word);
    line.remove_prefix(std::min(line.size(), word.size() + 1));
  }
  return words;
}

void Append(const std::vector<std::string>& words, std::string* bytes) {
  resp::Writer writer(bytes);
  writer.ArrayHeader(words.size());
  for (const std::string& word : words) writer.BulkString(word);
}

constexpr const char* kTypeNames[] = {"register", "counter", "list",  "hash",
                                      "set",      "zset",    "bitmap"};

}  // namespace

// $k a key of the type, $K another one or the same, $v a unique value, $n a small number, $i an
// index, $f a field, $m a member, $o an offset.
const Workload::Line Workload::kLines[] = {
    {Type::kRegister, "GET $k", 30},
    {Type::kRegister, "SET $k $v", 20},
    {Type::kRegister, "GETSET $k $v", 6},
    {Type::kRegister, "SETNX $k $v", 4},
    {Type::kRegister, "GETDEL $k", 3},
    {Type::kRegister, "APPEND $k $v", 3},
    {Type::kRegister, "STRLEN $k", 3},
    {Type::kRegister, "GETRANGE $k 0 3", 2},
    {Type::kRegister, "SETRANGE $k 3 $v", 1},
    {Type::kRegister, "DEL $k", 4},
    {Type::kRegister, "EXISTS $k $K", 3},
    {Type::kRegister, "TYPE $k", 1},
    {Type::kRegister, "MGET $k $K", 4},
    {Type::kRegister, "MSET $k $v $K $v", 4},
    {Type::kRegister, "MSETNX $k $v $K $v", 2},
    {Type::kRegister, "RENAME $k $K", 1},
    {Type::kRegister, "RENAMENX $k $K", 1},
    {Type::kRegister, "COPY $k $K REPLACE", 1},
    {Type::kCounter, "INCR $k", 20},
    {Type::kCounter, "INCRBY $k $n", 8},
    {Type::kCounter, "DECR $k", 4},
    {Type::kCounter, "GET $k", 15},
    {Type::kCounter, "GETSET $k $n", 1},
    {Type::kCounter, "DEL $k", 1},
    {Type::kList, "LPUSH $k $v", 8},
    {Type::kList, "RPUSH $k $v", 8},
    {Type::kList, "LPOP $k", 7},
    {Type::kList, "RPOP $k", 7},
    {Type::kList, "LPUSHX $k $v", 1},
    {Type::kList, "LLEN $k", 4},
    {Type::kList, "LINDEX $k $i", 3},
    {Type::kList, "LRANGE $k 0 -1", 5},
    {Type::kList, "LMOVE $k $K LEFT RIGHT", 3},
    {Type::kList, "RPOPLPUSH $k $K", 2},
    {Type::kList, "LTRIM $k 0 4", 2},
    {Type::kList, "DEL $k", 1},
    {Type::kHash, "HSET $k $f $v", 12},
    {Type::kHash, "HSETNX $k $f $v", 2},
    {Type::kHash, "HGET $k $f", 12},
    {Type::kHash, "HMGET $k $f $f", 3},
    {Type::kHash, "HINCRBY $k number $n", 6},
    {Type::kHash, "HDEL $k $f", 4},
    {Type::kHash, "HEXISTS $k $f", 2},
    {Type::kHash, "HLEN $k", 3},
    {Type::kHash, "HGETALL $k", 4},
    {Type::kHash, "DEL $k", 1},
    {Type::kSet, "SADD $k $m", 10},
    {Type::kSet, "SREM $k $m", 6},
    {Type::kSet, "SISMEMBER $k $m", 8},
    {Type::kSet, "SCARD $k", 4},
    {Type::kSet, "SMEMBERS $k", 4},
    {Type::kSet, "SMOVE $k $K $m", 4},
    {Type::kSet, "SINTER $k $K", 2},
    {Type::kSet, "SUNIONSTORE $k $k $K", 1},
    {Type::kSet, "DEL $k", 1},
    {Type::kZset, "ZADD $k $n $m", 10},
    {Type::kZset, "ZINCRBY $k $n $m", 8},
    {Type::kZset, "ZSCORE $k $m", 8},
    {Type::kZset, "ZRANK $k $m", 3},
    {Type::kZset, "ZREM $k $m", 4},
    {Type::kZset, "ZCARD $k", 3},
    {Type::kZset, "ZRANGE $k 0 -1 WITHSCORES", 4},
    {Type::kZset, "ZPOPMIN $k", 3},
    {Type::kZset, "DEL $k", 1},
    {Type::kBitmap, "SETBIT $k $o 1", 6},
    {Type::kBitmap, "SETBIT $k $o 0", 3},
    {Type::kBitmap, "GETBIT $k $o", 6},
    {Type::kBitmap, "BITCOUNT $k", 4},
    {Type::kBitmap, "DEL $k", 1},
};

Workload::Workload(const WorkloadOptions& options) : options_(options) {
  Rng rng(SeedOf(options.seed, kSwarm, 0));
  uint64_t type_weights[kTypes];
  for (uint64_t& weight : type_weights) weight = rng.OneIn(3) ? 0 : 1 + rng.Below(4);
  constexpr uint32_t kPerMille[] = {0, 0, 30, 150};
  transactions_per_mille_ = std::min(rng.Pick(kPerMille), options.most_transactions);
  constexpr uint32_t kHot[] = {0, 300, 800};
  hot_per_mille_ = rng.Pick(kHot);
  const uint64_t first = rng.Below(kTypes);
  std::vector<Shape> all;
  bool has_type[kTypes] = {};
  for (const Line& line : kLines) {
    Shape shape;
    shape.words = Split(line.words);
    shape.type = line.type;
    // Half of the shapes are as frequent as the table says.
    constexpr uint64_t kFactors[] = {0, 2, 2, 6};
    shape.weight = line.weight * rng.Pick(kFactors);
    if (options.has && !options.has(LowerCase(shape.words[0]))) continue;
    // The command table says whether a history with it can be checked.
    Operation example;
    Append({shape.words.begin(), shape.words.end()}, &example.requests);
    const OperationFacts facts = FactsOf(example, options.profile);
    if (!facts.refused.empty()) continue;
    shape.in_transaction = !facts.any_order;
    has_type[static_cast<size_t>(line.type)] = true;
    all.push_back(std::move(shape));
  }
  // Keys of the types for which the server has commands, by turns: with few keys not all types have
  // one.
  keys_of_.assign(kTypes, 0);
  const size_t types = static_cast<size_t>(std::ranges::count(has_type, true));
  for (uint32_t key = 0, at = static_cast<uint32_t>(first); types > 0 && key < options.keys; ++at) {
    if (!has_type[at % kTypes]) continue;
    ++keys_of_[at % kTypes];
    ++key;
  }
  std::erase_if(all, [&](const Shape& shape) { return CountOf(shape.type) == 0; });
  bool any = false;
  for (const Shape& shape : all) any |= type_weights[static_cast<size_t>(shape.type)] > 0;
  std::vector<Shape> left_out;
  for (Shape& shape : all) {
    if (any) shape.weight *= type_weights[static_cast<size_t>(shape.type)];
    (shape.weight == 0 ? left_out : shapes_).push_back(std::move(shape));
  }
  if (shapes_.empty()) {  // the swarm has left out all that there is
    shapes_ = std::move(left_out);
    for (Shape& shape : shapes_) shape.weight = 1;
  }
  for (const Shape& shape : shapes_) {
    weights_ += shape.weight;
    if (shape.in_transaction) transaction_weights_ += shape.weight;
  }
  const bool transactions =
      transaction_weights_ > 0 && (!options.has || (options.has("multi") && options.has("exec")));
  if (!transactions) transactions_per_mille_ = 0;
  discards_ = !options.has || options.has("discard");
  for (uint32_t i = 0; i < options.clients; ++i) {
    clients_.push_back({Rng(SeedOf(options.seed, kClient, i))});
  }
}

std::string Workload::KeyName(size_t type, uint32_t number) const {
  return std::string(kTypeNames[type]) + ":" + std::to_string(number);
}

std::string Workload::KeyOf(Type type, Rng& rng) const {
  const auto index = static_cast<size_t>(type);
  const uint32_t count = CountOf(type);
  constexpr uint32_t kColdPerHot = 8;
  const bool hot = rng.Below(1000) < hot_per_mille_;
  const uint32_t among = hot ? std::max(count / kColdPerHot, uint32_t{1}) : count;
  return KeyName(index, static_cast<uint32_t>(rng.Below(among)));
}

const Workload::Shape& Workload::Pick(Rng& rng, bool in_transaction) const {
  uint64_t at = rng.Below(in_transaction ? transaction_weights_ : weights_);
  for (const Shape& shape : shapes_) {
    if (in_transaction && !shape.in_transaction) continue;
    if (at < shape.weight) return shape;
    at -= shape.weight;
  }
  return shapes_.front();
}

std::vector<std::string> Workload::Words(const Shape& shape, uint32_t number) {
  Client& client = clients_[number];
  Rng& rng = client.rng;
  std::vector<std::string> words;
  for (const std::string_view word : shape.words) {
    if (word.size() != 2 || word[0] != '$') {
      words.emplace_back(word);
      continue;
    }
    switch (word[1]) {
      case 'v':
        words.push_back("v" + std::to_string(number) + "." + std::to_string(client.values++));
        break;
      case 'n':
        words.push_back(std::to_string(1 + rng.Below(5)));
        break;
      case 'i':
        words.push_back(std::to_string(rng.Between(-2, 2)));
        break;
      case 'f':
        words.push_back("f" + std::to_string(rng.Below(4)));
        break;
      case 'm':
        words.push_back("m" + std::to_string(rng.Below(6)));
        break;
      case 'o':
        words.push_back(std::to_string(rng.Below(16)));
        break;
      default:
        words.push_back(KeyOf(shape.type, rng));
    }
  }
  return words;
}

Workload::Request Workload::Next(uint32_t client) {
  Rng& rng = clients_[client].rng;
  Request request;
  if (rng.Below(1000) >= transactions_per_mille_) {
    Append(Words(Pick(rng, false), client), &request.bytes);
    return request;
  }
  const uint64_t count = 2 + rng.Below(3);
  Append({"MULTI"}, &request.bytes);
  for (uint64_t i = 0; i < count; ++i) Append(Words(Pick(rng, true), client), &request.bytes);
  // One that is given up has no effect.
  constexpr uint64_t kPerDiscard = 6;
  Append({discards_ && rng.OneIn(kPerDiscard) ? "DISCARD" : "EXEC"}, &request.bytes);
  request.replies = count + 2;
  return request;
}

std::vector<Workload::Request> Workload::ReadAll() const {
  constexpr const char* kReads[] = {"GET $k",     "GET $k",      "LRANGE $k 0 -1",
                                    "HGETALL $k", "SMEMBERS $k", "ZRANGE $k 0 -1 WITHSCORES",
                                    "GET $k"};
  std::vector<Request> all;
  for (size_t type = 0; type < kTypes; ++type) {
    const std::vector<std::string_view> read = Split(kReads[type]);
    if (options_.has && !options_.has(LowerCase(read[0]))) continue;
    for (uint32_t number = 0; number < keys_of_[type]; ++number) {
      std::vector<std::string> words(read.begin(), read.end());
      words[1] = KeyName(type, number);
      Append(words, &all.emplace_back().bytes);
    }
  }
  return all;
}

}  // namespace resprobe::history
