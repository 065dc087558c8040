#include "worlds/resp/resp_generate.h"

#include <bit>
#include <cmath>
#include <string>
#include <string_view>

#include "core/resp/writer.h"
#include "engine/generate.h"

namespace resprobe {
namespace {

using resp::Writer;
using std::string_view_literals::operator""sv;

template <size_t N>
std::string_view OneOf(Rng& rng, const std::string_view (&items)[N]) {
  return items[rng.Below(N)];
}

std::string Random(Rng& rng, std::string_view alphabet, size_t size) {
  std::string text(size, 0);
  for (char& c : text) c = alphabet[rng.Below(alphabet.size())];
  return text;
}

// A longer stream does not nest deeper, and soon ends.
constexpr size_t kEnough = 4096;

size_t Size(Rng& rng) {
  switch (rng.Below(12)) {
    case 0:
      return 0;
    case 1:
      return 10 + rng.Below(100);
    case 2:
      return rng.Below(1500);
    default:
      return 1 + rng.Below(12);
  }
}

std::string Bytes8(Rng& rng) {
  switch (rng.Below(4)) {
    case 0:
      return Random(rng, "\r\n$*:+;.\0\xff"sv, Size(rng));
    default:
      return Random(rng, "abcdefghijklmnopqrstuvwxyz0123456789:-_ ", Size(rng));
  }
}

std::string LineText(Rng& rng) { return Random(rng, "OKabc \"\\\t'12", Size(rng)); }

class ReplyStream {
 public:
  ReplyStream(Rng& rng, const RespMix& mix, std::string* out) : rng_(rng), mix_(mix), out_(out) {
    for (const uint8_t weight : mix.weights) total_ += weight;
  }

  void TopLevel() {
    if (mix_.weights[RespMix::kPush] > rng_.Below(40)) {
      const size_t count = 1 + rng_.Below(3);
      Writer writer(out_, 3);
      writer.PushHeader(count);
      writer.BulkString("invalidate");
      Values(count - 1, mix_.depth);
      return;
    }
    Value(mix_.depth);
  }

 private:
  bool Odd() { return rng_.Below(100) < mix_.odd_percent; }
  void Line(char type, std::string_view text) {
    out_->push_back(type);
    out_->append(text).append("\r\n");
  }
  void Values(size_t count, int depth) {
    for (size_t i = 0; i < count; ++i) Value(depth - 1);
  }
  size_t Children() { return rng_.OneIn(10) ? rng_.Below(30) : rng_.Below(5); }

  RespMix::Kind Pick() {
    uint64_t at = rng_.Below(total_);
    for (int kind = 0; kind < RespMix::kKinds; ++kind) {
      if (at < mix_.weights[kind]) return static_cast<RespMix::Kind>(kind);
      at -= mix_.weights[kind];
    }
    return RespMix::kBulkString;
  }

  void Value(int depth) {
    RespMix::Kind kind = Pick();
    if ((depth <= 0 || out_->size() > kEnough) &&
        (kind == RespMix::kArray || kind == RespMix::kMap || kind == RespMix::kSet ||
         kind >= RespMix::kAttribute)) {
      kind = RespMix::kBulkString;
    }
    Writer writer(out_, 3);
    switch (kind) {
      case RespMix::kSimpleString:
        return writer.SimpleString(rng_.OneIn(2) ? "OK" : LineText(rng_));
      case RespMix::kSimpleError:
        return writer.SimpleError("ERR " + LineText(rng_));
      case RespMix::kInteger:
        return Integer();
      case RespMix::kNull:
        return out_->append(OneOf(rng_, {"$-1\r\n"sv, "*-1\r\n"sv, "_\r\n"sv})), void();
      case RespMix::kArray: {
        const size_t count = Children();
        writer.ArrayHeader(count);
        return Values(count, depth);
      }
      case RespMix::kBoolean:
        if (Odd()) return Line('#', OneOf(rng_, {"T"sv, "F"sv, ""sv, "true"sv, "\0"sv}));
        return writer.Boolean(rng_.OneIn(2));
      case RespMix::kDouble:
        return Double();
      case RespMix::kBigNumber:
        if (Odd()) return Line('(', OneOf(rng_, {""sv, "-"sv, "+1"sv, "007"sv, "1e5"sv}));
        return writer.BigNumber(Random(rng_, "123456789", 1 + rng_.Below(40)));
      case RespMix::kBulkError:
        return writer.BulkError("SYNTAX " + Bytes8(rng_));
      case RespMix::kVerbatim:
        if (Odd()) return Line('=', OneOf(rng_, {"3\r\ntxt"sv, "5\r\ntxt;a"sv, "0\r\n"sv}));
        return writer.Verbatim(OneOf(rng_, {"txt"sv, "mkd"sv}), Bytes8(rng_));
      case RespMix::kMap: {
        const size_t pairs = Children();
        writer.MapHeader(pairs);
        return Values(2 * pairs, depth);
      }
      case RespMix::kSet: {
        const size_t count = Children();
        writer.SetHeader(count);
        return Values(count, depth);
      }
      case RespMix::kAttribute: {
        const size_t pairs = rng_.Below(3);
        writer.AttributeHeader(pairs);
        Values(2 * pairs, depth - 1);
        return Value(depth - 1);
      }
      case RespMix::kStreamedString:
        return StreamedString();
      case RespMix::kStreamedAggregate: {
        const char type = "*~%"[rng_.Below(3)];
        Line(type, "?");
        const size_t count = Children();
        Values(type == '%' ? 2 * count : count, depth);
        if (Odd()) writer.AttributeHeader(0);  // it annotates nothing
        return Line('.', "");
      }
      default:
        return BulkString();
    }
  }

