// Slicing of the input has no influence, for any input: properties over seeded random streams.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/resp/writer.h"
#include "engine/rng.h"
#include "tests/core/resp/parse_events.h"

namespace resprobe::resp {
namespace {

std::string Text(Rng& rng, std::string_view alphabet, size_t most) {
  std::string text(rng.Below(most + 1), 0);
  for (char& c : text) c = alphabet[rng.Below(alphabet.size())];
  return text;
}

// Appends a random value of any type.
void RandomValue(Rng& rng, std::string* out, int depth) {
  Writer writer(out, static_cast<int>(2 + rng.Below(2)));
  const auto children = [&](size_t count) {
    for (size_t i = 0; i < count; ++i) RandomValue(rng, out, depth - 1);
  };
  const size_t count = rng.Below(5);
  if (rng.OneIn(8)) {
    Writer(out, 3).AttributeHeader(1);
    RandomValue(rng, out, 0);
    RandomValue(rng, out, 0);
  }
  switch (rng.Below(depth > 0 ? 18 : 11)) {
    case 0:
      return writer.SimpleString(Text(rng, "OK \"\t\x80", 12));
    case 1:
      return writer.SimpleError("ERR " + Text(rng, "abc", 40));
    case 2:
      return writer.Integer(static_cast<int64_t>(rng.Next() >> rng.Below(64)));
    case 3:
      return writer.BulkString(Text(rng, "ab\r\n$*", 40));
    case 4:
      return rng.OneIn(2) ? writer.NullBulk() : writer.NullArray();
    case 5:
      return writer.Boolean(rng.OneIn(2));
    case 6:
      return writer.Double(static_cast<double>(rng.Next()) / 1e5);
    case 7:
      return Writer(out, 3).BigNumber("1" + Text(rng, "0123456789", 30));
    case 8:
      return Writer(out, 3).Verbatim("txt", Text(rng, "ab\r\n", 10));
    case 9:
      return Writer(out, 3).BulkError(Text(rng, "ab\r\n", 10));
    case 10:
      out->append("$?\r\n");
      for (size_t i = 0; i < count; ++i) {
        const std::string chunk = "x" + Text(rng, "ab\r\n", 10);
        out->append(";" + std::to_string(chunk.size()) + "\r\n" + chunk + "\r\n");
      }
      out->append(";0\r\n");
      return;
    case 11:
    case 12:
      writer.ArrayHeader(count);
      return children(count);
    case 13:
      Writer(out, 3).MapHeader(count);
      return children(2 * count);
    case 14:
      Writer(out, 3).SetHeader(count);
      return children(count);
    default: {
      const char type = "*~%"[rng.Below(3)];
      out->append({type, '?', '\r', '\n'});
      children(type == '%' ? 2 * count : count);
      out->append(".\r\n");
      return;
    }
  }
}

std::string RandomStream(Rng& rng) {
  std::string stream;
  for (size_t i = 1 + rng.Below(4); i > 0; --i) {
    if (rng.OneIn(4)) {
      Writer(&stream, 3).PushHeader(1);
      RandomValue(rng, &stream, 2);
    } else {
      RandomValue(rng, &stream, static_cast<int>(rng.Below(4)));
    }
  }
  return stream;
}

std::string RandomRequests(Rng& rng) {
  std::string stream;
  for (size_t i = 1 + rng.Below(4); i > 0; --i) {
    if (rng.OneIn(3)) {
      stream += Text(rng, "ab \"'\\xn\t\r", 30) + (rng.OneIn(2) ? "\r\n" : "\n");
    } else {
      const size_t count = rng.Below(4);
      stream += "*" + std::to_string(count) + "\r\n";
      for (size_t j = 0; j < count; ++j) {
        const std::string arg = Text(rng, "ab\r\n\0$", 30);
        stream += "$" + std::to_string(arg.size()) + "\r\n" + arg + "\r\n";
      }
    }
  }
  return stream;
}

void Break(Rng& rng, std::string* stream) {
  constexpr std::string_view kBytes = "\r\n$*:+-?;.%~|>#,(!=_019x \0";
  for (size_t i = 1 + rng.Below(3); i > 0 && !stream->empty(); --i) {
    const size_t at = rng.Below(stream->size());
    switch (rng.Below(3)) {
      case 0:
        (*stream)[at] = kBytes[rng.Below(kBytes.size())];
        break;
      case 1:
        stream->erase(at, 1);
        break;
      default:
        stream->insert(at, 1, kBytes[rng.Below(kBytes.size())]);
    }
  }
}

std::vector<size_t> RandomCuts(Rng& rng, size_t size) {
  std::vector<size_t> cuts;
  for (size_t i = rng.Below(6); i > 0 && size > 0; --i) cuts.push_back(rng.Below(size + 1));
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

constexpr ReplyLimits kTightReplies = {
    .max_depth = 3, .max_elements = 4, .max_bulk = 20, .max_line = 32, .max_memory = 300};
constexpr RequestLimits kTightRequests = {.max_args = 3,
                                          .max_bulk = 20,
                                          .max_line = 20,
                                          .max_request = 100,
                                          .max_args_unauthenticated = 2,
                                          .max_bulk_unauthenticated = 10};

TEST(Slicing, RepliesAreTheSame) {
  Rng rng(11);
  for (int i = 0; i < 20000; ++i) {
    std::string stream = RandomStream(rng);
    const bool sound = i % 2 == 0;
    if (!sound) Break(rng, &stream);
    const ReplyLimits limits = i % 4 == 3 ? kTightReplies : ReplyLimits();
    const std::string whole = ReplyEvents(stream, {}, limits);
    if (sound) {
      ASSERT_EQ(whole.substr(whole.size() - 5), "idle\n") << stream << whole;
    }
    ASSERT_EQ(ReplyEvents(stream, EveryByte(stream), limits), whole) << stream;
    ASSERT_EQ(ReplyEvents(stream, RandomCuts(rng, stream.size()), limits), whole) << stream;
  }
}

TEST(Slicing, RequestsAreTheSame) {
  Rng rng(12);
  for (int i = 0; i < 20000; ++i) {
    std::string stream = RandomRequests(rng);
    if (i % 2 != 0) Break(rng, &stream);
    const RequestLimits limits = i % 4 == 3 ? kTightRequests : RequestLimits();
    const bool authenticated = i % 3 != 0;
    const std::string whole = RequestEvents(stream, {}, limits, authenticated);
    ASSERT_EQ(RequestEvents(stream, EveryByte(stream), limits, authenticated), whole) << stream;
    ASSERT_EQ(RequestEvents(stream, RandomCuts(rng, stream.size()), limits, authenticated), whole)
        << stream;
  }
}

TEST(Slicing, WrittenValuesParseToTheSame) {
  Rng rng(13);
  ReplyParser parser;
  Reply reply;
  for (int i = 0; i < 20000; ++i) {
    std::string stream;
    RandomValue(rng, &stream, 3);
    ASSERT_EQ(parser.Parse(stream).status, ReplyParser::Status::kValue) << stream;
    parser.Take(&reply);
    std::string written;
    AppendReply(&written, reply.root());
    const auto result = parser.Parse(written);
    ASSERT_EQ(result.status, ReplyParser::Status::kValue) << written;
    ASSERT_EQ(result.consumed, written.size());
    ASSERT_TRUE(Equal(reply.root(), parser.reply().root())) << stream << written;
  }
}

TEST(Slicing, MemoryIsProportionalToTheInput) {
  Rng rng(14);
  for (int i = 0; i < 5000; ++i) {
    std::string stream = RandomStream(rng);
    if (i % 2 != 0) Break(rng, &stream);
    ReplyParser parser;
    const Reply& reply = parser.reply();
    std::string_view rest = stream;
    for (;;) {
      const auto result = parser.Parse(rest);
      ASSERT_LE(reply.memory_used(), 7 * stream.size() + 16) << stream;
      ASSERT_LE(reply.memory_allocated(), 2 * 7 * stream.size() + 160) << stream;
      if (result.status != ReplyParser::Status::kValue) break;
      rest.remove_prefix(result.consumed);
    }
  }
}

}  // namespace
}  // namespace resprobe::resp
