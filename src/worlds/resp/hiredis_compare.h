#ifndef RESPROBE_WORLDS_RESP_HIREDIS_COMPARE_H_
#define RESPROBE_WORLDS_RESP_HIREDIS_COMPARE_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "core/resp/flat_buffer.h"
#include "core/resp/reply.h"
#include "worlds/resp/hiredis_reader.h"

namespace resprobe {

// Compares a reply of the core with one of hiredis, value by value. The three nulls, which hiredis
// does not distinguish, are equal. Not recursive; reuses its memory.
class HiredisComparer {
 public:
  bool Same(const resp::Reply& core, const redisReply* hiredis) {
    open_.clear();
    const redisReply* at = hiredis;
    for (const resp::Reply::Node& node : core.nodes()) {
      // hiredis must have a value at every node; `at` is the node's counterpart.
      if (at == nullptr || !SameOne(core, node, *at)) return false;
      if (resp::IsAggregate(node.type) && node.children.count > 0) {
        open_.push_back({at, 0});
      }
      // Advance to the next child of the innermost unfinished array.
      while (!open_.empty() && open_.back().next == open_.back().array->elements) open_.pop_back();
      if (open_.empty()) {
        at = nullptr;
      } else {
        at = open_.back().array->element[open_.back().next++];
      }
    }
    return at == nullptr && open_.empty();
  }

 private:
  struct Open {
    const redisReply* array;
    size_t next;
  };

  static bool SameText(std::string_view text, const redisReply& reply) {
    return reply.str != nullptr && static_cast<size_t>(reply.len) == text.size() &&
           (text.empty() || std::memcmp(reply.str, text.data(), text.size()) == 0) &&
           reply.str[text.size()] == 0;
  }

#if HIREDIS_MAJOR >= 1
  // hiredis 1.0 does not set the length of a double's text.
  static bool SameDoubleText(std::string_view text, const redisReply& reply) {
    if (kHiredisVersion >= HiredisVersion(1, 1, 0)) return SameText(text, reply);
    return reply.str != nullptr && text == reply.str;
  }
#endif

  static bool SameOne(const resp::Reply& core, const resp::Reply::Node& node,
                      const redisReply& reply) {
    const char* const bytes = core.bytes().data();
    const auto text = [&] { return std::string_view(bytes + node.text.offset, node.text.length); };
    switch (node.type) {
      case resp::Type::kSimpleString:
        return reply.type == REDIS_REPLY_STATUS && SameText(text(), reply);
      case resp::Type::kSimpleError:
        return reply.type == REDIS_REPLY_ERROR && SameText(text(), reply);
      case resp::Type::kBulkString:
        return reply.type == REDIS_REPLY_STRING && SameText(text(), reply);
      case resp::Type::kInteger:
        return reply.type == REDIS_REPLY_INTEGER && reply.integer == node.integer;
      case resp::Type::kNull:
        return reply.type == REDIS_REPLY_NIL;
      case resp::Type::kArray:
        return reply.type == REDIS_REPLY_ARRAY && reply.elements == node.children.count;
#if HIREDIS_MAJOR >= 1
      case resp::Type::kBoolean:
        return reply.type == REDIS_REPLY_BOOL && reply.integer == node.integer;
      case resp::Type::kDouble:
        return reply.type == REDIS_REPLY_DOUBLE && SameDouble(node.real, reply.dval) &&
               SameDoubleText({bytes + node.link, node.text_length}, reply);
      case resp::Type::kVerbatimString:
        return reply.type == REDIS_REPLY_VERB && std::memcmp(reply.vtype, text().data(), 3) == 0 &&
               SameText(text().substr(4), reply);
      case resp::Type::kMap:
        return reply.type == REDIS_REPLY_MAP && reply.elements == node.children.count;
      case resp::Type::kSet:
        return reply.type == REDIS_REPLY_SET && reply.elements == node.children.count;
      case resp::Type::kPush:
        return reply.type == REDIS_REPLY_PUSH && reply.elements == node.children.count;
#if HIREDIS_MINOR >= 1 || HIREDIS_MAJOR >= 2
      case resp::Type::kBigNumber:
        return reply.type == REDIS_REPLY_BIGNUM && SameText(text(), reply);
#endif
#endif
      default:
        return false;
    }
  }

  // Bitwise, except that all NaNs are equal.
  static bool SameDouble(double a, double b) {
    return (a != a && b != b) || std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
  }

  resp::FlatBuffer<Open> open_;
};

// Describes a reply of hiredis: the number of its type, and its contents, down to `depth`.
inline std::string DescribeHiredis(const redisReply* reply, int depth = 4) {
  if (reply == nullptr) return "nothing";
  std::string out = "type " + std::to_string(reply->type);
  switch (reply->type) {
    case REDIS_REPLY_INTEGER:
      return out + ": " + std::to_string(reply->integer);
    case REDIS_REPLY_NIL:
      return out;
    default:
      break;
  }
  if (reply->str != nullptr) {
    out += " \"";
    resp::AppendEscaped(&out, {reply->str, static_cast<size_t>(reply->len)});
    return out + "\"";
  }
  if (reply->element == nullptr) return out + ": " + std::to_string(reply->integer);
  out += " [";
  for (size_t i = 0; i < reply->elements; ++i) {
    if (i > 0) out += ", ";
    out += depth == 0 ? "..." : DescribeHiredis(reply->element[i], depth - 1);
  }
  return out + "]";
}

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_RESP_HIREDIS_COMPARE_H_