  void Integer() {
    if (Odd()) {
      return Line(':', OneOf(rng_, {"9223372036854775807"sv, "-9223372036854775808"sv,
                                    "9223372036854775808"sv, "-9223372036854775809"sv, "+5"sv,
                                    "007"sv, "-0"sv, ""sv, "-"sv, " 1"sv, "18446744073709551616"sv,
                                    "000000000000000000000000000001"sv}));
    }
    Writer(out_).Integer(rng_.OneIn(8) ? static_cast<int64_t>(rng_.Next())
                                       : rng_.Between(-2, 1000));
  }

  void Double() {
    if (Odd()) {
      return Line(',',
                  OneOf(rng_, {"inf"sv, "-inf"sv, "nan"sv, "-nan"sv, "+nan"sv, "INF"sv, "+inf"sv,
                               ".5"sv, "5."sv, "+1.5"sv, " 1"sv, "0x10"sv, "1e999"sv, "1e-999"sv,
                               "-0"sv, "1e"sv, ""sv, "1.7976931348623157e+308"sv}));
    }
    // Of any size, with all its digits; or of few.
    const double any = std::bit_cast<double>(rng_.Next());
    Writer(out_, 3).Double(rng_.OneIn(8) && std::isfinite(any)
                               ? any
                               : static_cast<double>(rng_.Between(-100000, 100000)) / 1000);
  }

  void BulkString() {
    if (Odd()) {
      return Line('$', OneOf(rng_, {"-2"sv, "01"sv, "+1"sv, "-0"sv, ""sv, " 1"sv, "536870913"sv,
                                    "9223372036854775807"sv, "1\r\nab"sv, "4\r\nab"sv}));
    }
    Writer(out_).BulkString(Bytes8(rng_));
  }

  void StreamedString() {
    Line('$', "?");
    for (size_t i = rng_.Below(4); i > 0; --i) {
      const std::string chunk = "x" + Bytes8(rng_);
      Line(';', std::to_string(chunk.size()));
      out_->append(chunk).append("\r\n");
    }
    Line(';', "0");
  }

