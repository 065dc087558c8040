#ifndef RESPROBE_CORE_RESP_WRITER_H_
#define RESPROBE_CORE_RESP_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/resp/reply.h"

namespace resprobe::resp {

// Writes replies as a server does, in protocol 2 or 3. Types that protocol 2 lacks are written as
// redis 7.0 writes them there (networking.c, addReply*). Appends to `out`; allocates only where
// `out` has to grow.
//
// The caller is responsible for counts: after a header, that many values must follow. Texts of
// simple strings and errors must not contain CR or LF.
class Writer {
 public:
  explicit Writer(std::string* out, int protocol = 2) : out_(out), protocol_(protocol) {}

  int protocol() const { return protocol_; }
  void set_protocol(int protocol) { protocol_ = protocol; }  // 2 or 3
  std::string* out() const { return out_; }

  void SimpleString(std::string_view text);  // +text
  void Ok() { out_->append("+OK\r\n", 5); }
  void SimpleError(std::string_view text);  // -text; the text starts with its code, "ERR …"
  void Integer(int64_t value);              // :value
  void BulkString(std::string_view bytes);  // $n bytes
  void BulkStrings(std::span<const std::string_view> texts);  // one after the other, without a
                                                              // header
  // Writes an integer as a bulk string: "12" as $2 12.
  void BulkInteger(int64_t value);

  // The nulls. In protocol 3 each is `_`.
  void NullBulk();   // $-1
  void NullArray();  // *-1
  void Null() { NullBulk(); }

  void ArrayHeader(size_t count);      // *count
  void MapHeader(size_t pairs);        // %pairs, or *(2 * pairs)
  void SetHeader(size_t count);        // ~count, or *count
  void PushHeader(size_t count);       // >count, or *count
  void AttributeHeader(size_t pairs);  // pairs; protocol 3 only: protocol 2 has no attributes

  void Boolean(bool value);  // #t #f, or :1 :0
  // Writes a double as the given text, or as redis 7.0 formats it (%.17g, inf, -inf, nan): `,text`,
  // or a bulk string.
  void Double(std::string_view text);
  void Double(double value);
  void BigNumber(std::string_view digits);  // (digits, or a bulk string
  // =n format:bytes, or a bulk string without the format. The format has three bytes.
  void Verbatim(std::string_view format, std::string_view bytes);
  void BulkError(std::string_view text);  // !n text, or -text

 private:
  void Header(char type, uint64_t count);
  void Line(char type, std::string_view text);
  void Bulk(char type, std::string_view bytes);

  std::string* out_;
  int protocol_;
};

// Appends a request: an array of bulk strings.
void AppendRequest(std::string* out, std::span<const std::string_view> args);

// Appends a value as RESP3, in canonical form: counted, never streamed; integers without plus sign
// or leading zeros; doubles in their original text. A null keeps its kind. Parsing the output gives
// an Equal() value.
void AppendReply(std::string* out, const ReplyView& value);

}  // namespace resprobe::resp

#endif  // RESPROBE_CORE_RESP_WRITER_H_
