#ifndef RESPROBE_CORE_PERSISTENCE_RDB_BYTES_H_
#define RESPROBE_CORE_PERSISTENCE_RDB_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/persistence/lzf.h"

namespace resprobe {

// Reads lengths and strings of an RDB file. Every read that does not succeed returns false, and
// says with corrupt() whether the bytes ended (short read) or were wrong.
class RdbBytes {
 public:
  explicit RdbBytes(std::string_view bytes) : bytes_(bytes) {}

  size_t at() const { return at_; }
  // nullptr after a short read; otherwise the server's text.
  const char* corrupt() const { return corrupt_; }

  bool Take(uint64_t count, std::string_view* taken);
  bool Byte(uint8_t* byte);
  bool Word(size_t size, uint64_t* value);  // little endian
  bool Length(uint64_t* length);
  // `text` points into the bytes, or into `buffer`, if it was stored as a number or compressed.
  bool Text(std::string_view* text, std::string* buffer);
  // A score of type 3.
  bool TextScore(double* score);

 private:
  bool Corrupt(const char* why) {
    corrupt_ = why;
    return false;
  }
  bool LengthOrEncoding(uint64_t* length, bool* encoded);
  bool LongText(std::string_view* text, std::string* buffer);
  bool Compressed(std::string_view* text, std::string* buffer);

  std::string_view bytes_;
  size_t at_ = 0;
  const char* corrupt_ = nullptr;
};

// Writes lengths and strings.
class RdbTextWriter {
 public:
  RdbTextWriter(bool compress, std::string* out) : compress_(compress), out_(out) {}

  std::string* out() { return out_; }
  void Byte(uint8_t byte) { *out_ += static_cast<char>(byte); }
  void Length(uint64_t length);
  // In the shortest form, as the server does: a number, compressed, or its bytes.
  void Text(std::string_view text);

 private:
  bool Number(int64_t value);

  bool compress_;
  std::string* out_;
  LzfCompressor compressor_;
  std::string compressed_;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_RDB_BYTES_H_