  Rng& rng_;
  const RespMix& mix_;
  std::string* out_;
  uint64_t total_ = 0;
};

void InlineRequest(Rng& rng, const RespMix& mix, std::string* out) {
  const bool odd = rng.Below(100) < mix.odd_percent;
  out->append(OneOf(rng, {"GET k"sv, "PING"sv, "SET k"sv, "  ECHO\t"sv, ""sv}));
  if (odd) {
    out->append(OneOf(rng, {" \"a\\x41\\n\\q\""sv, " 'a\\'b'"sv, " \"a\"b"sv, " \"a"sv, " '"sv,
                            " a\"b\""sv, " \"\""sv, "\v"sv, "\0"sv, " a\rb"sv}));
  } else {
    out->append(" " + Random(rng, "abc", rng.Below(8)));
  }
  out->append(rng.OneIn(3) ? "\n" : "\r\n");
}

void MultibulkRequest(Rng& rng, const RespMix& mix, std::string* out) {
  const auto odd = [&] { return rng.Below(100) < mix.odd_percent; };
  if (odd()) {
    out->append(OneOf(
        rng, {"*0\r\n"sv, "*-1\r\n"sv, "*01\r\n"sv, "*+1\r\n"sv, "*\r\n"sv, "*2147483647\r\n"sv,
              "*2147483648\r\n"sv, "*1\0\r\n"sv, "*11\r\n"sv, "*1\rx$1\rxaxx"sv, "*1\r\n$-1\r\n"sv,
              "*1\r\n:4\r\n"sv, "*1\r\n\r\n"sv, "*1\r\n$536870913\r\n"sv, "*1\r\n$01\r\na\r\n"sv,
              "*-0\r\n"sv, "*1\r\n$-0\r\n\r\n"sv}));
    return;
  }
  const std::string_view command =
      OneOf(rng, {"GET"sv, "SET"sv, "MGET"sv, "HELLO"sv, "LPUSH"sv, "CLIENT"sv});
  const size_t count = rng.Below(4);
  out->append("*" + std::to_string(count + 1) + "\r\n");
  Writer writer(out);
  writer.BulkString(command);
  for (size_t i = 0; i < count; ++i) writer.BulkString(Bytes8(rng));
}

// Changes, deletes, inserts or duplicates some bytes; occasionally truncates the stream.
void Break(Rng& rng, std::string* stream) {
  constexpr std::string_view kBytes = "\r\n$*:+-?;.%~|>#,(!=_0123456789x \0\xff"sv;
  for (size_t i = rng.Below(4); i > 0 && !stream->empty(); --i) {
    const size_t at = rng.Below(stream->size());
    switch (rng.Below(4)) {
      case 0:
        (*stream)[at] = kBytes[rng.Below(kBytes.size())];
        break;
      case 1:
        stream->erase(at, 1 + rng.Below(4));
        break;
      case 2:
        stream->insert(at, 1, kBytes[rng.Below(kBytes.size())]);
        break;
      default:
        stream->insert(at, stream->substr(at, 1 + rng.Below(16)));
    }
  }
  if (rng.OneIn(3)) stream->resize(rng.Below(stream->size() + 1));
}

void Finish(Rng& rng, const RespMix& mix, std::string* stream, Tape* out) {
  if (rng.Below(100) < mix.broken_percent) Break(rng, stream);
  out->insert(out->end(), stream->begin(), stream->end());
}

}  // namespace

RespMix RespMix::Swarm(Rng& rng) {
  RespMix mix;
  if (!swarm_enabled) {
    std::ranges::fill(mix.weights, uint8_t{2});
    mix.odd_percent = 10;
    mix.broken_percent = 25;
    return mix;
  }
  for (uint8_t& weight : mix.weights) {
    switch (rng.Below(4)) {
      case 0:
        weight = 0;
        break;
      case 1:
        weight = static_cast<uint8_t>(4 + rng.Below(12));
        break;
      default:
        weight = static_cast<uint8_t>(1 + rng.Below(4));
    }
  }
  mix.weights[kBulkString] |= 1;
  mix.odd_percent = rng.OneIn(3) ? 0 : static_cast<uint8_t>(rng.Below(30));
  mix.broken_percent = rng.OneIn(2) ? 0 : static_cast<uint8_t>(rng.Below(100));
  mix.depth = static_cast<uint8_t>(rng.OneIn(8) ? rng.Below(20) : rng.Below(5));
  return mix;
}

void RespMix::KeepResp2() {
  for (int kind = kBoolean; kind < kKinds; ++kind) weights[kind] = 0;
}

void GenerateReplies(Rng& rng, const RespMix& mix, Tape* out) {
  std::string stream;
  ReplyStream replies(rng, mix, &stream);
  for (size_t i = 1 + rng.Below(6); i > 0 && stream.size() < kEnough; --i) replies.TopLevel();
  Finish(rng, mix, &stream, out);
}

void GenerateRequests(Rng& rng, const RespMix& mix, Tape* out) {
  std::string stream;
  for (size_t i = 1 + rng.Below(6); i > 0; --i) {
    if (rng.OneIn(4)) {
      InlineRequest(rng, mix, &stream);
    } else {
      MultibulkRequest(rng, mix, &stream);
    }
  }
  Finish(rng, mix, &stream, out);
}

void GenerateInline(Rng& rng, Tape* out) {
  std::string line;
  for (size_t i = 1 + rng.Below(10); i > 0; --i) {
    line += OneOf(rng, {"a"sv,     "bc"sv,  "1"sv,    " "sv,    " "sv,     "  "sv,    "\""sv,
                        "\""sv,    "'"sv,   "'"sv,    "\\"sv,   "\\x41"sv, "\\xfF"sv, "\\x1"sv,
                        "\\xg0"sv, "\\n"sv, "\\\""sv, "\\'"sv,  "\\b"sv,   "\\a"sv,   "\t"sv,
                        "\v"sv,    "\f"sv,  "\r"sv,   "\"\""sv, "' '"sv,   "\xff"sv,  "+"sv});
  }
  line += rng.OneIn(3) ? "\n" : "\r\n";
  out->insert(out->end(), line.begin(), line.end());
}

}  // namespace resprobe
